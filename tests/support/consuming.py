"""Consumers on a SQLite log and an embedded store, started, crashed and started again."""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from prometheus_client import CollectorRegistry

from safar.contract import to_line
from safar.log import Log, LogRecord, NewRecord, open_log
from safar.store import Store
from safar.telemetry import AggregatorMetrics
from services.aggregator.consume import Consumer
from services.aggregator.gather import Limits
from services.aggregator.seen import SeenIds
from tests.support.logs import read, until
from tests.support.stores import clock, event


class Crash(BaseException):
    """The process is gone: nothing that handles errors may handle this."""


@dataclass
class Bench:
    """One log, one store, and as many consumers as needed, one after the other."""

    directory: Path
    store: Store
    partitions: int = 1
    log: Log = field(init=False)
    metrics: AggregatorMetrics = field(init=False)

    def __post_init__(self) -> None:
        self.log = open_log(f"sqlite://{self.directory}/log?partitions={self.partitions}")
        self.metrics = AggregatorMetrics(CollectorRegistry())

    def append(self, *lines: bytes, partition: int = 0) -> None:
        """One packed record."""
        with closing(self.log.writer()) as writer:
            writer.append([NewRecord(partition, len(lines), b"\n".join(lines))])

    def records(self) -> list[LogRecord]:
        """All that is in the log."""
        with closing(self.log.reader("looking")) as reader:
            return read(reader, sum(reader.ends().values()))

    def consumer(self, rows: int = 1000, age_s: float = 0.0) -> Consumer:
        """What a new process would make; the one before must have ended."""
        seen = SeenIds(self.store, window_events=10_000, window_days=30)
        return Consumer(self.log, self.store, seen, self.metrics, Limits(rows, 1 << 26, age_s, age_s), clock)

    def drain(self, consumer: Consumer | None = None) -> None:
        """Consume to the end of the log and stop."""
        consumer = consumer or self.consumer()
        try:
            consumer.step()
            until(lambda: drained(consumer), consumer.step)
        finally:
            end(consumer)

    def sample(self, name: str, **labels: str) -> float | None:
        """The value of one of the aggregator's metrics."""
        return self.metrics.registry.get_sample_value(f"safar_aggregator_{name}", labels)


def drained(consumer: Consumer) -> bool:
    lag = consumer.status().lag
    return bool(lag) and not any(lag.values())


def end(consumer: Consumer) -> None:
    """Let go of the log; a consumer that is told to stop before it runs does nothing else."""
    consumer.stop()
    consumer.run()


@contextmanager
def running(consumer: Consumer) -> Iterator[threading.Thread]:
    """The consumer in a thread of its own, stopped after the block."""
    thread = threading.Thread(target=consumer.run)
    thread.start()
    try:
        yield thread
    finally:
        consumer.stop()
        thread.join()


def named(*names: str) -> list[bytes]:
    """A line for each."""
    return [to_line(event(name)) for name in names]


def tick() -> None:
    """A moment for the consumer's thread, while a bounded loop looks on."""
    threading.Event().wait(0.005)
