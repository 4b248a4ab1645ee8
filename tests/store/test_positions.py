"""Which log positions the store has, from all three tables that account for them."""

import json

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safar.store import Store
from safar.store.positions import POSITION_TABLES, stored_positions
from tests.support.stores import empty

Position = tuple[int, int, int, int]
"""Partition, epoch, offset, index."""


def keep(store: Store, table: str, *positions: Position, log_id: str = "log") -> None:
    """Rows of nothing but their positions."""
    names = ("log_partition", "log_epoch", "log_offset", "log_index")
    rows = [dict(zip(names, position, strict=True)) | {"log_id": log_id} for position in positions]
    store.insert_lines(table, "\n".join(map(json.dumps, rows)).encode(), f"{table}{log_id}{positions}")


def test_an_empty_store_has_none(store):
    assert stored_positions(store, "log", 0, 0) == {}


def test_events_failed_events_and_skipped_positions_all_count(store):
    for index, table in enumerate(POSITION_TABLES):
        keep(store, table, (0, 0, 7, index))
    assert stored_positions(store, "log", 0, 0) == {(0, 7): frozenset({0, 1, 2})}


def test_only_offsets_from_the_commit_on_are_read(store):
    keep(store, "events", *((0, 0, offset, 0) for offset in range(5)))
    assert set(stored_positions(store, "log", 0, 3)) == {(0, 3), (0, 4)}


def test_another_partition_another_log_and_another_epoch_are_kept_apart(store):
    keep(store, "events", (0, 0, 1, 0), (1, 0, 1, 1), (0, 2, 1, 2))
    keep(store, "events", (0, 0, 1, 3), log_id="another")
    assert stored_positions(store, "log", 0, 0) == {(0, 1): {0}, (2, 1): {2}}
    assert stored_positions(store, "log", 1, 0) == {(0, 1): {1}}
    assert stored_positions(store, "another", 0, 0) == {(0, 1): {3}}


def test_a_position_that_is_stored_twice_is_one_position(store):
    keep(store, "events", (0, 0, 1, 0), (0, 0, 1, 0))
    keep(store, "failed_events", (0, 0, 1, 0))
    assert stored_positions(store, "log", 0, 0) == {(0, 1): {0}}


def test_the_largest_numbers_fit(store):
    largest = (2**32 - 1, 2**32 - 1, 2**63, 2**32 - 1)
    keep(store, "events", largest)
    assert stored_positions(store, "log", largest[0], largest[2]) == {(largest[1], largest[2]): {largest[3]}}


small = st.integers(0, 3)
places = st.sets(st.tuples(st.sampled_from(POSITION_TABLES), small, small, small, small), max_size=25)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored=places, partition=small, first=small)
def test_any_set_of_rows_gives_its_positions(store, stored, partition, first):
    empty(store)
    for table in POSITION_TABLES:
        if rows := [place[1:] for place in stored if place[0] == table]:
            keep(store, table, *rows)
    expected: dict[tuple[int, int], set[int]] = {}
    for _, where, epoch, offset, index in stored:
        if where == partition and offset >= first:
            expected.setdefault((epoch, offset), set()).add(index)
    assert stored_positions(store, "log", partition, first) == expected
