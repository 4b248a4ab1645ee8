"""Whether the totals of every report are those of the raw rows. Reads only.

Events may come in meanwhile: what a report says must lie between the raw count before it and the one after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from safar.errors import StoreUnavailable
from safar.reports.report import run
from safar.store import Store

_ORDERS = "FROM events WHERE event = 'Order Completed'"
_MONEY = f"SELECT currency AS name, sum(toDecimal256(ifNull(revenue, 0), 6)) AS total {_ORDERS}"
_IN_TIME = "timestamp <= received_at + INTERVAL 1 DAY"
_MOST = {"limit": "10000"}
_NONE = Decimal(0)
_ATTEMPTS = 3


@dataclass(frozen=True)
class Total:
    """A column of a report, added up (within each value of `by`), and the same from the raw rows."""

    report: str
    column: str
    raw: str
    by: str = ""
    params: Mapping[str, str] = field(default_factory=dict)


TOTALS = (
    Total("totals", "events", "SELECT source AS name, count() AS total FROM events GROUP BY source", by="source"),
    Total("totals", "orders", f"SELECT count() AS total {_ORDERS}"),
    Total("totals", "revenue", f"{_MONEY} GROUP BY currency", by="currency"),
    Total("daily_orders", "orders", f"SELECT count() AS total {_ORDERS} AND {_IN_TIME}"),
    Total("daily_orders", "revenue", f"{_MONEY} AND {_IN_TIME} GROUP BY currency", by="currency"),
    Total("touchpoints_over_time", "events", f"SELECT count() AS total FROM events WHERE event != '' AND {_IN_TIME}"),
    Total("channels", "orders", f"SELECT count() AS total {_ORDERS}"),
    Total("channels", "people", "SELECT uniqExact(source, person) AS total FROM touchpoints"),
    Total(
        "funnel",
        "people",
        "SELECT 'awareness' AS name, uniqExact(source, person) AS total FROM touchpoints WHERE stage = 'awareness'",
        by="name",
    ),
    Total("freshness", "events_ahead", f"SELECT count() AS total FROM events WHERE NOT {_IN_TIME}"),
    Total("unmapped_events", "events", "SELECT count() AS total FROM events WHERE stage = 'unmapped'", params=_MOST),
    Total("predicted_value", "customers", "SELECT count() AS total FROM customer_value"),
    Total("failed_events", "failed", "SELECT count() AS total FROM failed_events", params=_MOST),
)
"""Of a funnel only the first step is a plain count. Timeline and customer are of one person, and have no total."""


@dataclass
class Checked:
    """What was found, in words; `unchecked` is what the store could not answer, for want of memory or time."""

    problems: list[str] = field(default_factory=list)
    unchecked: list[str] = field(default_factory=list)


def check_reports(store: Store) -> Checked:
    """Compare every report with the raw rows."""
    checked = Checked()
    for total in TOTALS:
        try:
            checked.problems += _check(total, store)
        except StoreUnavailable as error:
            checked.unchecked.append(f"report {total.report}, {total.column}: {error}")
    return checked


def _check(total: Total, store: Store) -> list[str]:
    """Asked again when it does not agree: meanwhile people may have become known, and counted as fewer."""
    problems: list[str] = []
    for _ in range(_ATTEMPTS):
        before, said, after = _raw(total, store), _said(total, store), _raw(total, store)
        problems = [
            f"report {total.report}, {total.column}{f' of {name!r}' if name else ''}: {said.get(name, _NONE):f},"
            f" but the raw rows have {raw:f}"
            for name, raw in after.items()
            if not min(raw, before.get(name, _NONE)) <= said.get(name, _NONE) <= max(raw, before.get(name, _NONE))
        ]
        if not problems:
            break
    return problems


def _raw(total: Total, store: Store) -> dict[str, Decimal]:
    return {row.get("name", ""): Decimal(row["total"]) for row in store.query(total.raw)}


def _said(total: Total, store: Store) -> dict[str, Decimal]:
    rows = run(total.report, store, total.params).rows
    if total.by == "source":  # repeated in the row of each currency
        return {row["source"]: Decimal(row[total.column]) for row in rows}
    sums: dict[str, Decimal] = {}
    for row in rows:
        name = row[total.by] if total.by else ""
        sums[name] = sums.get(name, _NONE) + Decimal(row[total.column])
    return sums
