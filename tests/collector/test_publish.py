"""The queue in front of the log: durable before the answer, shared appends, bounds, failures, a graceful end."""

import asyncio
from collections import defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safar.errors import CollectorBusy, LogUnavailable, StoreUnavailable
from safar.log import NewRecord
from safar.telemetry import CollectorMetrics, new_registry
from services.collector import publish
from services.collector.publish import Publisher, pack, partition_of
from tests.support.collector import GatedLog, eventually


@pytest.fixture
def metrics() -> CollectorMetrics:
    return CollectorMetrics(new_registry())


@pytest.fixture
async def publisher(slow_log, metrics):
    publisher = Publisher(slow_log, metrics, queue_max_bytes=100, record_max_bytes=1000)
    yield publisher
    slow_log.gate.set()
    await publisher.close()


def packed(*lines: bytes, partition: int = 0) -> NewRecord:
    return NewRecord(partition, len(lines), b"\n".join(lines))


async def appending(publisher: Publisher, log: GatedLog, *lines: bytes) -> "asyncio.Task[None]":
    """Publish, and return when the append of these lines has begun and waits at the gate."""
    begun = log.started
    task = asyncio.create_task(publisher.publish([packed(*lines)]))
    await eventually(lambda: log.started == begun + 1)
    return task


@pytest.mark.parametrize(
    ("source", "person", "partitions", "expected"),
    [
        ("shop", "u-1", 4, 2),
        ("shop", "u-2", 4, 0),
        ("cdnow", "0001", 12, 1),
        ("shop", "سارا", 1024, 517),
        ("", "", 7, 2),
    ],
)
def test_the_partition_of_a_person_never_changes(source, person, partitions, expected):
    """Another hash would send half a journey to another writer: that is a migration, not an edit."""
    assert partition_of(source, person, partitions) == expected


def test_source_and_person_do_not_run_into_each_other():
    found = {partition_of(source, person, 1 << 20) for source, person in [("ab", "c"), ("a", "bc"), ("abc", "")]}
    assert len(found) == 3


_LINE = st.binary(max_size=40).filter(lambda line: b"\n" not in line)


@given(
    requests=st.lists(st.tuples(st.integers(0, 3), st.lists(_LINE, min_size=1, max_size=4))), most=st.integers(40, 200)
)
@settings(derandomize=True, deadline=None, database=None, max_examples=200)
def test_packing_keeps_every_line_in_order_within_the_limit(requests, most):
    sent = defaultdict(list)
    for partition, lines in requests:
        sent[partition] += lines
    found = defaultdict(list)
    for record in pack([packed(*lines, partition=partition) for partition, lines in requests], most):
        assert len(record.value) <= most
        assert len(record.value.split(b"\n")) == record.count
        found[record.partition] += record.value.split(b"\n")
    assert found == sent


def test_a_record_is_filled_to_the_last_byte():
    lines = [b"aaaa", b"bbbbb", b"c"]
    assert list(pack([packed(*lines)], 10)) == list(pack(map(packed, lines), 10)) == [packed(*lines[:2]), packed(b"c")]
    assert list(pack([packed(*lines[:2])], 10)) == [packed(*lines[:2])]
    assert [record.count for record in pack([packed(b"aaaa", b"bbbbbb")], 10)] == [1, 1]


def test_a_line_larger_than_a_record_stands_alone():
    assert list(pack([packed(b"a", b"b" * 20, b"c")], 10)) == [packed(b"a"), packed(b"b" * 20), packed(b"c")]


async def test_publishing_returns_only_after_the_append(publisher, slow_log):
    waiting = await appending(publisher, slow_log, b"a")
    for _ in range(20):
        await asyncio.sleep(0)
    assert not waiting.done()
    slow_log.gate.set()
    await waiting
    assert slow_log.lines() == [b"a"]


async def test_what_gathers_during_an_append_shares_the_next(publisher, slow_log):
    tasks = [await appending(publisher, slow_log, b"first")]
    tasks += [asyncio.create_task(publisher.publish([packed(b"%d" % number)])) for number in range(20)]
    await asyncio.sleep(0)  # each task runs up to where it waits
    slow_log.gate.set()
    await asyncio.gather(*tasks)
    assert len(slow_log.appends) == 2
    assert slow_log.lines() == [b"first", *(b"%d" % number for number in range(20))]


async def test_nothing_to_publish_is_done_at_once(publisher, slow_log):
    async with asyncio.timeout(5):
        await publisher.publish([])
    assert slow_log.started == 0


async def test_a_full_queue_takes_nothing(publisher, slow_log):
    tasks = [await appending(publisher, slow_log, b"x" * 60)]
    tasks.append(asyncio.create_task(publisher.publish([packed(b"y" * 40)])))
    await asyncio.sleep(0)
    with pytest.raises(CollectorBusy):
        await publisher.publish([packed(b"z", b"z")])
    slow_log.gate.set()
    await asyncio.gather(*tasks)
    await publisher.publish([packed(b"z")])
    assert slow_log.lines() == [b"x" * 60, b"y" * 40, b"z"]


async def test_what_is_larger_than_the_queue_goes_alone(publisher, slow_log):
    """Were it refused, its sender would send it again for ever."""
    slow_log.gate.set()
    await publisher.publish([packed(b"x" * 101)])
    assert slow_log.lines() == [b"x" * 101]


@pytest.mark.parametrize("failure", [LogUnavailable("The disk is full."), StoreUnavailable("Gone.")])
async def test_a_failed_append_fails_those_who_wait_for_it_and_nobody_else(publisher, slow_log, failure):
    slow_log.failure = failure
    tasks = [await appending(publisher, slow_log, b"a")]
    slow_log.gate.set()
    assert await asyncio.gather(*tasks, return_exceptions=True) == [failure]
    assert publisher.failing is failure
    slow_log.failure = None
    await publisher.publish([packed(b"b")])
    assert publisher.failing is None
    assert slow_log.lines() == [b"b"]


async def test_an_error_nobody_foresaw_is_answered_and_the_next_append_works(publisher, slow_log, caplog):
    slow_log.failure = KeyError("u-1@example.org")
    slow_log.gate.set()
    with pytest.raises(LogUnavailable):
        await publisher.publish([packed(b"a")])
    assert "KeyError at collector.py:" in caplog.text
    assert "example.org" not in caplog.text
    slow_log.failure = None
    async with asyncio.timeout(5):
        await publisher.publish([packed(b"b")])


async def test_a_failure_is_held_against_the_log_for_a_while_only(publisher, slow_log, monkeypatch):
    """A balancer that asks /ready sends nothing to a collector that is not: then no append can show it well again."""
    slow_log.failure = LogUnavailable("The disk is full.")
    slow_log.gate.set()
    with pytest.raises(LogUnavailable):
        await publisher.publish([packed(b"a")])
    assert publisher.failing
    monkeypatch.setattr(publish, "_FAILURE_COUNTS_S", 0.0)
    assert publisher.failing is None


async def test_a_request_that_goes_away_takes_no_neighbour_with_it(publisher, slow_log):
    tasks = [await appending(publisher, slow_log, b"a")]
    gone, stays = (asyncio.create_task(publisher.publish([packed(line)])) for line in (b"gone", b"stays"))
    await asyncio.sleep(0)
    gone.cancel()
    slow_log.gate.set()
    await asyncio.gather(*tasks, stays)
    assert gone.cancelled()
    assert slow_log.lines() == [b"a", b"gone", b"stays"]


async def test_the_queue_is_empty_again_after_a_failure(publisher, slow_log, metrics):
    slow_log.failure = LogUnavailable("The disk is full.")
    slow_log.gate.set()
    for _ in range(5):
        with pytest.raises(LogUnavailable):
            await publisher.publish([packed(b"x" * 60)])
    assert metrics.registry.get_sample_value("safar_collector_queue_bytes") == 0
    assert metrics.registry.get_sample_value("safar_collector_append_failures_total") == 5


async def test_closing_appends_what_waits_and_takes_no_more(slow_log, metrics):
    publisher = Publisher(slow_log, metrics, queue_max_bytes=100, record_max_bytes=1000)
    tasks = [await appending(publisher, slow_log, b"a")]
    tasks.append(asyncio.create_task(publisher.publish([packed(b"b")])))
    await asyncio.sleep(0)
    closing = asyncio.create_task(publisher.close())
    await asyncio.sleep(0)
    with pytest.raises(CollectorBusy):
        await publisher.publish([packed(b"c")])
    assert not slow_log.closed
    slow_log.gate.set()
    async with asyncio.timeout(5):
        await asyncio.gather(closing, *tasks)
    assert slow_log.lines() == [b"a", b"b"]
    assert slow_log.closed


async def test_records_are_no_larger_than_the_log_takes(slow_log, metrics):
    slow_log.max_record_bytes = 10
    slow_log.gate.set()
    publisher = Publisher(slow_log, metrics, queue_max_bytes=100, record_max_bytes=1000)
    await publisher.publish([packed(b"aaaa", b"cccccc"), packed(b"bbbb", partition=1)])
    await publisher.close()
    assert [(record.partition, record.value) for (record) in slow_log.appends[0]] == [
        (0, b"aaaa"),
        (0, b"cccccc"),
        (1, b"bbbb"),
    ]
