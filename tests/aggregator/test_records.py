"""From packed records to rows: positions, and lines that cannot be read."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safar.contract import to_line
from safar.log import LogRecord
from services.aggregator.records import Row, Skipped, rows_of
from tests.support.stores import NOW, event, failed, line, without

RECORD = {"partition": 3, "epoch": 7, "offset": 41}


def rows(*lines: bytes, done: frozenset[int] = frozenset()) -> list[Row]:
    record = LogRecord(**RECORD, count=len(lines), value=b"\n".join(lines))
    return list(rows_of(record, "sqlite:1", done, NOW))


def stored(row: Row) -> dict:
    return json.loads(row.text)


def test_each_line_becomes_a_row_with_its_own_position():
    found = [stored(row) for row in rows(to_line(event("a")), to_line(failed("f")), to_line(event("b")))]
    assert [row["log_index"] for row in found] == [0, 1, 2]
    shared = {"log_id": "sqlite:1", "log_partition": 3, "log_epoch": 7, "log_offset": 41, "log_count": 3}
    assert all(shared.items() <= row.items() for row in found)


def test_events_and_failed_events_go_to_their_tables():
    assert [(row.head.table, row.head.id) for row in rows(to_line(event("a")), to_line(failed("f", event_id="x")))] == [
        ("events", "a"),
        ("failed_events", "f"),
    ]


def test_a_line_goes_to_the_store_byte_for_byte():
    sent = to_line(event("a", event="قهوه", user_id="u\\\"'\n"))
    (row,) = rows(sent)
    assert row.text.startswith(sent[:-1])
    assert (row.head.source, row.head.id, row.head.type) == ("shop", "a", "track")
    assert row.head.received_at == NOW.replace(hour=11)


def test_positions_that_the_store_has_are_left_out():
    lines = [to_line(event(name)) for name in "abcd"]
    assert [row.head.id for row in rows(*lines, done=frozenset({0, 2}))] == ["b", "d"]
    assert rows(*lines, done=frozenset(range(4))) == []


def test_a_line_of_an_older_and_of_a_newer_contract_are_events():
    older = without("old", "event", "stage")
    newer = line("new", contract=9, mood="happy", seen={"by": [1, 2]})
    assert [(row.head.table, row.head.id) for row in rows(older, newer)] == [("events", "old"), ("events", "new")]


def test_spaces_after_a_line_do_no_harm():
    (row,) = rows(to_line(event("a")) + b" \r")
    assert stored(row)["event_id"] == "a"


UNREADABLE = {
    "nothing": b"",
    "no JSON": b"{nonsense",
    "no object": b"[1]",
    "two objects": to_line(event("a")) * 2,
    "no kind": b'{"source":"shop"}',
    "another kind": to_line(event("a")).replace(b'"event"', b'"invoice"', 1),
    "no timestamp": without("a", "timestamp"),
    "no time of arrival": without("a", "received_at"),
    "no id": without("a", "event_id"),
    "an empty id": line(""),
    "an id of another type": line("a", event_id=7),
    "a timestamp in words": line("a", timestamp="zzz"),
    "a timestamp of no zone": line("a", received_at="2026-01-01T00:00:00"),
    "half a character": line("a", url="@").replace(b"@", b"\\ud800"),
    "depth without end": line("a", more="@").replace(b'"@"', b"[" * 100_000 + b"]" * 100_000),
}


@pytest.mark.parametrize("poison", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_line_that_cannot_be_read_is_a_dead_letter_at_its_own_position(poison):
    before, dead, after = rows(to_line(event("before")), poison, to_line(event("after")))
    assert (before.head.id, after.head.id) == ("before", "after")
    assert dead.head.table == "failed_events"
    kept = stored(dead)
    assert (kept["log_offset"], kept["log_index"], kept["tag"]) == (41, 1, "unreadable_record")
    assert kept["rule"].startswith("cannot be read: ")
    assert kept.get("body", "") == poison[: 32 * 1024].decode()


def test_bytes_that_are_no_text_are_kept_as_base64():
    (dead,) = rows(b"\xff\xfe\x00")
    kept = stored(dead)
    assert (kept["body_encoding"], base64.b64decode(kept["body"])) == ("base64", b"\xff\xfe\x00")


def test_a_dead_letter_says_when_it_was_found():
    (dead,) = rows(b"nonsense")
    assert stored(dead)["received_at"] == "2026-03-15T12:00:00Z"
    assert dead.head.received_at == NOW


def test_a_skipped_position_has_its_reason_and_names_the_event():
    (row,) = rows(to_line(event("a")))
    assert json.loads(Skipped(row, "duplicate").json()) == {
        "reason": "duplicate",
        "source": "shop",
        "event_id": "a",
        "received_at": "2026-03-15T11:00:00Z",
        "log_id": "sqlite:1",
        "log_partition": 3,
        "log_epoch": 7,
        "log_offset": 41,
        "log_count": 1,
        "log_index": 0,
    }


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
any_line = (
    st.binary(max_size=60)
    | st.text(max_size=60).map(str.encode)
    | st.dictionaries(
        st.sampled_from(["kind", "source", "received_at", "timestamp", "event_id", "type", "url"]), json_values
    ).map(lambda members: line("a", **members))
)


@given(st.lists(any_line.map(lambda found: found.replace(b"\n", b" ")), min_size=1, max_size=5))
def test_whatever_stands_in_a_record_every_position_gets_one_readable_row(lines):
    found = [stored(row) for row in rows(*lines)]
    assert [row["log_index"] for row in found] == list(range(len(lines)))
