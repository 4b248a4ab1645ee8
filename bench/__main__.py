"""Run every measurement once and print one table.

The load generator runs on the same cores as the pipeline. Rates are events per second; the share is that of the limit
measured just before in the same run, so it can be compared between machines.
"""

import argparse
import os
import platform
import tempfile
from pathlib import Path

from bench import apart, latency, limits, whole
from tests.support.kafka_broker import missing_tool

_DEFAULT_EVENTS = 500_000


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--events", type=int, default=_DEFAULT_EVENTS, help="events sent in batches of 50")
    options = parser.parse_args()
    print(f"{_processor()}, {os.cpu_count()} cores, Python {platform.python_version()}, {platform.platform()}")
    with tempfile.TemporaryDirectory(prefix="safar-bench-") as directory:
        for line in _measure(Path(directory), options.events):
            print(line, flush=True)


def _measure(directory: Path, events: int):  # noqa: ANN202 - yields the lines of the table
    yield f"{'what':<58}{'events/s':>12}{'share of limit':>18}"
    contract = limits.contract_alone()
    yield _row("limit: decode, validate, enrich, encode, one core", contract)
    log = limits.log_alone(directory / "log")
    yield _row("limit: SQLite log alone, fsynced groups of 1,000", log)
    store = limits.store_alone(directory / "store")
    yield _row("limit: embedded engine alone, inserts of 100,000", store)
    http = limits.http_alone(batch=50)
    yield _row("limit: aiohttp answering nothing, batches of 50", http)
    result = whole.batches(directory / "whole", events=events, batch=50)
    yield _row("pipeline: batches of 50, durable before the 200", result.answered, min(contract, log, http))
    yield _row("pipeline: the same, until all of it can be queried", result.queryable, min(contract, log, store, http))
    yield f"{'':<4}{result.queryable_after_s:.2f} s from the last answer until all of it could be queried"
    half = latency.at(directory / "latency", rate=result.queryable / 2, seconds=15, batch=50)
    yield f"{'':<4}at half of that: {half}"
    single = limits.http_alone(batch=1)
    yield _row("limit: aiohttp answering nothing, single events", single)
    result = whole.batches(directory / "single", events=max(events // 20, 1000), batch=1)
    yield _row("pipeline: single events, durable before the 200", result.answered, single)
    half = latency.at(directory / "latency of single", rate=result.answered / 2, seconds=15, batch=1)
    yield f"{'':<4}at half of that: {half}"
    alone = apart.on_one_machine(directory / "apart", events=events, batch=50, singles=events // 20)
    yield _row("collector alone on one core: batches of 50", alone.batches, min(contract, log, http))
    yield _row("collector alone on one core: single events", alone.singles, single)
    yield _row("aggregator alone: log to store, its start included", alone.to_store, store)
    if tool := missing_tool():
        yield f"not measured on Kafka: {tool} is not installed"
        return
    alone = apart.on_kafka(directory / "on kafka", events=events, batch=50, singles=events // 20)
    yield _row("Kafka, collector alone on one core: batches of 50", alone.batches, min(contract, http))
    yield _row("Kafka, collector alone on one core: single events", alone.singles, single)
    yield _row("Kafka, aggregator and store server: log to store", alone.to_store, store)


def _row(what: str, rate: float, limit: float | None = None) -> str:
    share = "" if limit is None else f"{rate / limit:.0%}"
    return f"{what:<58}{rate:>12,.0f}{share:>18}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
