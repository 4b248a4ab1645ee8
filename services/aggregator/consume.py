"""The loop from log to store: poll, drop what is done or double, insert, commit. After any doubt, recover.

Recovery is the one mechanism behind "exactly once": read which positions at or above the committed offset the store
has, read the log again from there, and insert only what is missing. A start, a rebalance and a failed insert are
all the same to it.
"""

import logging
import threading
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from safar.clock import Clock
from safar.errors import LogUnavailable, StoreUnavailable
from safar.log import Log, LogReader, LogRecord
from safar.store import RowsRefused, Store
from safar.store.positions import Done, stored_positions
from safar.telemetry import AggregatorMetrics
from services.aggregator.identity import refresh_aliases
from services.aggregator.records import Row, Skipped, rows_of
from services.aggregator.seen import SeenIds
from services.aggregator.sink import Sink

GROUP = "safar-aggregator"

_POLL_TIMEOUT_S = 0.25
_BACKOFF_FIRST_S = 0.1
_BACKOFF_MOST_S = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Limits:
    """When a batch is cut: by rows, bytes or age, whichever comes first."""

    rows: int
    bytes: int
    age_s: float = 0.15


@dataclass(frozen=True)
class Status:
    """How the consumer is doing: `failing` says in words what is wrong, `lag` counts waiting records by partition."""

    failing: str = ""
    lag: Mapping[int, int] = field(default_factory=dict)


class Consumer:
    """Moves records from the log into the store. `run` belongs to one thread; `stop` may come from any."""

    def __init__(
        self, log: Log, store: Store, seen: SeenIds, metrics: AggregatorMetrics, limits: Limits, clock: Clock
    ) -> None:
        self._log_id = log.log_id
        self._reader: LogReader = log.reader(GROUP)
        self._store = store
        self._seen = seen
        self._metrics = metrics
        self._limits = limits
        self._clock = clock
        self._sink = Sink(store, metrics)
        self._stop = threading.Event()
        self._generation: int | None = None
        self._incarnation = ""
        self._done: dict[int, Done] = {}
        self._lag: Mapping[int, int] = {}
        self.failing: str = "starting"

    def status(self) -> Status:
        """How it is doing, for readiness, page and reports; may be asked from any thread."""
        return Status(self.failing, self._lag)

    def stop(self) -> None:
        """Finish the batch at hand and return from `run`."""
        self._stop.set()

    def run(self) -> None:
        """Until `stop`. Raises only what waiting cannot mend: LogCorrupt, LogReplaced."""
        backoff = _BACKOFF_FIRST_S
        try:
            while not self._stop.is_set():
                try:
                    self.step()
                    backoff, self.failing = _BACKOFF_FIRST_S, ""
                except (StoreUnavailable, LogUnavailable, RowsRefused) as error:
                    _log.warning("%s Trying again in %.1f s.", error, backoff)
                    self._metrics.failures.inc()
                    self.failing = str(error)
                    self._generation = None
                    self._stop.wait(backoff)
                    backoff = min(backoff * 2, _BACKOFF_MOST_S)
        finally:
            self._reader.close()

    def step(self) -> int:
        """One batch, from poll to commit; how many records it held."""
        if self._generation is None:
            self._reader.poll(0)
            self._recover()
        records = self._gather()
        if records:
            started = time.perf_counter()
            self._store_batch(records)
            self._reader.commit({record.partition: record.offset + 1 for record in records})
            self._metrics.insert_seconds.observe(time.perf_counter() - started)
        self._measure_lag()
        return len(records)

    def _recover(self) -> None:
        """Learn what the store has, and read the log again from the committed offsets."""
        assignment = self._reader.assignment()
        self._seen.forget()
        self._done = {}
        for partition, offset in assignment.committed.items():
            self._done[partition] = stored_positions(self._store, self._log_id, partition, offset)
            self._seen.load(self._log_id, partition, self._clock())
            self._reader.seek(partition, offset)
        refresh_aliases(self._store)
        self._incarnation = uuid.uuid4().hex[:8]
        self._generation = assignment.generation
        self._metrics.recoveries.inc()

    def _gather(self) -> list[LogRecord]:
        """Records for one batch, all of one assignment; empty when there are none, or partitions moved."""
        gathered: list[LogRecord] = []
        rows = size = 0
        deadline = time.monotonic() + _POLL_TIMEOUT_S
        while not self._stop.is_set():
            records = self._reader.poll(max(0.0, deadline - time.monotonic()))
            if self._reader.assignment().generation != self._generation:
                self._generation = None
                return []
            if records and not gathered:
                deadline = time.monotonic() + self._limits.age_s
            gathered += records
            rows += sum(record.count for record in records)
            size += sum(len(record.value) for record in records)
            if time.monotonic() >= deadline or rows >= self._limits.rows or size >= self._limits.bytes:
                break
        return gathered

    def _store_batch(self, records: list[LogRecord]) -> None:
        now = self._clock()
        rows: list[Row] = []
        for record in records:
            done = self._done.get(record.partition, {}).get((record.epoch, record.offset), frozenset())
            rows.extend(rows_of(record, self._log_id, done, now))
        doubles = self._seen.doubles(rows, now)
        fresh = [row for index, row in enumerate(rows) if index not in doubles]
        skipped = [Skipped(rows[index], "duplicate") for index in sorted(doubles)]
        first, last = records[0], records[-1]
        token = f"{first.partition}:{first.offset}-{last.partition}:{last.offset}:{self._log_id}:{self._incarnation}"
        self._sink.write(fresh, skipped, token, now)
        if any(row.type == "alias" for row in fresh):
            refresh_aliases(self._store)
        self._metrics.freshness.set(now.timestamp())
        self._metrics.remembered_ids.set(self._seen.remembered)

    def _measure_lag(self) -> None:
        committed = self._reader.assignment().committed
        self._lag = {partition: end - committed.get(partition, end) for partition, end in self._reader.ends().items()}
        for partition, records in self._lag.items():
            self._metrics.lag.labels(partition).set(records)
