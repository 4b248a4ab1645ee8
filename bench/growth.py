"""Whether an event costs the same however many came before: processor time, memory and disk, million by million.

`python -m bench.growth --millions 50` runs the whole pipeline and prints a line for each million events, durable and
queryable; the log keeps its last gigabyte.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from bench.events import bodies
from bench.sender import post_all
from tests.support.pipeline import Pipeline, Service

_MILLION = 1_000_000
_BATCH = 50
_LOG_BYTES = 1_000_000_000
_HEAD = f"{'millions':>8}{'events/s':>10}{'us an event':>24}{'memory, MiB':>26}{'on disk, MiB':>16}"
_COLUMNS = f"{'':18}{'collector':>12}{'aggregator':>12}{'collector':>14}{'aggregator':>12}{'log':>8}{'store':>8}"


@dataclass(frozen=True)
class _State:
    """Of both services: processor seconds, bytes of memory; of log and store: bytes on disk."""

    busy: tuple[float, ...]
    memory: tuple[int, ...]
    disk: tuple[int, ...]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.growth", description=__doc__)
    parser.add_argument("--millions", type=int, default=10, help="how many million events (default: 10)")
    options = parser.parse_args()
    print(f"{_HEAD}\n{_COLUMNS}", flush=True)
    with tempfile.TemporaryDirectory(prefix="safar-bench-") as directory:
        for line in _lines(Path(directory), options.millions):
            print(line, flush=True)


def _lines(directory: Path, millions: int) -> Iterator[str]:
    log = f"sqlite://{directory}/data/log?retention_bytes={_LOG_BYTES}"
    pipeline = Pipeline(directory, extra={"SAFAR_LOG_URL": log})
    key = pipeline.add_source("bench")
    pipeline.start()
    url = f"http://127.0.0.1:{pipeline.collector_port}/v1/batch"
    try:
        before = _state(pipeline, directory)
        for number in range(millions):
            made = list(bodies(_MILLION, _BATCH, first=number * _MILLION))
            started = time.perf_counter()
            post_all(url, key, made)
            pipeline.wait_drained(timeout_s=300)
            elapsed = time.perf_counter() - started
            after = _state(pipeline, directory)
            yield _line(number + 1, elapsed, before, after)
            before = after
        pipeline.wait_stored("bench", millions * _MILLION, timeout_s=300)
    finally:
        pipeline.end()


def _line(millions: int, elapsed: float, before: _State, after: _State) -> str:
    busy = [new - old for old, new in zip(before.busy, after.busy, strict=True)]  # seconds a million: us an event
    memory, disk = ([size >> 20 for size in sizes] for sizes in (after.memory, after.disk))
    rate = f"{millions:>8}{_MILLION / elapsed:>10,.0f}"
    return f"{rate}{busy[0]:>12.1f}{busy[1]:>12.1f}{memory[0]:>14}{memory[1]:>12}{disk[0]:>8}{disk[1]:>8}"


def _state(pipeline: Pipeline, directory: Path) -> _State:
    services = [_process(service) for service in (pipeline.collector, pipeline.aggregator)]
    times = [service.cpu_times() for service in services]
    return _State(
        tuple(each.user + each.system for each in times),
        tuple(service.memory_info().rss for service in services),
        tuple(_size(directory / "data" / name) for name in ("log", "store")),
    )


def _process(service: Service) -> psutil.Process:
    assert service.process is not None
    return psutil.Process(service.process.pid)


def _size(directory: Path) -> int:
    """Files come and go meanwhile."""
    paths = (Path(parent, name) for parent, _, names in os.walk(directory) for name in names)
    return sum(path.lstat().st_blocks * 512 for path in paths if path.exists())


if __name__ == "__main__":
    main()
