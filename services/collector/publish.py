"""Step 4: pack the lines of concurrent requests into records and append them; a request waits until its own are in.

As soon as one append ends the next begins with whatever has gathered meanwhile: an idle collector answers at once,
a busy one shares each fsync among many requests.
"""

import asyncio
import logging
import time
import zlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from safar.errors import CollectorBusy, LogUnavailable, SafarError
from safar.fault import kind_and_place
from safar.log import LogWriter, NewRecord
from safar.telemetry import CollectorMetrics

_log = logging.getLogger(__name__)

_FAILURE_COUNTS_S = 10.0


def partition_of(source: str, person: str, partitions: int) -> int:
    """Where a person's events go: one partition for a whole journey and every retry of it."""
    if partitions == 1:
        return 0
    return zlib.crc32(f"{source}\0{person}".encode()) % partitions


class _Group:
    """What will be durable together."""

    def __init__(self) -> None:
        self.records: list[NewRecord] = []
        self.bytes = 0
        self.waiting: list[asyncio.Future[None]] = []

    async def appended(self) -> None:
        """Return when all is durable, or raise why it is not known to be."""
        # One for each who waits: a client that goes away must not cancel what its neighbours wait for.
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(mine)
        await mine

    def end(self, error: Exception | None = None) -> None:
        """Tell all who still wait."""
        for one in self.waiting:
            if one.done():
                continue
            if error:
                one.set_exception(error)
            else:
                one.set_result(None)


class Publisher:
    """The bounded queue in front of the log. Belongs to one event loop."""

    def __init__(
        self, writer: LogWriter, metrics: CollectorMetrics, queue_max_bytes: int, record_max_bytes: int
    ) -> None:
        self._writer = writer
        self._metrics = metrics
        self._queue_max_bytes = queue_max_bytes
        self._record_max_bytes = min(record_max_bytes, writer.max_record_bytes)
        self._thread = ThreadPoolExecutor(1, "log-writer")
        self._gathering = _Group()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._closing = False
        self._failure: SafarError | None = None
        self._failed_at = 0.0
        self._task = asyncio.create_task(self._run())

    @property
    def failing(self) -> SafarError | None:
        """Why the last append failed, for a while.

        Then hope counts again: whoever routes by /ready sends nothing here meanwhile, and without an append nothing
        could show that the log is well.
        """
        return self._failure if time.monotonic() < self._failed_at + _FAILURE_COUNTS_S else None

    async def publish(self, records: Sequence[NewRecord]) -> None:
        """Return when all are durable. CollectorBusy: nothing was taken. LogUnavailable: not confirmed."""
        if not records:
            return
        size = sum(len(record.value) for record in records)
        # What is larger than the whole queue goes alone: else it would be sent again and again for nothing.
        full = self._queued_bytes > 0 and self._queued_bytes + size > self._queue_max_bytes
        if self._closing or full:
            raise CollectorBusy("The collector is busy; send the same events again after a moment.")
        group = self._gathering
        group.records += records
        group.bytes += size
        self._queued_bytes += size
        self._wake.set()
        await group.appended()

    async def _run(self) -> None:
        while self._gathering.records or not self._closing:
            if self._gathering.records:
                group, self._gathering = self._gathering, _Group()
                await self._append(group)
            else:
                self._wake.clear()
                await self._wake.wait()

    async def _append(self, group: _Group) -> None:
        self._metrics.queue_bytes.set(self._queued_bytes)
        started = time.perf_counter()
        try:
            records = list(pack(group.records, self._record_max_bytes))
            await asyncio.get_running_loop().run_in_executor(self._thread, self._writer.append, records)
        except Exception as error:
            self._fail(group, error)
        else:
            self._failure = None
            self._metrics.append_seconds.observe(time.perf_counter() - started)
            group.end()
        self._queued_bytes -= group.bytes
        self._metrics.queue_bytes.set(self._queued_bytes)

    def _fail(self, group: _Group, error: Exception) -> None:
        """Tell all who wait. Whatever it was, this task goes on: without it every later request would wait for ever."""
        if not isinstance(error, SafarError):
            _log.error("the log failed: %s", kind_and_place(error))
            error = LogUnavailable("The log did not take the events; send them again.")
        self._failure, self._failed_at = error, time.monotonic()
        self._metrics.append_failures.inc()
        group.end(error)

    async def close(self) -> None:
        """Append what is waiting, then let go of the log."""
        self._closing = True
        self._wake.set()
        await self._task
        self._thread.shutdown()
        self._writer.close()


def pack(records: Iterable[NewRecord], max_bytes: int) -> Iterator[NewRecord]:
    """The same lines in as few records as there can be, each of at most `max_bytes` if it has more than one line."""
    by_partition: dict[int, list[NewRecord]] = defaultdict(list)
    for record in records:
        by_partition[record.partition].append(record)
    for partition, its_records in by_partition.items():
        value = b"\n".join([record.value for record in its_records])
        if len(value) <= max_bytes:  # nearly always
            yield NewRecord(partition, sum(record.count for record in its_records), value)
        else:
            yield from _cut(partition, value.split(b"\n"), max_bytes)


def _cut(partition: int, lines: Sequence[bytes], max_bytes: int) -> Iterator[NewRecord]:
    first = size = 0
    for number, line in enumerate(lines):
        if number > first and size + len(line) > max_bytes:
            yield NewRecord(partition, number - first, b"\n".join(lines[first:number]))
            first, size = number, 0
        size += len(line) + 1
    yield NewRecord(partition, len(lines) - first, b"\n".join(lines[first:]))
