"""The loop when something fails: what waiting mends is waited for, what it cannot mend ends the loop."""

import sqlite3
import threading
from contextlib import closing

import pytest

from safar.errors import LogCorrupt, LogReplaced, LogUnavailable, StoreUnavailable
from safar.log.sqlite import SqliteReader
from safar.store import Store
from services.aggregator.consume import GROUP
from services.aggregator.seen import SeenIds
from tests.support.consuming import Bench, drained, named, running, tick
from tests.support.logs import until
from tests.support.stores import count, ids

pytestmark = pytest.mark.usefixtures("quick")


def test_a_commit_that_fails_once_doubles_nothing(bench, store, monkeypatch):
    refusals = iter([LogUnavailable("The commit was not stored.")])
    commit = SqliteReader.commit

    def commit_after_a_refusal(reader, offsets):
        for refusal in refusals:
            raise refusal
        commit(reader, offsets)

    monkeypatch.setattr(SqliteReader, "commit", commit_after_a_refusal)
    bench.append(*named("a", "b"))
    consumer = bench.consumer()
    with running(consumer):
        until(lambda: drained(consumer), tick)
    assert ids(store) == ["a", "b"]
    assert count(store, "skipped_positions") == 0
    assert bench.sample("store_failures_total") == 1
    assert bench.sample("recoveries_total") == 2


def test_while_the_store_is_away_the_consumer_says_so_and_goes_on_when_it_is_back(bench, store, monkeypatch):
    back = threading.Event()
    insert_lines = Store.insert_lines

    def insert_when_back(self, table, lines, token, fence=None):
        if not back.is_set():
            raise StoreUnavailable("The store did not confirm: it is away.")
        insert_lines(self, table, lines, token, fence)

    monkeypatch.setattr(Store, "insert_lines", insert_when_back)
    consumer = bench.consumer()
    assert consumer.status().failing == "starting"
    bench.append(*named("a"))
    with running(consumer):
        until(lambda: consumer.status().failing == "The store did not confirm: it is away.", tick)
        bench.append(*named("b"))
        until(lambda: bench.sample("lag_records", partition="0") == 2, tick)
        back.set()
        until(lambda: drained(consumer) and not consumer.status().failing, tick)
    assert ids(store) == ["a", "b"]
    assert bench.sample("store_failures_total") >= 1


def test_a_store_that_fails_while_ids_are_learnt_is_waited_for(bench, store, monkeypatch):
    failures = iter([StoreUnavailable("away")])
    load = SeenIds.learn

    def load_after_a_failure(seen, *arguments):
        for failure in failures:
            raise failure
        load(seen, *arguments)

    bench.append(*named("a", "b"))
    bench.drain()
    monkeypatch.setattr(SeenIds, "learn", load_after_a_failure)
    bench.append(*named("b", "c"))
    consumer = bench.consumer()
    with running(consumer):
        until(lambda: drained(consumer), tick)
    assert ids(store) == ["a", "b", "c"]


def test_after_a_failure_only_the_ids_that_came_since_are_learnt(bench, store, monkeypatch):
    learnt = []
    failures = iter([StoreUnavailable("away")] * 3)
    column_blocks, insert_lines = Store.column_blocks, Store.insert_lines

    def noted_blocks(self, sql, asked):
        learnt.append("since" if "first" in asked else "all")
        return column_blocks(self, sql, asked)

    def insert_after_failures(self, table, lines, token, fence=None):
        if table == "events":
            for failure in failures:
                raise failure
        insert_lines(self, table, lines, token, fence)

    monkeypatch.setattr(Store, "insert_lines", insert_after_failures)
    monkeypatch.setattr(Store, "column_blocks", noted_blocks)
    bench.append(*named("a", "a"))
    consumer = bench.consumer()
    with running(consumer):
        until(lambda: drained(consumer), tick)
    assert ids(store) == ["a"]
    assert bench.sample("recoveries_total") == 4
    assert learnt == ["all", "since", "since", "since"]


def damage(bench: Bench, statement: str) -> None:
    name = "commits" if "commits" in statement else "records"
    with closing(sqlite3.connect(bench.directory / "log" / f"{name}.db")) as file, file:
        file.execute(statement)


def test_a_damaged_record_ends_the_loop_after_what_stands_before_it_is_stored(bench, store):
    for name in "abcd":
        bench.append(*named(name))
    damage(bench, "UPDATE records SET value = x'78' WHERE key = 2")
    with pytest.raises(LogCorrupt, match=r"^Record 2 of partition 0 does not match its checksum\.$"):
        bench.consumer(age_s=30.0).run()
    assert ids(store) == ["a", "b"]
    assert bench.log.committed(GROUP) == {0: 2}


def test_a_log_that_lost_records_which_the_store_has_ends_the_loop(bench, store):
    for name in "abc":
        bench.append(*named(name))
    bench.drain()
    damage(bench, "DELETE FROM records WHERE key = 2")
    damage(bench, "UPDATE commits SET next_offset = 1")
    with pytest.raises(
        LogReplaced, match=r"^The store has offset 2 of partition 0, but the log ends at 2: it lost its tail\.$"
    ):
        bench.consumer().run()


def test_a_log_that_lost_records_which_were_committed_is_not_read(bench):
    bench.append(*named("a"))
    bench.drain()
    damage(bench, "DELETE FROM records")
    with pytest.raises(
        LogReplaced, match=r"^Offset 1 of partition 0 is committed, but the log ends at 0: it lost its tail\.$"
    ):
        bench.consumer()


def test_a_log_made_anew_is_read_from_its_start_and_known_events_are_doubles(bench, store, tmp_path):
    bench.append(*named("a", "b"))
    bench.drain()
    anew = Bench(tmp_path / "anew", store)
    anew.append(*named("b", "c"))
    anew.drain()
    assert ids(store) == ["a", "b", "c"]
    assert ids(store, "skipped_positions") == ["b"]
