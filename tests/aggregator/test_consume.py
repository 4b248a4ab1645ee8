"""The loop from log to store: order of its steps, doubles, batches, generations, lag, stopping."""

import dataclasses
import threading

import pytest

from safar.contract import to_line
from safar.log.sqlite import SqliteReader
from safar.store import Store
from services.aggregator.consume import GROUP
from services.aggregator.gather import Limits
from tests.support.consuming import Bench, end, named, running
from tests.support.stores import NOW, count, event, failed, ids

pytestmark = pytest.mark.usefixtures("quick")


def test_the_offset_is_committed_after_the_rows_are_stored(bench, store, monkeypatch):
    stored_at_commit = []
    commit = SqliteReader.commit

    def seen_commit(reader, offsets):
        stored_at_commit.append((ids(store), dict(offsets)))
        commit(reader, offsets)

    monkeypatch.setattr(SqliteReader, "commit", seen_commit)
    bench.append(*named("a", "b"))
    bench.append(*named("c"))
    bench.drain()
    assert stored_at_commit == [(["a", "b", "c"], {0: 2})]
    assert bench.log.committed(GROUP) == {0: 2}


def test_an_event_sent_twice_is_stored_once_in_one_batch_across_batches_and_across_restarts(bench, store):
    bench.append(*named("a", "a"))
    bench.drain()
    consumer = bench.consumer(rows=1)
    bench.append(*named("b"))
    consumer.step()
    bench.append(*named("b", "a"), to_line(event("a", source="blog")))
    bench.drain(consumer)
    assert ids(store) == ["a", "a", "b"]
    assert store.query("SELECT event_id, log_offset, log_index, reason FROM skipped_positions ORDER BY 2, 3") == [
        {"event_id": "a", "log_offset": 0, "log_index": 1, "reason": "duplicate"},
        {"event_id": "b", "log_offset": 2, "log_index": 0, "reason": "duplicate"},
        {"event_id": "a", "log_offset": 2, "log_index": 1, "reason": "duplicate"},
    ]
    assert bench.sample("duplicates_total") == 3


def test_every_partition_is_stored_and_committed(store, tmp_path):
    bench = Bench(tmp_path, store, partitions=3)
    for partition in (2, 0, 2):
        bench.append(*named(f"{partition}-{count(store, 'events')}-{partition}"), partition=partition)
    bench.append(to_line(failed("f")), partition=0)
    bench.drain()
    assert bench.log.committed(GROUP) == {0: 2, 2: 2}
    assert store.query("SELECT log_partition, count() AS rows FROM events GROUP BY 1 ORDER BY 1") == [
        {"log_partition": 0, "rows": 1},
        {"log_partition": 2, "rows": 1},
    ]


def test_batches_are_cut_by_rows(bench, monkeypatch):
    batches = []
    insert_lines = Store.insert_lines

    def counted(store, table, lines, token, fence=None):
        if table == "events":
            batches.append(lines.count(b"\n") + 1)
        insert_lines(store, table, lines, token, fence)

    monkeypatch.setattr(Store, "insert_lines", counted)
    monkeypatch.setattr(SqliteReader, "_fetch", _one_at_a_time(SqliteReader._fetch))
    for number in range(10):
        bench.append(*named(f"{number}a", f"{number}b", f"{number}c"))
    bench.drain(bench.consumer(rows=6, age_s=30.0))
    assert batches == [6] * 5


def _one_at_a_time(fetch):
    def first(reader, partition):
        records = fetch(reader, partition)[:1]
        if records:
            reader.seek(partition, records[0].offset + 1)
        return records

    return first


def test_an_alias_merges_two_users_as_soon_as_it_is_stored(bench, store):
    bench.append(to_line(event("a", user_id="ada")), to_line(event("b", user_id="lovelace")))
    bench.append(to_line(event("m", type="alias", event="", previous_id="ada", user_id="lovelace")))
    bench.drain()
    assert store.query("SELECT DISTINCT person FROM touchpoints") == [{"person": "lovelace"}]


class Moving:
    """A reader whose partitions are given anew when `move` is set, as a group of Kafka readers does it."""

    def __init__(self, reader: SqliteReader) -> None:
        self._reader = reader
        self._generation = 1
        self.move = False

    def assignment(self):
        return dataclasses.replace(self._reader.assignment(), generation=self._generation)

    def poll(self, timeout_s):
        records = self._reader.poll(timeout_s)
        if self.move:
            self.move = False
            self._generation += 1
        return records

    def __getattr__(self, name):
        return getattr(self._reader, name)


def test_what_was_buffered_before_the_partitions_moved_is_forgotten_and_read_again(bench, store, monkeypatch):
    readers = []
    reader_of = type(bench.log).reader
    monkeypatch.setattr(
        type(bench.log), "reader", lambda log, group: readers.append(Moving(reader_of(log, group))) or readers[-1]
    )
    monkeypatch.setattr(SqliteReader, "_fetch", _one_at_a_time(SqliteReader._fetch))
    consumer = bench.consumer(age_s=30.0, rows=3)
    consumer.step()
    for name in "abc":
        bench.append(*named(name))
    readers[0].move = True
    assert consumer.step() == 0
    assert count(store, "events") == 0
    assert consumer.step() == 3
    end(consumer)
    assert ids(store) == ["a", "b", "c"]
    assert bench.sample("recoveries_total") == 2


def test_lag_and_freshness_tell_where_the_consumer_is(bench, store):
    bench.append(*named("a"))
    bench.append(*named("b"), to_line(event("c", received_at=NOW.replace(hour=9))))
    consumer = bench.consumer()
    assert bench.sample("lag_records", partition="0") is None
    consumer.step()
    assert bench.sample("lag_records", partition="0") == 0
    assert consumer.status().lag == {0: 0}
    assert bench.sample("newest_event_timestamp_seconds") == NOW.replace(hour=11).timestamp()
    assert bench.sample("delay_seconds_sum") == 3 * 3600.0
    bench.append(*named("d"))
    bench.drain(consumer)
    assert bench.sample("rows_inserted_total", table="events") == 4
    assert bench.sample("remembered_ids") == 4


def test_stopping_stores_and_commits_the_batch_at_hand(bench, store, monkeypatch):
    polled = threading.Event()
    poll = SqliteReader.poll

    def told_poll(reader, timeout_s):
        records = poll(reader, min(timeout_s, 0.05))
        if records and timeout_s:  # without a timeout it is the look before recovery
            polled.set()
        return records

    monkeypatch.setattr(SqliteReader, "poll", told_poll)
    bench.append(*named("a", "b"))
    consumer = bench.consumer(age_s=3600.0)
    with running(consumer):
        assert polled.wait(60)
    assert ids(store) == ["a", "b"]
    assert bench.log.committed(GROUP) == {0: 1}


def test_a_stopped_consumer_lets_the_next_one_in(bench):
    for _ in range(2):
        end(bench.consumer())


def test_a_batch_waits_longer_the_fuller_it_is_until_it_is_large_or_nothing_comes_any_more():
    limits = Limits(rows=100_000, bytes=1, age_s=0.5, quiet_age_s=0.1)
    coming = [limits.due(7.0, 7.48, rows) - 7.0 for rows in (0, 100, 5_000, 19_999, 20_000)]
    assert coming == pytest.approx([0.1, 0.102, 0.2, 0.49998, 0.48])
    assert limits.due(7.0, 7.0, 19_999) == limits.due(7.0, 7.0, 1) == pytest.approx(7.1)
    assert dataclasses.replace(limits, age_s=0.15).due(7.0, 7.14, 5_000) == 7.15
