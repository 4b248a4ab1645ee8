"""RFM from a table of orders, for data that is in no store: the same definitions as `rfm`, by pandas."""

from datetime import date

import numpy as np
import pandas as pd
from pandas.api.types import is_datetime64_any_dtype

from safar.errors import DataRefused
from safar.research.require import require_columns, require_day, require_numeric

_COLUMNS = ("person", "timestamp", "amount")


def rfm_of_orders(
    orders: pd.DataFrame, *, until: date | None = None, calibration_until: date | None = None
) -> pd.DataFrame:
    """One row a customer, with the columns of `rfm.rfm_in_weeks`, from one row an order.

    `orders` has the columns `person`, `timestamp` (dates or datetimes, whose own calendar days count) and `amount` (of
    one currency, net of what was paid back). If there is a column `order_id`, an order counts once a person, as it was
    first; a row without one is an order of its own. If there is a column `currency`, it must name a single one. What
    comes after the day `until` (default: the last of them) is not looked at; days after `calibration_until` (default:
    until) are the holdout.

    Raises DataRefused for a missing column, a type that is none of these, a missing value, an amount below 0 or
    infinite, several currencies, days the wrong way round, and when nobody bought before the end of the calibration.
    """
    orders = _checked(orders)
    days = _days(_once(orders))
    last = _day(orders).max() if until is None else pd.Timestamp(require_day("until", until))
    end = last if calibration_until is None else pd.Timestamp(require_day("calibration_until", calibration_until))
    if end > last:
        raise DataRefused(f"calibration_until, {end.date()}, must not be after until, {last.date()}.")
    days = days[days["day"] <= last]
    first = days.groupby("person")["day"].transform("min")
    days = days.assign(first=first)[first <= end]
    if days.empty:
        raise DataRefused(f"There are no orders until {end.date()}: choose a later calibration_until.")
    return _customers(days, end)


def _customers(days: pd.DataFrame, end: pd.Timestamp) -> pd.DataFrame:
    seen, later = days[days["day"] <= end], days[days["day"] > end]
    bought = seen.groupby("person").agg(first=("first", "min"), last=("day", "max"), days=("day", "size"))
    repeats = seen[seen["day"] > seen["first"]].groupby("person")["amount"].mean()
    return pd.DataFrame(
        {
            "frequency": bought["days"] - 1,
            "recency": (bought["last"] - bought["first"]).dt.days / 7,
            "T": (end - bought["first"]).dt.days / 7,
            "monetary": repeats.reindex(bought.index).fillna(0.0),
            "holdout": later.groupby("person").size().reindex(bought.index).fillna(0).astype("int64"),
        }
    )


def _once(orders: pd.DataFrame) -> pd.DataFrame:
    """Each person's order_id once, as `orders_once.sql` has it: the first sending, of several at once the smallest."""
    if "order_id" not in orders:
        return orders
    named = orders["order_id"].notna() & (orders["order_id"] != "")
    first = orders[named].sort_values(["timestamp", "amount"]).drop_duplicates(["person", "order_id"])
    return pd.concat([first, orders[~named]])


def _days(orders: pd.DataFrame) -> pd.DataFrame:
    """Everything a customer buys on one day is one transaction."""
    return orders.assign(day=_day(orders)).groupby(["person", "day"], as_index=False).agg({"amount": "sum"})


def _day(orders: pd.DataFrame) -> pd.Series:
    days: pd.Series = orders["timestamp"].dt.tz_localize(None).dt.normalize()
    return days


def _checked(orders: pd.DataFrame) -> pd.DataFrame:
    require_columns(orders, *_COLUMNS)
    if not is_datetime64_any_dtype(orders["timestamp"]):
        raise DataRefused(f"timestamp must be dates, not {orders['timestamp'].dtype}: pandas.to_datetime makes them.")
    require_numeric("amount", orders["amount"])
    for name in _COLUMNS:
        if orders[name].isna().any():
            raise DataRefused(f"{name} is missing in {orders[name].isna().sum():,} of {len(orders):,} orders.")
    infinite = np.isinf(orders["amount"].to_numpy(float)).sum()
    if infinite:
        raise DataRefused(f"amount is infinite in {infinite:,} of {len(orders):,} orders.")
    if (orders["amount"] < 0).any():
        raise DataRefused("amount is below 0 in some orders: take refunds off the orders that they belong to.")
    if "currency" in orders and orders["currency"].nunique(dropna=False) > 1:
        named = ", ".join(sorted(map(str, orders["currency"].unique())))
        raise DataRefused(f"The orders are in {named}: keep those of one currency, money is never summed across them.")
    return orders
