"""`safar verify`: a sound store has nothing to report; whatever is missing, doubled or lost is said in words."""

import sqlite3
from contextlib import closing

import pytest

from safar.contract import to_line
from safar.errors import LogUnavailable
from safar.log import open_log
from safar.log.sqlite import SqliteReader
from safar.store import Store
from safar.store import verify as verify_module
from safar.store.verify import Verification, verify
from services.aggregator.consume import GROUP
from tests.support.consuming import Bench
from tests.support.stores import NOW, event, failed


@pytest.fixture
def bench(store: Store, tmp_path) -> Bench:
    """Five records of two partitions, consumed: ten lines, one of them a double, one failed, one not readable."""
    bench = Bench(tmp_path, store, partitions=2)
    bench.append(*(to_line(event(name)) for name in "abc"))
    bench.append(to_line(event("d", user_id="u")), to_line(event("a")))
    bench.append(to_line(failed("f")), b"nonsense", partition=1)
    bench.append(to_line(event("e", anonymous_id="x")), to_line(event("g")), partition=1)
    bench.append(to_line(event("h")), partition=1)
    bench.drain()
    return bench


def verified(bench: Bench) -> Verification:
    return verify(bench.log, bench.store, GROUP, id_window_days=30)


def damage_log(bench: Bench, statement: str, *values: object) -> None:
    with closing(sqlite3.connect(bench.directory / "log" / "records.db")) as file, file:
        file.execute(statement, values)


def copy_rows(store: Store, table: str, where: str, **changed: str) -> None:
    """Insert rows once more, as a store that went wrong might have them; `changed` columns are expressions."""
    replaced = ", ".join(f"{expression} AS {name}" for name, expression in changed.items())
    store.command(
        f"INSERT INTO {table} SELECT * {f'REPLACE ({replaced})' if replaced else ''} FROM {table} WHERE {where}"
    )


def place_of(event_id: str, where: str = "1") -> dict[str, str]:
    """The record that an event is in, for `copy_rows`."""
    names = ("log_partition", "log_epoch", "log_offset")
    return {name: f"(SELECT {name} FROM events WHERE event_id = '{event_id}' AND {where})" for name in names}


def test_a_sound_store_is_accounted_for_position_by_position(bench):
    progress = []
    result = verify(bench.log, bench.store, GROUP, 30, progress.append)
    assert result.problems == []
    assert (result.records, result.lines, sum(progress)) == (5, 10, 10)
    assert result.tables == {"events": 7, "failed_events": 2, "skipped_positions": 1}


def test_an_empty_log_and_store_are_sound(store, tmp_path):
    assert verified(Bench(tmp_path, store)) == Verification(
        tables={"events": 0, "failed_events": 0, "skipped_positions": 0}
    )


def test_what_is_not_committed_yet_is_not_asked_for(bench):
    bench.append(to_line(event("later")))
    assert verified(bench).problems == []
    assert verified(bench).lines == 10


def test_verifying_leaves_the_readers_place_alone(bench):
    committed = bench.log.committed(GROUP)
    verified(bench)
    assert bench.log.committed(GROUP) == committed
    assert verified(bench).lines == 10


@pytest.mark.parametrize(
    ("table", "event_id", "missing"),
    [
        ("events", "b", "partition 0, offset 0: 1 of 3 lines are missing from the store"),
        ("events", "h", "partition 1, offset 2: 1 of 1 lines are missing from the store"),
        ("failed_events", "", "partition 1, offset 0: 2 of 2 lines are missing from the store"),
        ("skipped_positions", "a", "partition 0, offset 1: 1 of 2 lines are missing from the store"),
    ],
)
def test_a_row_that_is_missing_is_reported_with_its_place(bench, table, event_id, missing):
    bench.store.command(f"DELETE FROM {table} WHERE event_id = '{event_id}'")
    assert verified(bench).problems == [missing]


def test_a_row_that_is_stored_twice_is_reported_with_its_place(bench):
    copy_rows(bench.store, "events", "event_id = 'e'")
    assert verified(bench).problems == [
        "partition 1, offset 1: 1 lines are stored more than once",
        "1 positions are stored more than once",
        "1 event ids are stored more than once",
    ]


def test_a_position_in_two_tables_is_stored_twice(bench):
    position = "log_id, log_partition, log_epoch, log_offset, log_index, log_count"
    bench.store.command(
        f"INSERT INTO skipped_positions ({position}) SELECT {position} FROM events WHERE event_id = 'e'"
    )
    assert verified(bench).problems == [
        "partition 1, offset 1: 1 lines are stored more than once",
        "1 positions are stored more than once",
    ]


def test_an_event_id_at_two_positions_is_reported(bench):
    bench.append(to_line(event("new")))
    bench.drain()
    copy_rows(bench.store, "events", "event_id = 'a'", **place_of("new"))
    bench.store.command("DELETE FROM events WHERE event_id = 'new'")
    assert verified(bench).problems == ["1 event ids are stored more than once"]


def test_an_event_id_in_two_sources_or_outside_the_window_is_no_double(bench):
    bench.append(to_line(event("a", source="blog")), to_line(event("h")))
    bench.drain()
    bench.store.command("DELETE FROM skipped_positions WHERE event_id = 'h'")
    copy_rows(
        bench.store,
        "events",
        "event_id = 'h'",
        **place_of("a", "source = 'blog'"),
        log_index="1",
        received_at="received_at - toIntervalDay(31)",
    )
    assert verified(bench).problems == []
    assert verify(bench.log, bench.store, GROUP, id_window_days=32).problems == [
        "1 event ids are stored more than once"
    ]


def test_a_log_that_lost_its_tail_is_reported_by_partition(bench):
    damage_log(bench, "DELETE FROM records WHERE key IN (1, ?)", (1 << 48) + 2)
    assert verified(bench).problems == [
        "partition 0: read up to offset 2, but the log ends at 1",
        "partition 1: read up to offset 3, but the log ends at 2",
    ]


def test_a_log_that_lost_everything_is_reported(bench):
    damage_log(bench, "DELETE FROM records")
    assert len(verified(bench).problems) == 2


def test_a_record_that_is_gone_from_the_middle_of_the_log_is_reported(bench):
    damage_log(bench, "DELETE FROM records WHERE key = ?", (1 << 48) + 1)
    assert verified(bench).problems == ["partition 1, offset 1: in the store, not in the log"]


def test_rows_of_another_log_are_not_compared_with_this_one(bench, store, tmp_path):
    another = Bench(tmp_path / "another", store)
    another.append(to_line(event("z", source="blog")))
    another.drain()
    assert verified(bench).problems == []
    assert verified(another).problems == []


def test_a_projection_that_counts_otherwise_than_the_table_is_reported(bench, monkeypatch):
    monkeypatch.setattr(verify_module, "_PROJECTED", "SELECT 6 AS events")
    assert verified(bench).problems == ["the projection counts 6 events, the table has 7"]


def test_the_count_by_projection_is_answered_by_the_projection(bench):
    plan = bench.store.query(f"EXPLAIN {verify_module._PROJECTED}")
    assert any("devices" in row["explain"] for row in plan), plan


def test_large_stores_are_grouped_in_parts_and_large_logs_in_slices(bench, monkeypatch):
    monkeypatch.setattr(verify_module, "_GROUPED_ROWS", 2)
    monkeypatch.setattr(verify_module, "_SLICE", 2)
    assert verified(bench).problems == []
    copy_rows(bench.store, "events", "event_id IN ('a', 'e')")
    assert "2 positions are stored more than once" in verified(bench).problems
    assert "2 event ids are stored more than once" in verified(bench).problems


def test_a_log_that_gives_nothing_is_waited_for_only_so_long(bench, monkeypatch):
    monkeypatch.setattr(verify_module, "_SILENCE_S", 0.0)
    monkeypatch.setattr(SqliteReader, "poll", lambda *_: [])
    with pytest.raises(LogUnavailable, match=r"before the commit was reached\.$"):
        verified(bench)


def test_a_store_that_is_emptied_misses_everything(tmp_path, store):
    bench = Bench(tmp_path, store)
    bench.append(to_line(event("a", received_at=NOW)), to_line(event("b")))
    bench.drain()
    store.command("TRUNCATE TABLE events")
    assert verified(bench).problems == ["partition 0, offset 0: 2 of 2 lines are missing from the store"]


@pytest.fixture
def cut(bench) -> Bench:
    """The same, after the log was cut: of each partition it has the last record only."""
    bench.log = open_log(f"sqlite://{bench.directory}/log?retention_hours=0")
    with closing(bench.log.writer()) as writer:
        assert writer.cut() == 3
    return bench


def test_what_the_log_no_longer_has_is_accounted_for_by_the_store(cut):
    result = verified(cut)
    assert result.problems == []
    assert result.records == 2


@pytest.mark.parametrize(
    ("lost", "problem"),
    [
        ("event_id = 'b'", "partition 0, offsets 0 to 0, {}: 1 records are not in the store once"),
        ("event_id IN ('e', 'g')", "partition 1, offsets 0 to 1, {}: 1 records are missing from the store"),
    ],
)
def test_what_is_missing_of_it_is_reported(cut, lost, problem):
    cut.store.command(f"DELETE FROM events WHERE {lost}")
    assert verified(cut).problems == [problem.format("which the log no longer has")]
