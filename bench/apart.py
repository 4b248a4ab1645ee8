"""The services one after the other: the collector alone on one core, then the aggregator on what it left in the log."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.events import bodies
from bench.sender import post_all
from tests.support.kafka_broker import running_broker
from tests.support.pipeline import Pipeline, Service, free_port

_TOKEN = "bench"


@dataclass(frozen=True)
class Rates:
    """Events a second."""

    batches: float
    singles: float
    to_store: float


def on_one_machine(directory: Path, *, events: int, batch: int, singles: int) -> Rates:
    """SQLite log and embedded store."""
    directory.mkdir(parents=True)
    return _measured(Pipeline(directory), events, batch, singles)


def on_kafka(directory: Path, *, events: int, batch: int, singles: int) -> Rates:
    """A real broker, and the store server in ClickHouse's place."""
    (directory / "kafka").mkdir(parents=True)
    with running_broker(directory / "kafka") as broker:
        port = free_port()
        topic = f"kafka://{broker.address}/bench-{uuid.uuid4().hex[:8]}?partitions=4"
        store = f"http://writer:{_TOKEN}@127.0.0.1:{port}/default"
        pipeline = Pipeline(directory, extra={"SAFAR_LOG_URL": topic, "SAFAR_STORE_DSN": store})
        own = {
            "SAFAR_STORE_DSN": f"chdb://{directory / 'store'}",
            "SAFAR_WRITE_TOKEN": _TOKEN,
            "SAFAR_SQL_PORT": str(port),
        }
        server = Service("store-server", pipeline.environment | own, port, directory / "store-server.out")
        server.start()
        try:
            return _measured(pipeline, events, batch, singles)
        finally:
            server.end()


def _measured(pipeline: Pipeline, events: int, batch: int, singles: int) -> Rates:
    key = pipeline.add_source("bench")
    address = f"http://127.0.0.1:{pipeline.collector_port}/v1"
    many, each = list(bodies(events, batch)), list(bodies(singles, 1))
    pipeline.collector.start()
    try:
        with _on_cores_of_their_own(pipeline.collector):
            in_batches = events / post_all(f"{address}/batch", key, many)
            one_by_one = singles / post_all(f"{address}/track", key, each)
        started = time.perf_counter()
        pipeline.aggregator.start()
        # The single events have the ids of the first ones: they are recognised, and not stored.
        pipeline.wait_stored("bench", events, timeout_s=300)
        pipeline.wait_drained(timeout_s=300)
        to_store = (events + singles) / (time.perf_counter() - started)
    finally:
        pipeline.end()
    return Rates(in_batches, one_by_one, to_store)


@contextmanager
def _on_cores_of_their_own(service: Service) -> Iterator[None]:
    """The service on the last core, everything else of ours on the others; as it was where that cannot be said."""
    if not hasattr(os, "sched_setaffinity") or service.process is None:
        yield
        return
    every = sorted(os.sched_getaffinity(0))
    _pin(service.process.pid, {every[-1]})
    os.sched_setaffinity(0, set(every[:-1]) or set(every))
    try:
        yield
    finally:
        os.sched_setaffinity(0, every)


def _pin(process: int, cores: set[int]) -> None:
    for thread in Path(f"/proc/{process}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)
