"""While one batch is inserted the next is prepared; nothing of that shows in what is stored."""

import threading
from collections.abc import Callable

import pytest

from safar.errors import LogCorrupt, StoreUnavailable
from safar.log.sqlite import SqliteReader
from safar.store import Store
from services.aggregator.consume import GROUP, Consumer
from services.aggregator.seen import SeenIds
from tests.support.consuming import Bench, end, named, running, tick
from tests.support.logs import until
from tests.support.stores import ids

pytestmark = pytest.mark.usefixtures("quick")


class Overlap:
    """The first insert of events: it begins by appending a second record and waits until that is prepared."""

    def __init__(self, bench: Bench, monkeypatch: pytest.MonkeyPatch, *second: bytes) -> None:
        self._bench = bench
        self._second = second
        self._prepared = threading.Event()
        self._batches = 0
        self._waits = iter([True])
        self.meanwhile: Callable[[], None] = lambda: None
        suspects, insert_lines = SeenIds.suspects, Store.insert_lines

        def noted(seen, rows):
            found = suspects(seen, rows)
            self._batches += 1
            if self._batches == 2:
                self._prepared.set()
            return found

        def slow(store, table, lines, token, fence=None):
            for _ in self._waits if table == "events" else ():
                self._bench.append(*self._second)
                assert self._prepared.wait(60), "the next batch was not prepared while this one was inserted"
                self.meanwhile()
            insert_lines(store, table, lines, token, fence)

        monkeypatch.setattr(SeenIds, "suspects", noted)
        monkeypatch.setattr(Store, "insert_lines", slow)


def started(bench: Bench) -> Consumer:
    """A consumer that has recovered, before the first record comes."""
    consumer = bench.consumer()
    consumer.step()
    return consumer


def test_the_next_batch_is_prepared_while_one_is_inserted_and_committed_after_it(bench, store, monkeypatch):
    Overlap(bench, monkeypatch, *named("c"))
    consumer = started(bench)
    bench.append(*named("a", "b"))
    assert consumer.step() == 1
    assert (ids(store), bench.log.committed(GROUP)) == (["a", "b"], {0: 1})
    assert consumer.step() == 1
    end(consumer)
    assert (ids(store), bench.log.committed(GROUP)) == (["a", "b", "c"], {0: 2})


def test_an_event_sent_again_while_it_is_inserted_is_stored_once(bench, store, monkeypatch):
    Overlap(bench, monkeypatch, *named("b", "c"))
    consumer = started(bench)
    bench.append(*named("a", "b"))
    bench.drain(consumer)
    assert ids(store) == ["a", "b", "c"]
    assert bench.sample("duplicates_total") == 1


def test_what_was_prepared_while_an_insert_failed_is_prepared_anew(bench, store, monkeypatch):
    overlap = Overlap(bench, monkeypatch, *named("b", "c"))
    consumer = started(bench)
    bench.append(*named("a", "b"))

    def fail() -> None:
        raise StoreUnavailable("away")

    overlap.meanwhile = fail
    with running(consumer):
        until(lambda: bench.log.committed(GROUP) == {0: 2}, tick)
    assert ids(store) == ["a", "b", "c"]
    assert bench.sample("store_failures_total") == 1
    assert bench.sample("recoveries_total") == 2


def test_an_insert_during_which_partitions_moved_is_not_committed_and_not_repeated(bench, store, monkeypatch):
    overlap = Overlap(bench, monkeypatch, *named("c"))
    consumer = started(bench)
    bench.append(*named("a", "b"))
    commits = []
    commit = SqliteReader.commit
    monkeypatch.setattr(SqliteReader, "commit", lambda *arguments: commits.append(arguments[1]) or commit(*arguments))

    def move() -> None:
        consumer._generation = None  # what a poll finds that comes after the next batch is full

    overlap.meanwhile = move
    consumer.step()
    assert (ids(store), commits) == (["a", "b"], [])
    bench.drain(consumer)
    assert ids(store) == ["a", "b", "c"]
    assert commits[-1] == {0: 2}


def test_damage_met_while_a_batch_is_inserted_ends_the_loop_after_its_commit(bench, store, monkeypatch):
    poll = SqliteReader.poll
    damaged = threading.Event()

    def poll_into_damage(reader, timeout_s):
        if damaged.is_set():
            raise LogCorrupt("Record 1 of partition 0 does not match its checksum.")
        return poll(reader, timeout_s)

    def insert_beside_damage(self, table, lines, token, fence=None):
        if table == "events":
            damaged.set()
        insert_lines(self, table, lines, token, fence)

    insert_lines = Store.insert_lines
    monkeypatch.setattr(SqliteReader, "poll", poll_into_damage)
    monkeypatch.setattr(Store, "insert_lines", insert_beside_damage)
    bench.append(*named("a"))
    consumer = bench.consumer()
    with pytest.raises(LogCorrupt):
        consumer.run()
    assert (ids(store), bench.log.committed(GROUP)) == (["a"], {0: 1})


def test_stopping_leaves_what_was_prepared_to_the_next_start(bench, store, monkeypatch):
    overlap = Overlap(bench, monkeypatch, *named("c"))
    consumer = started(bench)
    bench.append(*named("a", "b"))
    overlap.meanwhile = consumer.stop
    consumer.run()
    assert (ids(store), bench.log.committed(GROUP)) == (["a", "b"], {0: 1})
    bench.drain()
    assert ids(store) == ["a", "b", "c"]
