"""What each guarantee costs: from log to store with everything on, and with one thing at a time switched off.

`python -m bench.features` moves the same events once for each, in turns, and prints the middle of the rounds: wall time
and processor time an event, and the difference that the switch makes. Nothing of this can be switched off in Safar.
"""

import argparse
import multiprocessing
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from prometheus_client import CollectorRegistry
from tqdm import tqdm

from bench.events import call
from safar.clock import system_clock
from safar.contract import to_lines
from safar.contract.accept import Receipt, accept
from safar.log import NewRecord, open_log
from safar.store import Store, migrate, open_store
from safar.store.fence import Fence
from safar.telemetry import AggregatorMetrics
from services.aggregator.consume import GROUP, Consumer
from services.aggregator.gather import Limits
from services.aggregator.seen import SeenIds, Suspects

_RECORD, _PARTITIONS, _WINDOW = 500, 4, 10_000_000
_FSYNC = ("fsync_after_insert", "fsync_part_directory", "min_rows_to_fsync_after_merge")
_INDEXES = ("by_event_id", "by_type", "by_user", "by_anonymous", "by_position")


def _without_fence(_store: Store) -> None:
    Fence.condition = property(lambda _: "1")  # type: ignore[assignment,method-assign]


def _without_fsync(store: Store) -> None:
    store.command(f"ALTER TABLE events MODIFY SETTING {', '.join(f'{name} = 0' for name in _FSYNC)}")


def _without_event_ids(_store: Store) -> None:
    SeenIds.suspects = lambda *_: Suspects(frozenset(), {})  # type: ignore[method-assign]


def _without_projection(store: Store) -> None:
    store.command("ALTER TABLE events DROP PROJECTION devices")


def _without_indexes(store: Store) -> None:
    for name in _INDEXES:
        store.command(f"ALTER TABLE events DROP INDEX {name}")


class _InTurns:
    """Runs what is submitted at once, in the thread that submits it."""

    def submit(self, work: Callable[..., None], *arguments: Any) -> "Future[None]":  # noqa: ANN401
        done: Future[None] = Future()
        work(*arguments)
        done.set_result(None)
        return done


_SWITCHES: Mapping[str, Callable[[Store], None]] = {
    "everything on": lambda _: None,
    "without the fence": _without_fence,
    "without fsync of the store": _without_fsync,
    "without the event ids": _without_event_ids,
    "without the projection of devices": _without_projection,
    "without the skip indexes": _without_indexes,
    "preparing and inserting in turns": lambda _: None,
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.features", description=__doc__)
    parser.add_argument("--events", type=int, default=300_000, help="how many are moved each time")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="safar-bench-") as directory:
        _fill(Path(directory) / "filled", options.events)
        for line in _table(Path(directory), options.events, options.rounds):
            print(line, flush=True)


def _fill(log: Path, events: int) -> None:
    writer = open_log(f"sqlite://{log}?partitions={_PARTITIONS}").writer()
    receipt = Receipt("bench", datetime.now(UTC))
    for number, first in enumerate(range(0, events, _RECORD)):
        its = [accept(msgspec.json.encode(call(each)), receipt) for each in range(first, min(events, first + _RECORD))]
        writer.append([NewRecord(number % _PARTITIONS, len(its), to_lines(its))])
    writer.close()


def _table(directory: Path, events: int, rounds: int) -> Iterator[str]:
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in _SWITCHES}
    for name in tqdm([*_SWITCHES] * rounds, unit="run", disable=None):
        shutil.copytree(directory / "filled", directory / "run" / "log")
        # A process for each: the engine is one a process, and a switch stays.
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            taken[name].append(pool.apply(_move, (directory / "run", events, name)))
        shutil.rmtree(directory / "run")
    middle = {name: tuple(map(statistics.median, zip(*each, strict=True))) for name, each in taken.items()}
    wall, busy = middle["everything on"]
    yield f"{'us an event':<38}{'wall':>8}{'':>9}{'processor':>12}"
    for name, (its_wall, its_busy) in middle.items():
        yield f"{name:<38}{its_wall:>8.2f}{its_wall - wall:>+9.2f}{its_busy:>12.2f}{its_busy - busy:>+9.2f}"


def _move(directory: Path, events: int, switch: str) -> tuple[float, float]:
    """Microseconds an event: on the wall, and of all processors."""
    store = open_store(f"chdb://{directory}/store")
    migrate(store)
    _SWITCHES[switch](store)
    log = open_log(f"sqlite://{directory}/log")
    seen = SeenIds(store, _WINDOW, window_days=30)
    metrics = AggregatorMetrics(CollectorRegistry())
    consumer = Consumer(log, store, seen, metrics, Limits(100_000, 1 << 26), system_clock)
    if switch == "preparing and inserting in turns":
        consumer._inserter = _InTurns()  # type: ignore[assignment]
    ends = events // _RECORD
    started, busy = time.perf_counter(), time.process_time()
    while sum(log.committed(GROUP).values()) < ends:
        consumer.step()
    return (time.perf_counter() - started) / events * 1e6, (time.process_time() - busy) / events * 1e6


if __name__ == "__main__":
    main()
