"""How long a request takes at a steady rate, and until its events can be queried."""

import re
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from bench.events import bodies
from bench.sender import post_at_pace
from tests.support.pipeline import Pipeline

_DELAY = re.compile(r'safar_aggregator_delay_seconds_bucket\{le="([\d.]+)"\} ([\d.]+)')


@dataclass(frozen=True)
class Latency:
    """Milliseconds from when a request was due, and within how many seconds 99 of 100 batches of rows were visible."""

    median_ms: float
    p99_ms: float
    visible_s: float

    def __str__(self) -> str:
        """Read as a line."""
        return (
            f"answered after {self.median_ms:.1f} ms (median), {self.p99_ms:.1f} ms (p99); "
            f"the oldest event of 99 in 100 inserts visible within {self.visible_s:g} s"
        )


def at(directory: Path, *, rate: float, seconds: float, batch: int) -> Latency:
    """Send `rate` events a second for `seconds`, whatever the answers take."""
    directory.mkdir(parents=True)
    made = list(bodies(round(rate * seconds / batch) * batch, batch))
    pipeline = Pipeline(directory)
    key = pipeline.add_source("bench")
    pipeline.start()
    try:
        url = f"http://127.0.0.1:{pipeline.collector_port}/v1/{'batch' if batch > 1 else 'track'}"
        taken = sorted(post_at_pace(url, key, made, batch / rate))
        pipeline.wait_stored("bench", len(made) * batch)
        visible = _visible(pipeline.reports_port)
    finally:
        pipeline.end()
    return Latency(1000 * taken[len(taken) // 2], 1000 * taken[len(taken) * 99 // 100], visible)


def _visible(port: int) -> float:
    """The smallest bound of the histogram that holds 99 of 100."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        counts = [(float(bound), float(count)) for bound, count in _DELAY.findall(answer.read().decode())]
    return next(bound for bound, count in counts if count >= 0.99 * counts[-1][1])
