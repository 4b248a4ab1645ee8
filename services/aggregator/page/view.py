"""Ask the reports and arrange their rows for the page."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import groupby
from operator import itemgetter
from typing import Any

from safar.reports import Report
from services.aggregator.page.charts import Chart, buckets_of, stacked
from services.aggregator.page.form import Form

Ask = Callable[[str, Mapping[str, str]], Awaitable[Report]]
Row = Mapping[str, Any]

SERIES = ("awareness", "purchase", "post_purchase", "unmapped")

_MOST_DAYS = 14
_MOST_ROWS = {"limit": "20"}
# Days of data that a bucket is long enough for; beyond them, months.
_BUCKETS = ((3, "hour"), (180, "day"), (1200, "week"))


@dataclass(frozen=True)
class Segment:
    """One funnel: of a value of the breakdown, or of everybody."""

    name: str
    steps: Sequence[Row]

    @property
    def people(self) -> int:
        """Who entered."""
        return int(self.steps[0]["people"])


@dataclass(frozen=True)
class Money:
    """Orders and revenue of one currency, with the latest days."""

    currency: str
    chart: Chart | None
    days: Sequence[Row]


@dataclass(frozen=True)
class Overview:
    """What is shown of all sources together."""

    totals: Sequence[Row]
    freshness: Mapping[str, Row]
    failed: Report
    unmapped: Report

    @property
    def sources(self) -> list[str]:
        """Every source with events, the one with the most first."""
        events = {row["source"]: row["events"] for row in self.totals}
        return sorted(events, key=lambda source: (-events[source], source))

    def currencies(self, source: str) -> list[str]:
        """The currencies that orders of a source name, the one of most orders first."""
        rows = [row for row in self.totals if row["source"] == source and row["currency"]]
        return [row["currency"] for row in sorted(rows, key=lambda row: (-row["orders"], row["currency"]))]

    def currency(self, source: str, chosen: str) -> str:
        """The currency chosen; the source's first where none is, or that of another source."""
        own = self.currencies(source)
        others = {row["currency"] for row in self.totals} - set(own)
        return own[0] if own and (not chosen or chosen in others) else chosen

    @property
    def newest(self) -> str:
        """When the newest event of all was received; empty when there is none."""
        return max((row["newest_received_at"] for row in self.freshness.values()), key=_moment, default="")


@dataclass(frozen=True)
class Detail:
    """What is shown of the chosen source."""

    funnel: Report
    segments: Sequence[Segment]
    bucket: str
    touchpoints: Chart | None
    stages: Sequence[tuple[str, int]]
    money: Sequence[Money]
    value: Report
    run: Row | None
    """The row of predicted value with the run behind that of the funnel; None when the funnel has no value."""

    @property
    def values(self) -> Sequence[Sequence[Row]]:
        """Predicted value by acquisition channel: the rows of each currency."""
        return [list(rows) for _, rows in groupby(self.value.rows, key=itemgetter("currency"))]


async def overview(ask: Ask, tz: str) -> Overview:
    """Totals and freshness by source, and what needs attention."""
    totals, freshness, failed, unmapped = await asyncio.gather(
        ask("totals", {"tz": tz}),
        ask("freshness", {"tz": tz}),
        ask("failed_events", {"tz": tz, **_MOST_ROWS}),
        ask("unmapped_events", {"tz": tz, **_MOST_ROWS}),
    )
    return Overview(totals.rows, {row["source"]: row for row in freshness.rows}, failed, unmapped)


async def detail(ask: Ask, form: Form, totals: Sequence[Row]) -> Detail:
    """Funnel, touchpoints, orders and predicted value of the source in `form`."""
    bucket = _bucket(form, totals)
    funnel, touchpoints, orders, value = await asyncio.gather(
        ask("funnel", form.funnel),
        ask("touchpoints_over_time", {**form.range, "bucket": bucket}),
        ask("daily_orders", form.range),
        ask("predicted_value", {"source": form.source, "tz": form.tz, "breakdown": "acquisition_channel"}),
    )
    stages = [(name, sum(row["events"] for row in touchpoints.rows if row["name"] == name)) for name in SERIES]
    return Detail(
        funnel=funnel,
        segments=_segments(funnel.rows),
        bucket=bucket,
        touchpoints=stacked(buckets_of(touchpoints.rows, "bucket", "name", "events"), SERIES, bucket),
        stages=[(name, events) for name, events in stages if events],
        money=_money(orders.rows),
        value=value,
        run=_run(funnel.rows, value.rows, form.currency),
    )


def _run(funnel: Sequence[Row], value: Sequence[Row], currency: str) -> Row | None:
    is_valued = any(row["valued"] is not None for row in funnel)
    return next((row for row in value if is_valued and row["currency"] == currency and row["made_at"]), None)


def _bucket(form: Form, totals: Sequence[Row]) -> str:
    """Buckets that give a chart of some hundred bars at most."""
    for row in totals:
        if row["source"] == form.source:
            first, last = _date(form.start, row["first_timestamp"]), _date(form.end, row["last_timestamp"])
            return next((bucket for most, bucket in _BUCKETS if (last - first).days <= most), "month")
    return "day"


def _date(chosen: str, otherwise: str) -> date:
    try:
        return date.fromisoformat((chosen or otherwise)[:10])
    except ValueError:  # the reports will say so
        return date.fromisoformat(otherwise[:10])


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _segments(rows: Sequence[Row]) -> list[Segment]:
    return [Segment(name, list(steps)) for name, steps in groupby(rows, key=lambda row: row["segment"])]


def _money(rows: Sequence[Row]) -> list[Money]:
    """One entry a currency: amounts of two are never added, nor drawn on one scale."""
    found = []
    for currency in sorted({row["currency"] for row in rows}):
        days = [row for row in rows if row["currency"] == currency]
        buckets = buckets_of(days, "day", "currency", "revenue")
        found.append(Money(currency, stacked(buckets, [currency], "day"), days[: -_MOST_DAYS - 1 : -1]))
    return found
