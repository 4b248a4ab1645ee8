"""Customers drawn from a known model, as `rfm_in_weeks` would describe them, to the second."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from safar.research.clv import WEEKS_A_MONTH
from safar.research.likelihood.maximum import Array


class Spend(NamedTuple):
    """A Gamma-Gamma of amounts, and what one month takes off the worth of later ones."""

    p: float
    q: float
    gamma: float
    monthly_discount_rate: float = 0.0


def customers_of(
    size: int,
    *,
    r: float,
    alpha: float,
    a: float,
    b: float,
    weeks: float = 52.0,
    holdout_weeks: float = 0.0,
    modified: bool = False,
    seed: int = 20260630,
    spend: Spend | None = None,
) -> pd.DataFrame:
    """`size` customers of a BG/NBD or MBG/NBD who first bought in the first quarter of `weeks`.

    With a = 0 nobody ever stops. With `spend` there are `monetary`, and the discounted `revenue` of the holdout.
    """
    rng = np.random.default_rng(seed)
    age = _ages(rng, size, weeks)
    rate = rng.gamma(r, 1 / alpha, size)
    stops = rng.beta(a, b, size) if a else np.zeros(size)
    buying = rng.random(size) >= stops if modified else np.ones(size, bool)
    orders = _orders(rng, rate, np.where(buying, age + holdout_weeks, 0), stops)
    return _described(rng, orders, age, spend)


def pareto_customers_of(
    size: int,
    *,
    r: float,
    alpha: float,
    s: float,
    beta: float,
    weeks: float = 52.0,
    holdout_weeks: float = 0.0,
    seed: int = 20260630,
    spend: Spend | None = None,
) -> pd.DataFrame:
    """The same of a Pareto/NBD."""
    rng = np.random.default_rng(seed)
    age = _ages(rng, size, weeks)
    rate = rng.gamma(r, 1 / alpha, size)
    death = rng.exponential(1 / rng.gamma(s, 1 / beta, size))
    orders = _orders(rng, rate, np.minimum(death, age + holdout_weeks), np.zeros(size))
    return _described(rng, orders, age, spend)


def _ages(rng: np.random.Generator, size: int, weeks: float) -> Array:
    return np.asarray(weeks * (1 - rng.random(size) / 4))


def _orders(rng: np.random.Generator, rate: Array, until: Array, stops: Array) -> pd.DataFrame:
    """Each order after the first: whose it is, and how many weeks after their first."""
    clock = np.zeros(len(rate))
    buying = np.flatnonzero(until)
    rounds = [pd.DataFrame({"customer": buying[:0], "week": clock[:0]})]
    while buying.size:
        clock[buying] += rng.exponential(1 / rate[buying])
        buying = buying[clock[buying] <= until[buying]]
        rounds.append(pd.DataFrame({"customer": buying, "week": clock[buying]}))
        buying = buying[rng.random(buying.size) >= stops[buying]]
    return pd.concat(rounds, ignore_index=True)


def _described(rng: np.random.Generator, orders: pd.DataFrame, age: Array, spend: Spend | None) -> pd.DataFrame:
    weeks_after = orders["week"] - age[orders["customer"]]
    seen = weeks_after <= 0
    last = orders[seen].groupby("customer")["week"].max()
    table = pd.DataFrame(
        {
            "frequency": np.bincount(orders["customer"][seen], minlength=len(age)),
            "recency": last.reindex(pd.RangeIndex(len(age)), fill_value=0.0),
            "T": age,
            "holdout": np.bincount(orders["customer"][~seen], minlength=len(age)),
        }
    )
    if spend is None:
        return table
    of_customer = rng.gamma(spend.q, 1 / spend.gamma, len(age))
    amounts = rng.gamma(spend.p, 1 / of_customer[orders["customer"]])
    worth = amounts / (1 + spend.monthly_discount_rate) ** np.ceil(weeks_after / WEEKS_A_MONTH)
    spent = np.bincount(orders["customer"], amounts * seen, len(age))
    revenue = np.bincount(orders["customer"], worth * ~seen, len(age))
    return table.assign(monetary=spent / table["frequency"].clip(lower=1), revenue=revenue)
