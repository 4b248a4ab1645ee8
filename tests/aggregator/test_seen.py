"""The event-id layer: what counts as a double, and how far back it looks."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safar.contract import to_line
from safar.log import LogRecord
from safar.store import Store
from services.aggregator import seen as seen_module
from services.aggregator.records import Row, dead_letter, rows_of
from services.aggregator.seen import SeenIds
from tests.support.stores import NOW, event, failed, insert


def rows(*items) -> list[Row]:
    record = LogRecord(0, 0, 0, len(items), b"\n".join(map(to_line, items)))
    return list(rows_of(record, "log", frozenset(), NOW))


def named(*names: str) -> list[Row]:
    return rows(*map(event, names))


@pytest.fixture
def seen(store: Store) -> SeenIds:
    return SeenIds(store, window_events=1000, window_days=30)


def restarted(
    store: Store, window_events: int = 1000, log_id: str = "log", partitions: tuple[int, ...] = (0,)
) -> SeenIds:
    """What another process knows after it has looked into the store."""
    seen = SeenIds(store, window_events, window_days=30)
    seen.learn(log_id, dict.fromkeys(partitions, 0), NOW)
    return seen


def doubles(seen: SeenIds, rows: Sequence[Row], now: datetime) -> frozenset[int]:
    """Of a batch whose turn to be inserted has come at once."""
    return seen.doubles(seen.suspects(rows), now)


def test_new_ids_are_no_doubles(seen):
    assert doubles(seen, named("a", "b"), NOW) == frozenset()


def test_the_second_of_two_in_one_batch_is_the_double(seen):
    assert doubles(seen, named("a", "b", "a", "a"), NOW) == {2, 3}


def test_an_id_of_an_earlier_batch_is_a_double(seen, store):
    doubles(seen, named("a"), NOW)
    insert(store, [event("a")])
    assert doubles(seen, named("b", "a", "a"), NOW) == {1, 2}


def test_an_id_of_a_batch_whose_insert_is_under_way_is_a_double_when_it_has_arrived(seen, store):
    """The second batch is prepared during the insert of the first, and asks when that has ended."""
    seen.suspects(named("a", "b"))
    second = seen.suspects(named("a", "b", "c"))
    insert(store, [event("a")])
    assert seen.doubles(second, NOW) == {0}


def test_an_id_stored_before_a_restart_is_a_double(store):
    insert(store, [event("a")])
    assert doubles(restarted(store), named("a", "b"), NOW) == {0}


def test_the_same_id_in_another_source_is_another_event(seen, store):
    both = rows(event("a"), event("a", source="blog"))
    assert doubles(seen, both, NOW) == frozenset()
    insert(store, [event("a")])
    assert doubles(restarted(store), both, NOW) == {0}


def test_an_event_that_was_refused_as_often_as_it_came_is_no_double(seen):
    refused = rows(failed("1", event_id="a"), event("a"), failed("2", event_id="a"))
    assert doubles(seen, refused, NOW) == frozenset()


def test_a_refusal_whose_record_comes_again_is_a_double(seen, store):
    doubles(seen, rows(failed("1")), NOW)
    store.insert_lines("failed_events", to_line(failed("1")), "token")
    assert doubles(seen, rows(failed("1"), failed("2"), failed("2")), NOW) == {0, 2}


def test_a_dead_letter_has_no_id_to_be_recognised_by(seen):
    unreadable = dead_letter(b"x", b"", 0, "cannot be read", NOW)
    assert doubles(seen, [unreadable, unreadable], NOW) == frozenset()


def test_what_the_store_did_not_take_is_no_double_when_it_comes_again(seen):
    assert doubles(seen, named("a", "b"), NOW) == frozenset()
    assert doubles(seen, named("a", "b"), NOW) == frozenset()


def test_only_what_the_filter_takes_for_seen_is_looked_up(seen, store, monkeypatch):
    asked = []
    query = store.query
    monkeypatch.setattr(
        store, "query", lambda sql, parameters: asked.append(parameters["ids"]) or query(sql, parameters)
    )
    doubles(seen, named("a", "b"), NOW)
    assert asked == []
    doubles(seen, named("b", "c"), NOW)
    assert asked == [["b"]]


def test_ids_are_forgotten_after_the_days_of_the_window(store):
    old = [
        event("31 days", received_at=NOW - timedelta(days=31)),
        event("29 days", received_at=NOW - timedelta(days=29)),
    ]
    insert(store, old)
    assert doubles(restarted(store), rows(*old), NOW) == {1}
    assert doubles(restarted(store), rows(*old), NOW + timedelta(days=2)) == frozenset()


def test_an_event_of_long_ago_that_has_just_arrived_is_remembered(store):
    late = event("late", timestamp=NOW - timedelta(days=9000), received_at=NOW)
    insert(store, [late])
    assert doubles(restarted(store), rows(late), NOW) == {0}


def test_a_store_with_more_ids_than_the_window_gives_the_newest(store):
    events = [event(f"{n:02}", received_at=NOW - timedelta(minutes=n)) for n in range(40)]
    insert(store, events)
    found = doubles(restarted(store, window_events=10), rows(*events), NOW)
    assert set(range(10)) <= found
    assert len(found) < 40


def test_the_filter_stays_bounded_and_keeps_at_least_the_window(store):
    seen = SeenIds(store, window_events=50, window_days=30)
    names = [f"{n:03}" for n in range(220)]
    for name in names:
        doubles(seen, named(name), NOW)
        assert seen.remembered <= 50
    insert(store, list(map(event, names)))
    found = doubles(seen, named(*names[-50:]), NOW)
    assert found == set(range(50))


def test_an_id_that_only_the_older_filter_knows_is_carried_on(store):
    seen = SeenIds(store, window_events=2, window_days=30)
    for name in ["a", "b", "c", "a", "d", "e"]:
        doubles(seen, named(name), NOW)
    insert(store, [event("a")])
    assert doubles(seen, named("a"), NOW) == {0}


def test_ids_from_before_the_log_was_made_anew_are_known(store):
    insert(store, [event("a")], log_id="lost")
    assert doubles(restarted(store, log_id="new", partitions=(7,)), named("a"), NOW) == {0}


def test_only_the_ids_of_owned_partitions_are_learnt(store):
    insert(store, [event("a"), event("b")])
    assert restarted(store, partitions=(0, 5)).remembered == 2
    assert restarted(store, partitions=(1, 2)).remembered == 0


def test_a_large_batch_sent_again_is_looked_up_in_pieces(store, monkeypatch):
    names = [f"{n:04}" + "قهوه'\\" * 15 for n in range(1500)]
    insert(store, list(map(event, names)))
    seen = restarted(store, window_events=5000)
    pieces = []
    query = store.query
    monkeypatch.setattr(
        store, "query", lambda sql, parameters: pieces.append(parameters["ids"]) or query(sql, parameters)
    )
    assert doubles(seen, named(*names, "new"), NOW) == set(range(1500))
    assert len(pieces) > 1


@given(st.lists(st.text(max_size=300), max_size=200))
def test_pieces_hold_every_id_once_in_order_and_fit(ids):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seen_module, "_LOOKUP_BYTES", 4000)
        pieces = list(seen_module._pieces(ids))
    assert [name for piece in pieces for name in piece] == ids
    assert all(sum(len(name.encode()) for name in piece) <= 4000 for piece in pieces)
