"""RFM: recency, frequency and money of each customer, computed by the store from their orders.

The definitions are those of the models that stand on them (Fader, Hardie, Lee 2005, section 5; Fader and Hardie
2013, section 1). Time is counted in days and given in weeks = days / 7, not floored: flooring would bias alpha of
the BG/NBD by about -10 %.

An order is its order_id: sent twice, it counts once. What was paid back comes off its amount; paid back in full, or
cancelled, it is no order, from the day that happened: customers of a calibration stand as they were known at its end.
"""

from dataclasses import dataclass, fields
from datetime import date
from typing import Any

import pandas as pd

from safar.errors import DataRefused
from safar.research.customer_orders import query_orders, query_orders_of
from safar.research.require import require_day
from safar.research.sql import statement, time_zone
from safar.store import Store

# No event is later than it arrived: one wrong clock would stretch the observation by centuries.
_BY_CURRENCY = """
SELECT
    currency,
    countIf(event = 'Order Completed') AS orders,
    toDate32(minIf(timestamp, event = 'Order Completed'), {tz:String}) AS first_order,
    toDate32(max(least(timestamp, received_at)), {tz:String}) AS last_event
FROM events
WHERE source = {source:String}
GROUP BY currency
ORDER BY orders DESC
"""

_SOURCES = "SELECT DISTINCT source FROM events WHERE event = 'Order Completed' ORDER BY source"

_PATTERNS = """
SELECT frequency, recency, T, count() AS customers
FROM ({customers})
GROUP BY frequency, recency, T
ORDER BY frequency, recency, T
"""

_SPENT_BY_DAY = """
SELECT spending.1 AS day, toFloat64(sum(spending.2)) AS spent
FROM (SELECT arrayJoin(arrayZip(days, amounts)) AS spending FROM customer_orders WHERE person = {person:String})
GROUP BY day
ORDER BY day
"""


@dataclass(frozen=True)
class Observation:
    """What was watched: a source's orders in one currency, up to and including the day `until`.

    Days are those of the IANA time zone `tz`. With `calibration_until`, customers are described as they stood on that
    day, and the days after it, through `until`, are the holdout.
    """

    source: str
    currency: str
    until: date
    calibration_until: date
    tz: str = "UTC"

    def __post_init__(self) -> None:
        """Raise DataRefused for what is no day, and for a calibration that ends after `until`."""
        for name in ("until", "calibration_until"):
            object.__setattr__(self, name, require_day(name, getattr(self, name)))
        if self.calibration_until > self.until:
            raise DataRefused(f"calibration_until, {self.calibration_until}, must not be after until, {self.until}.")

    @property
    def holdout_weeks(self) -> float:
        """Length of the holdout."""
        return (self.until - self.calibration_until).days / 7


def sources_with_orders(store: Store) -> list[str]:
    """Every source that somebody ordered from, by name."""
    return [row["source"] for row in store.query(_SOURCES)]


def currencies(store: Store, source: str) -> list[str]:
    """The currencies of a source's orders, the one of most orders first; empty without orders."""
    return [row["currency"] for row in _by_currency(store, source, "UTC") if row["orders"]]


def observe(
    store: Store,
    source: str,
    *,
    currency: str = "",
    until: date | None = None,
    calibration_until: date | None = None,
    tz: str = "UTC",
) -> Observation:
    """Settle what is watched.

    Without `until` it is the last day of any event of the source; without `calibration_until` there is no holdout;
    without `currency` it is the only one. Raises DataRefused when there are no orders, or several currencies and none
    is chosen: money is never summed across currencies. Raises InvalidParameter for an unknown time zone.
    """
    by_currency, currency = _by_currency(store, source, time_zone(tz)), currency.upper()
    found = [row["currency"] for row in by_currency if row["orders"]]
    if not found or (currency and currency not in found):
        raise DataRefused(f"Source {source!r} has no orders{f' in {currency}' if currency else ''}.")
    if not currency and len(found) > 1:
        named = ", ".join(name or "(none)" for name in found)
        raise DataRefused(f"Source {source!r} has orders in {named}: choose one with currency=.")
    last = max(row["last_event"] for row in by_currency) if until is None else until
    return Observation(source, currency or found[0], last, last if calibration_until is None else calibration_until, tz)


def rfm_in_weeks(store: Store, observation: Observation) -> pd.DataFrame:
    """One row a customer, indexed by `person`; customers whose first order is in the holdout are left out.

    - `frequency`: days with an order after the first such day (x in the papers; repeat days, not orders).
    - `recency`: weeks from the first to the last of those days (t_x); 0 <= recency <= T.
    - `T`: weeks from the first day to the end of the calibration.
    - `monetary`: mean of what was spent on a repeat day, in the observation's currency; 0 where frequency is 0.
    - `holdout`: days with an order after the calibration.

    Raises DataRefused when nobody bought before the end of the calibration.
    """
    return _in_weeks(pd.concat(_read(store, observation, statement("rfm")))).set_index("person")


def patterns_in_weeks(store: Store, observation: Observation) -> pd.DataFrame:
    """The same customers by what they did: `frequency`, `recency`, `T`, and how many `customers` did so.

    What a model of buying needs, counted by the store: a fit never needs a row a customer. Raises DataRefused when
    nobody bought before the end of the calibration.
    """
    tables = _read(store, observation, _PATTERNS.format(customers=statement("rfm")))
    patterns = pd.concat(tables)
    if len(tables) > 1:
        patterns = patterns.groupby(["frequency", "recency", "T"], as_index=False).sum()
    return _in_weeks(patterns)


def repeat_orders_by_week(store: Store, observation: Observation) -> pd.Series:
    """Orders after their first of all customers of the calibration, by whole weeks since the first of them came.

    From 1 on, through the holdout; a week that is not over yet is left out. An order is a day with orders.
    """
    daily = pd.concat(_read(store, observation, statement("days_of_orders"))).groupby("day").sum()
    start = daily.index[0]
    # Week 1 ends on the seventh day after the start.
    weekly = daily["repeat_orders"].groupby(((daily.index - start).days + 6) // 7).sum()
    weeks = pd.RangeIndex(1, (pd.Timestamp(observation.until) - start).days // 7 + 1, name="week")
    return weekly.reindex(weeks, fill_value=0)


def spent(store: Store, observation: Observation) -> pd.DataFrame:
    """What the customers of `rfm_in_weeks` spent in all, their first day included, in the observation's currency.

    One row a customer, indexed by `person`: `spent` until the end of the calibration, `holdout_spent` after it. Raises
    DataRefused when nobody bought before the end of the calibration.
    """
    return pd.concat(_read(store, observation, statement("spent"))).set_index("person")


def spent_by_day(store: Store, observation: Observation, person: str) -> "pd.Series[float]":
    """What one customer spent on each day with an order, through the holdout, indexed by `day`; in its currency.

    Raises DataRefused when there is no order of this person.
    """
    table = query_orders_of(store, _SPENT_BY_DAY, {**_parameters(observation), "person": person})
    if table.empty:
        raise DataRefused(f"Source {observation.source!r} has no orders of {person!r}: take a person of rfm_in_weeks.")
    return table.assign(day=pd.to_datetime(table["day"])).set_index("day")["spent"]


def require_observation(observation: Observation) -> None:
    """Raise DataRefused unless it is what `observe` gives."""
    if not isinstance(observation, Observation):
        raise DataRefused(f"This needs the observation that rfm.observe gives, not a {type(observation).__name__}.")


def _by_currency(store: Store, source: str, tz: str) -> list[dict[str, Any]]:
    return store.query(_BY_CURRENCY, {"source": source, "tz": tz})


def _in_weeks(table: pd.DataFrame) -> pd.DataFrame:
    """The store counts days."""
    return table.assign(recency=table["recency"] / 7, T=table["T"] / 7)


def _read(store: Store, observation: Observation, sql: str) -> list[pd.DataFrame]:
    tables = [table for table in query_orders(store, sql, _parameters(observation)) if len(table)]
    if not tables:
        rows = _by_currency(store, observation.source, observation.tz)
        first = {row["currency"]: row["first_order"] for row in rows}[observation.currency]
        raise DataRefused(
            f"Source {observation.source!r} has no orders until {observation.calibration_until}, the first came on "
            f"{first}: choose a later calibration_until (CALIBRATION_UNTIL in the notebook)."
        )
    counts = ("frequency", "holdout", "customers", "repeat_orders")
    return [table.astype({name: "int64" for name in counts if name in table}) for table in tables]


def _parameters(observation: Observation) -> dict[str, str]:
    require_observation(observation)
    return {field.name: str(getattr(observation, field.name)) for field in fields(observation)}
