"""Bars over time as SVG paths: one path a series, stacked, in a box of 1000 x 200."""

from calendar import monthrange
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

WIDTH, HEIGHT = 1000.0, 200.0

_DAY_S = 86400.0
_LENGTH_S = {"hour": 3600.0, "day": _DAY_S, "week": 7 * _DAY_S}

Buckets = Mapping[str, Mapping[str, float]]
"""Begin of the bucket (ISO 8601) -> series -> value."""


@dataclass(frozen=True)
class Chart:
    """What is drawn: a path for each series, the first and last bucket, and the highest stack."""

    paths: Mapping[str, str]
    first: str
    last: str
    top: float


def buckets_of(rows: Sequence[Mapping[str, Any]], begin: str, series: str, value: str) -> Buckets:
    """The rows of a report as buckets, by the names of its columns."""
    buckets: dict[str, dict[str, float]] = {}
    for row in rows:
        buckets.setdefault(row[begin], {})[row[series]] = float(row[value])
    return buckets


def stacked(buckets: Buckets, series: Sequence[str], bucket: str) -> Chart | None:
    """Bars of `series`, the first at the bottom; None when there is nothing to draw. Negative values have no bar."""
    if not buckets:
        return None
    begins = {begin: _seconds(begin) for begin in buckets}
    first, last = min(begins, key=begins.__getitem__), max(begins, key=begins.__getitem__)
    left = begins[first]
    scale_x = WIDTH / (begins[last] + _length_s(last, bucket) - left)
    top = max(sum(max(values.get(name, 0.0), 0.0) for name in series) for values in buckets.values())
    scale_y = HEIGHT / (top or 1.0)
    paths: dict[str, list[str]] = {name: [] for name in series}
    for begin, values in buckets.items():
        x, width = (begins[begin] - left) * scale_x, _length_s(begin, bucket) * scale_x
        floor = HEIGHT
        for name in series:
            height = max(values.get(name, 0.0), 0.0) * scale_y
            if height:
                paths[name].append(f"M{x:.1f} {floor:.1f}h{width * 0.9:.2f}v{-height:.1f}h{-width * 0.9:.2f}z")
            floor -= height
    return Chart({name: "".join(parts) for name, parts in paths.items()}, first, last, top)


def _seconds(begin: str) -> float:
    moment = datetime.fromisoformat(begin)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _length_s(begin: str, bucket: str) -> float:
    if bucket == "month":
        moment = datetime.fromisoformat(begin)
        return monthrange(moment.year, moment.month)[1] * _DAY_S
    return _LENGTH_S[bucket]
