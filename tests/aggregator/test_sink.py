"""Rows into the store: each in its table, the unstorable ones alone in failed_events, whatever a line holds."""

import itertools
import logging
from datetime import datetime, timedelta

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from safar.contract import to_line
from safar.errors import StoreUnavailable
from safar.log import LogRecord
from safar.store import RowsRefused, Store
from safar.telemetry import AggregatorMetrics
from services.aggregator import sink as sink_module
from services.aggregator.records import Row, Skipped, rows_of
from services.aggregator.sink import Batch, Sink
from tests.support.stores import NOW, count, event, failed, ids, line

POISON = {
    "money too large": line("p").replace(b'"kind"', b'"revenue":1e300,"kind"'),
    "money of too many digits": line("p").replace(b'"kind"', b'"revenue":' + b"9" * 40 + b',"kind"'),
    "money in words": line("p", revenue="much"),
    "a number of another type": line("p", score={"stars": 5}),
    "a stamp in words": line("p", sent_at="zzz"),
    "an impossible stamp": line("p", original_timestamp="2026-13-01T00:00:00Z"),
    "a version below zero": line("p", contract=-1),
    "a column twice": line("p").replace(b'"kind"', b'"event":"again","kind"'),
    "a position of its own": line("p", log_offset=7),
    "half a character": line("p").replace(b'"kind"', b'"url":"\\ud800","kind"'),
    "depth": line("p").replace(b'"kind"', b'"more":' + b"[" * 2000 + b"]" * 2000 + b',"kind"'),
}


@pytest.fixture
def metrics() -> AggregatorMetrics:
    return AggregatorMetrics(CollectorRegistry())


@pytest.fixture
def sink(store: Store, metrics: AggregatorMetrics) -> Sink:
    return Sink(store, metrics)


def rows(*lines: bytes, offset: int = 5) -> list[Row]:
    record = LogRecord(2, 1, offset, len(lines), b"\n".join(lines))
    return list(rows_of(record, "log", frozenset(), NOW))


def unread(poison: bytes, neighbours: list[Row]) -> Row:
    """The row of a line that the aggregator's own reading let through."""
    return Row.of(neighbours[0].head, poison, neighbours[0].place, 9)


def test_every_row_arrives_in_its_table_with_its_position(sink, store):
    sink.write(rows(to_line(event("a")), to_line(failed("f")), to_line(event("b"))), [], Batch("token"), NOW)
    assert store.query("SELECT event_id, log_id, log_partition, log_epoch, log_offset, log_index FROM events") == [
        {"event_id": name, "log_id": "log", "log_partition": 2, "log_epoch": 1, "log_offset": 5, "log_index": index}
        for name, index in (("a", 0), ("b", 2))
    ]
    assert store.query("SELECT failed_id, log_index FROM failed_events") == [{"failed_id": "f", "log_index": 1}]


def test_skipped_positions_are_recorded_with_their_reason(sink, store, metrics):
    kept, double = rows(to_line(event("a")), to_line(event("a")))
    sink.write([kept], [Skipped(double, "duplicate")], Batch("token"), NOW)
    assert store.query("SELECT reason, source, event_id, log_offset, log_index FROM skipped_positions") == [
        {"reason": "duplicate", "source": "shop", "event_id": "a", "log_offset": 5, "log_index": 1}
    ]
    assert metrics.registry.get_sample_value("safar_aggregator_duplicates_total") == 1


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON.keys())
def test_a_row_that_the_store_refuses_is_a_dead_letter_and_its_neighbours_are_stored(sink, store, poison):
    good = rows(*(to_line(event(name)) for name in "abcde"))
    sink.write([*good[:2], unread(poison, good), *good[2:]], [], Batch("token"), NOW)
    assert ids(store) == list("abcde")
    (dead,) = store.query("SELECT tag, rule, body, log_offset, log_index FROM failed_events")
    assert (dead["log_offset"], dead["log_index"], dead["tag"]) == (5, 9, "unreadable_record")
    assert dead["body"] == poison.decode()
    assert dead["rule"].startswith("Code: ")


def test_several_unstorable_rows_are_each_found(sink, store, metrics):
    good = rows(*(to_line(event(f"{n:02}")) for n in range(50)))
    for place in (0, 7, 8, 30, 50):
        good.insert(place, unread(POISON["money in words"], good))
    sink.write(good, [], Batch("token"), NOW)
    assert ids(store) == [f"{n:02}" for n in range(50)]
    assert count(store, "failed_events") == 5
    assert metrics.registry.get_sample_value("safar_aggregator_dead_letters_total") == 5
    assert metrics.registry.get_sample_value("safar_aggregator_rows_inserted_total", {"table": "events"}) == 50


def test_a_log_of_nothing_but_unstorable_rows_is_not_buried(sink, store, monkeypatch):
    monkeypatch.setattr(sink_module, "_DEAD_LETTER_LIMIT", 3)
    good = rows(to_line(event("a")))
    with pytest.raises(StoreUnavailable, match="refuses row after row"):
        sink.write([unread(POISON["money in words"], good)] * 4, [], Batch("token"), NOW)
    assert count(store, "failed_events") == 0


def test_the_log_of_the_service_does_not_quote_a_refused_row(sink, caplog):
    good = rows(to_line(event("a")))
    secret = line("p", revenue="secret", user_id="ada@example.org")
    with caplog.at_level(logging.DEBUG, logger="services"):
        sink.write([unread(secret, good)], [], Batch("token"), NOW)
    assert '"log_offset":5' in caplog.text
    assert "secret" not in caplog.text
    assert "ada" not in caplog.text


def test_a_refused_insert_of_sixty_thousand_rows_stores_nothing(store):
    good = [row.text for row in rows(*(to_line(event(str(n))) for n in range(60_000)))]
    bad = unread(POISON["a stamp in words"], rows(to_line(event("a")))).text
    with pytest.raises(RowsRefused):
        store.insert_lines("events", b"\n".join([*good, bad]), "token")
    assert count(store, "events") == 0


def test_events_of_a_hundred_months_are_one_part(sink, store):
    months = [NOW - timedelta(days=31 * n) for n in range(120)]
    sink.write(rows(*(to_line(event(str(n), timestamp=at)) for n, at in enumerate(months))), [], Batch("token"), NOW)
    assert store.query("SELECT count() AS rows, uniqExact(toYYYYMM(timestamp)) AS months FROM events") == [
        {"rows": 120, "months": 120}
    ]
    assert store.query("SELECT count() AS parts FROM system.parts WHERE table = 'events' AND active") == [{"parts": 1}]


def test_the_same_insert_sent_twice_is_stored_once(sink, store):
    for _ in range(2):
        sink.write(rows(to_line(event("a"))), [], Batch("token"), NOW)
    assert ids(store) == ["a"]
    sink.write(rows(to_line(event("a"))), [], Batch("another token"), NOW)
    assert ids(store) == ["a", "a"]


def test_a_line_of_an_older_and_of_a_newer_contract_load(sink, store):
    older = b'{"kind":"event","contract":0,"event_id":"old","source":"shop","type":"track",'
    older += b'"timestamp":"2020-01-01T00:00:00Z","received_at":"2020-01-01T00:00:01Z"}'
    newer = line("new", contract=9, mood={"happy": [1]}, weather="sunny")
    sink.write(rows(older, newer), [], Batch("token"), NOW)
    found = store.query(
        "SELECT event_id, contract, stage, revenue, properties, timestamp FROM events ORDER BY event_id"
    )
    assert [row["event_id"] for row in found] == ["new", "old"]
    assert found[1] == {
        "event_id": "old",
        "contract": 0,
        "stage": "",
        "revenue": None,
        "properties": "{}",
        "timestamp": datetime(2020, 1, 1),
    }


offsets = itertools.count()
columns = st.sampled_from([*msgspec.json.decode(line("a")), "revenue", "score", "properties", "log_id", "new"])
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(columns, values, max_size=3), min_size=1, max_size=4))
def test_whatever_members_a_line_has_every_position_is_stored_once(sink, store, members):
    offset = next(offsets)
    lines = [line(f"{offset}-{index}", **each) for index, each in enumerate(members)]
    sink.write(rows(*lines, b"", offset=offset), [], Batch(f"token-{offset}"), NOW)
    stored = "SELECT log_index FROM events WHERE log_offset = {offset:UInt64} "
    stored += "UNION ALL SELECT log_index FROM failed_events WHERE log_offset = {offset:UInt64}"
    found = store.query(f"SELECT * FROM ({stored}) ORDER BY log_index", {"offset": offset})
    assert [row["log_index"] for row in found] == list(range(len(lines) + 1))
