"""Steps 5 and 6 in a loop, from log to store: poll, drop what is done or double, insert, commit; in doubt, recover.

While one batch is inserted, in a thread of its own, the next is polled and prepared: one core for Python, the other for
the engine. Inserts and commits keep the order of the log, and nothing is decided of a batch that the insert before it
could change: whether an id is stored already is asked when its turn has come.

Recovery is the one mechanism behind "exactly once": read which positions at or above the committed offset the store
has, read the log again from there, and insert only what is missing. A start, a rebalance and a failed insert are
all the same to it.
"""

import logging
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from safar.clock import Clock
from safar.errors import LogCorrupt, LogReplaced, LogUnavailable, StoreUnavailable
from safar.log import Log, LogReader, LogRecord
from safar.store import Fenced, RowsRefused, Store
from safar.store.fence import Fence
from safar.store.identity import refresh_aliases
from safar.store.positions import Done, stored_positions
from safar.store.takeover import take_over
from safar.telemetry import AggregatorMetrics
from services.aggregator.gather import Gathering, Limits
from services.aggregator.records import Row, Skipped, rows_of
from services.aggregator.seen import SeenIds, Suspects
from services.aggregator.sink import Batch, Sink

GROUP = "safar-aggregator"

_POLL_TIMEOUT_S = 0.25
_GLANCE_S = 0.02
_BACKOFF_FIRST_S = 0.1
_BACKOFF_MOST_S = 5.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Status:
    """How the consumer is doing: `failing` says in words what is wrong, `lag` counts waiting records by partition."""

    failing: str = ""
    lag: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Prepared:
    """A batch that waits for its turn to be inserted."""

    records: Sequence[LogRecord]
    rows: Sequence[Row]
    suspects: Suspects

    def offsets(self) -> dict[int, int]:
        """What is committed when it is stored."""
        return {record.partition: record.offset + 1 for record in self.records}


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
        self._inserter = ThreadPoolExecutor(1, "inserter")
        self._gathering = Gathering(limits)
        self._next: _Prepared | None = None
        self._stop = threading.Event()
        self._generation: int | None = None
        self._fence: Fence | None = None
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
                except Fenced as error:
                    _log.warning("%s Asking anew what is ours.", error)
                    self._generation = None
                except (StoreUnavailable, LogUnavailable, RowsRefused) as error:
                    _log.warning("%s Trying again in %.1f s.", error, backoff)
                    self._metrics.failures.inc()
                    self.failing = str(error)
                    self._generation = None
                    self._stop.wait(backoff)
                    backoff = min(backoff * 2, _BACKOFF_MOST_S)
        finally:
            self._inserter.shutdown()
            self._reader.close()

    def step(self) -> int:
        """One batch, from poll to commit, and what could be done of the next meanwhile; how many records it held."""
        if self._generation is None:
            self._reader.poll(0)
            self._measure_lag()
            self._recover()
        batch = self._next or self._prepare(self._gather())
        self._next = None
        if batch:
            started = time.perf_counter()
            inserting = self._inserter.submit(self._store_batch, batch)
            try:
                self._next = self._prepare(self._gather(inserting))
            finally:
                inserting.result()
                self._commit(batch.offsets())
            self._metrics.insert_seconds.observe(time.perf_counter() - started)
        self._measure_lag()
        return len(batch.records) if batch else 0

    def _commit(self, offsets: Mapping[int, int]) -> None:
        """What is stored. When partitions have moved meanwhile, whoever has them now reads their positions."""
        if self._generation is not None:
            self._reader.commit(offsets)
            self._seen.reached(offsets, self._log_id)

    def _recover(self) -> None:
        """Shut out who inserted before, learn what the store has, and read the log again from the committed offsets."""
        assignment = self._reader.assignment()
        self._fence = take_over(self._store, self._log_id, assignment.committed) if assignment.committed else None
        self._next, self._gathering, self._done = None, Gathering(self._limits), {}
        for partition, offset in assignment.committed.items():
            self._done[partition] = stored_positions(self._store, self._log_id, partition, offset)
            self._reader.seek(partition, offset)
        self._refuse_lost_tail()
        self._seen.learn(self._log_id, assignment.committed, self._clock())
        refresh_aliases(self._store)
        self._generation = assignment.generation
        self._metrics.recoveries.inc()

    def _refuse_lost_tail(self) -> None:
        """New records at offsets that the store knows from others would be taken for stored and dropped."""
        for partition, end in self._reader.ends().items():
            stored = max((offset for _, offset in self._done.get(partition, ())), default=-1)
            if stored >= end:
                raise LogReplaced(
                    f"The store has offset {stored} of partition {partition}, but the log ends at {end}: "
                    "it lost its tail."
                )

    def _gather(self, inserting: "Future[None] | None" = None) -> Sequence[LogRecord]:
        """Records for one batch, all of one assignment; empty when none is due, or partitions moved.

        While a batch is `inserting` it looks for more until that ends; what is not due by then stays gathered.
        """
        while not self._stop.is_set():
            found = self._gathering.records
            wait = self._gathering.due_in_s() if found else _POLL_TIMEOUT_S
            try:
                self._gathering.add(self._reader.poll(min(wait, _GLANCE_S) if inserting else wait))
            except LogCorrupt:
                if found:
                    break  # what stands before the damage is stored first; the next poll meets it again
                raise
            if self._reader.assignment().generation != self._generation:
                self._generation = None
                return []
            if found and self._gathering.due_in_s() == 0:
                break
            if inserting.done() if inserting else not found:
                return []
        gathered, self._gathering = self._gathering.records, Gathering(self._limits)
        return gathered

    def _prepare(self, records: Sequence[LogRecord]) -> _Prepared | None:
        if not records:
            return None
        now = self._clock()
        rows = [row for record in records for row in self._missing(record, now)]
        return _Prepared(records, rows, self._seen.suspects(rows))

    def _store_batch(self, batch: _Prepared) -> None:
        """In the inserter's thread."""
        rows, now = batch.rows, self._clock()
        doubles = self._seen.doubles(batch.suspects, now)
        fresh = [row for index, row in enumerate(rows) if index not in doubles] if doubles else rows
        skipped = [Skipped(rows[index], "duplicate") for index in sorted(doubles)]
        first, last = batch.records[0], batch.records[-1]
        assert self._fence  # without a partition there are no records
        places = f"{first.partition}:{first.offset}-{last.partition}:{last.offset}"
        self._sink.write(fresh, skipped, Batch(f"{places}:{self._log_id}:{self._fence.token}", self._fence), now)
        events = [row.head for row in fresh if row.head.table == "events"]
        if "alias" in {event.type for event in events}:
            refresh_aliases(self._store)
        if events:
            arrivals = [event.received_at for event in events]
            self._metrics.freshness.set(max(arrivals).timestamp())
            self._metrics.delay_seconds.observe((self._clock() - min(arrivals)).total_seconds())
        self._metrics.remembered_ids.set(self._seen.remembered)

    def _missing(self, record: LogRecord, now: datetime) -> list[Row]:
        """The rows of a record that the store did not have at the last recovery."""
        done = self._done.get(record.partition, {}).get((record.epoch, record.offset), frozenset())
        return rows_of(record, self._log_id, done, now)

    def _measure_lag(self) -> None:
        committed = self._reader.assignment().committed
        lag = {partition: end - committed.get(partition, end) for partition, end in self._reader.ends().items()}
        for partition in self._lag.keys() - lag.keys():
            self._metrics.lag.remove(partition)  # another reader's now
        for partition, records in lag.items():
            self._metrics.lag.labels(partition).set(records)
        self._lag = lag
