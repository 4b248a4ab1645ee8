"""RFM from a table of orders, for data that is in no store: the same definitions as `rfm`, by pandas."""

from datetime import date

import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from safar.errors import DataRefused

_COLUMNS = ("person", "timestamp", "amount")


def rfm_of_orders(
    orders: pd.DataFrame, *, until: date | None = None, calibration_until: date | None = None
) -> pd.DataFrame:
    """One row a customer, with the columns of `rfm.rfm_in_weeks`, from one row an order.

    `orders` has the columns `person`, `timestamp` (dates or datetimes, whose own calendar days count) and `amount` (of
    one currency, net of what was paid back). What comes after the day `until` (default: the last of them) is not looked
    at; days after `calibration_until` (default: until) are the holdout.

    Raises DataRefused for a missing column, a type that is none of these, a missing value, an amount below 0, days the
    wrong way round, and when nobody bought before the end of the calibration.
    """
    days = _days(_checked(orders))
    last = pd.Timestamp(until) if until else days["day"].max()
    end = pd.Timestamp(calibration_until) if calibration_until else last
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


def _days(orders: pd.DataFrame) -> pd.DataFrame:
    """Everything a customer buys on one day is one transaction."""
    day = orders["timestamp"].dt.tz_localize(None).dt.normalize()
    return orders.assign(day=day).groupby(["person", "day"], as_index=False).agg({"amount": "sum"})


def _checked(orders: pd.DataFrame) -> pd.DataFrame:
    missing = [name for name in _COLUMNS if name not in orders]
    if missing:
        raise DataRefused(f"The table of orders needs a column {missing[0]!r}; it has {', '.join(map(str, orders))}.")
    if not is_datetime64_any_dtype(orders["timestamp"]):
        raise DataRefused(f"timestamp must be dates, not {orders['timestamp'].dtype}: pandas.to_datetime makes them.")
    if not is_numeric_dtype(orders["amount"]):
        raise DataRefused(f"amount must be numbers, not {orders['amount'].dtype}.")
    for name in _COLUMNS:
        if orders[name].isna().any():
            raise DataRefused(f"{name} is missing in {orders[name].isna().sum():,} of {len(orders):,} orders.")
    if (orders["amount"] < 0).any():
        raise DataRefused("amount is below 0 in some orders: take refunds off the orders that they belong to.")
    return orders
