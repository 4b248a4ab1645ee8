"""Exactly once: whatever was stored when a consumer ended, the next one inserts only what is missing."""

import itertools
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safar.contract import to_line
from safar.log.sqlite import SqliteReader
from safar.store import Store
from safar.store.verify import verify
from services.aggregator import consume
from services.aggregator.consume import GROUP
from services.aggregator.records import Row, Skipped, rows_of
from services.aggregator.seen import SeenIds
from tests.support.consuming import Bench, Crash
from tests.support.stores import NOW, empty, event, failed, ids, line

LAST_MONTH = NOW - timedelta(days=20)

RECORDS = (
    (to_line(event("a")), line("p", revenue="much"), to_line(failed("f")), b"nonsense", to_line(event("a"))),
    (to_line(event("b", received_at=LAST_MONTH)), to_line(event("c", type="alias", previous_id="x", user_id="y"))),
    (to_line(event("a", source="blog")), to_line(event("b")), to_line(event("d"))),
)
ONCE = {"events": ["a", "a", "b", "c", "d"], "failed_events": ["", "", ""], "skipped_positions": ["a", "b"]}


@pytest.fixture
def crash_before(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Let the process end before its nth insert or commit."""
    insert_lines, commit = Store.insert_lines, SqliteReader.commit

    def arm(effects: int) -> None:
        left = itertools.count(effects, -1)

        def counted(effect):
            def run(*arguments):
                if next(left) <= 0:
                    raise Crash
                return effect(*arguments)

            return run

        monkeypatch.setattr(Store, "insert_lines", counted(insert_lines))
        monkeypatch.setattr(SqliteReader, "commit", counted(commit))

    return arm


def filled(directory: Path, store: Store) -> Bench:
    empty(store)
    bench = Bench(directory, store)
    for lines in RECORDS:
        bench.append(*lines)
    return bench


def crashes(bench: Bench) -> bool:
    """Whether the next consumer met the crash that was prepared."""
    try:
        bench.drain()
    except Crash:
        return True
    return False


def contents(store: Store) -> dict[str, list[str]]:
    return {table: ids(store, table) for table in ONCE}


def test_a_consumer_that_is_not_disturbed_stores_everything_once(store, tmp_path):
    bench = filled(tmp_path, store)
    bench.drain()
    assert contents(store) == ONCE
    assert verify(bench.log, store, GROUP, 30).problems == []


def test_a_crash_before_any_insert_or_commit_loses_and_doubles_nothing(store, tmp_path, crash_before):
    for effects in itertools.count():
        bench = filled(tmp_path / str(effects), store)
        crash_before(effects)
        crashed = crashes(bench)
        crash_before(1000)
        bench.drain()
        assert contents(store) == ONCE, f"after a crash before effect {effects}"
        assert verify(bench.log, store, GROUP, 30).problems == []
        if not crashed:
            break
    assert effects > 5, "inserts into three tables, halves for the poison, aliases, commit"


def test_crash_after_crash_loses_and_doubles_nothing(store, tmp_path, crash_before):
    bench = filled(tmp_path, store)
    for effects in range(20):
        crash_before(effects)
        if not crashes(bench):
            break
    assert contents(store) == ONCE


def test_without_recovery_the_same_crash_stores_twice(store, tmp_path, crash_before, monkeypatch):
    """The negative control: what the tests above would see if recovery did not work."""
    monkeypatch.setattr(consume, "stored_positions", lambda *_: {})
    monkeypatch.setattr(SeenIds, "learn", lambda *_: None)
    bench = filled(tmp_path, store)
    monkeypatch.setattr(SqliteReader, "commit", _crash)
    assert crashes(bench)
    crash_before(1000)
    bench.drain()
    assert contents(store)["events"] == sorted(ONCE["events"] * 2)
    assert any("stored more than once" in problem for problem in verify(bench.log, store, GROUP, 30).problems)


def _crash(*_: object) -> None:
    raise Crash


def all_rows(bench: Bench) -> tuple[list[Row], list[Skipped]]:
    """What a whole run would store, and what it would skip; the line that only the store refuses is in neither."""
    every = [
        row
        for record in bench.records()
        for row in rows_of(record, bench.log.log_id, frozenset(), NOW)
        if row.head.id != "p"
    ]
    doubles = (every[3], every[7])
    assert [double.head.id for double in doubles] == ["a", "b"]
    return [row for row in every if row not in doubles], [Skipped(row, "duplicate") for row in doubles]


ROWS, SKIPPED = 7, 2
some = st.sets(st.integers(0, ROWS + SKIPPED - 1))
folders = itertools.count()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored=some, rows_a_batch=st.integers(1, 10))
def test_any_part_may_be_stored_already_and_batches_may_be_cut_anew(store, tmp_path, stored, rows_a_batch):
    bench = filled(tmp_path / f"any{next(folders)}", store)
    rows, skipped = all_rows(bench)
    assert (len(rows), len(skipped)) == (ROWS, SKIPPED)
    parts = [(row.head.table, row.text) for row in rows] + [("skipped_positions", each.json()) for each in skipped]
    for index in stored:
        table, part = parts[index]
        store.insert_lines(table, part, f"before:{index}")
    bench.drain(bench.consumer(rows=rows_a_batch))
    assert contents(store) == ONCE
    assert verify(bench.log, store, GROUP, 30).problems == []
