"""The whole pipeline in its two processes, with the load generator in this one."""

import time
from dataclasses import dataclass
from pathlib import Path

from bench.events import bodies
from bench.sender import post_all
from tests.support.pipeline import Pipeline


@dataclass(frozen=True)
class Result:
    """Events a second until the last 200, and until a report counts all of them."""

    answered: float
    queryable: float
    queryable_after_s: float


def batches(directory: Path, *, events: int, batch: int) -> Result:
    """Send `events` in batches of `batch` and wait until the store shows them."""
    directory.mkdir(parents=True)
    made = list(bodies(events, batch))
    pipeline = Pipeline(directory)
    key = pipeline.add_source("bench")
    pipeline.start()
    try:
        path = "batch" if batch > 1 else "track"
        started = time.perf_counter()
        elapsed = post_all(f"http://127.0.0.1:{pipeline.collector_port}/v1/{path}", key, made)
        pipeline.wait_stored("bench", events, timeout_s=300)
        visible = time.perf_counter() - started
    finally:
        pipeline.end()
    return Result(events / elapsed, events / visible, visible - elapsed)
