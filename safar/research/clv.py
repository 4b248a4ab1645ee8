"""Customer lifetime value: expected orders times expected order value, month by month, discounted.

Fader, Hardie, Lee (2005), "RFM and CLV: Using Iso-Value Curves for Customer Base Analysis", Journal of Marketing
Research 42(4), 415-430, with BG/NBD in place of Pareto/NBD. Value is future revenue of known customers: neither the
orders seen nor what it costs to win and to serve them is in it.
"""

from math import ceil
from typing import Any

import numpy as np
import pandas as pd

from safar.errors import DataRefused
from safar.research.fitters import GammaGammaFitter
from safar.research.forecast import order_moments
from safar.research.gamma_gamma import expected_order_value, spend_square
from safar.research.likelihood.maximum import Array
from safar.research.orders import DistinctPairs, OrdersModel, expected_if_alive, probability_alive
from safar.research.uncertainty import POSITIVE, changes, interval, quantile

_FEWEST = 5

WEEKS_A_MONTH = 4.345
"""The length of a month, as in `lifetimes`: its figures and ours are the same."""


def lifetime_value(
    orders: OrdersModel,
    spend: GammaGammaFitter,
    customers: pd.DataFrame,
    *,
    months: int,
    monthly_discount_rate: float,
) -> pd.Series:
    """Each customer's value over the next `months`, in the observation's currency, as of the end of the calibration.

    The orders of month k count 1 / (1 + monthly_discount_rate)^k. Raises DataRefused when months < 1, the rate is
    negative, or the model has no finite expectation.
    """
    discounted = discounted_orders(orders, customers, months=months, monthly_discount_rate=monthly_discount_rate)
    return (discounted * expected_order_value(spend, customers)).rename("lifetime_value")


def discounted_orders(
    orders: OrdersModel, customers: pd.DataFrame, *, months: int, monthly_discount_rate: float
) -> pd.Series:
    """Each customer's expected orders of the next `months`, those of month k at 1 / (1 + monthly_discount_rate)^k.

    Raises DataRefused as `lifetime_value` does.
    """
    if not months >= 1 or not 0 <= monthly_discount_rate <= 1:
        raise DataRefused("months must be at least 1, and monthly_discount_rate a share from 0 to 1.")
    pairs = DistinctPairs.of(customers)
    discounted = before = np.zeros(len(pairs.age))
    for month in range(1, months + 1):
        until = expected_if_alive(orders, pairs, month * WEEKS_A_MONTH)
        discounted = discounted + (until - before) / (1 + monthly_discount_rate) ** month
        before = until
    return probability_alive(orders, customers) * discounted[pairs.of_customer]


def value_interval(
    orders: OrdersModel,
    spend: GammaGammaFitter,
    customers: pd.DataFrame,
    *,
    months: int,
    monthly_discount_rate: float,
    level: float = 0.95,
) -> pd.DataFrame:
    """`lifetime_value` of each customer with `low` and `high`: how far the expectation may be off.

    What is not known of the parameters of both models is in it; what a customer then does by chance is not.
    """

    def value(buying: OrdersModel, spending: GammaGammaFitter) -> Array:
        terms: dict[str, Any] = {"months": months, "monthly_discount_rate": monthly_discount_rate}
        return lifetime_value(buying, spending, customers, **terms).to_numpy()

    low, high = interval([orders, spend], value, POSITIVE, level=level)
    return pd.DataFrame({"lifetime_value": value(orders, spend), "low": low, "high": high}, customers.index)


def value_by(
    orders: OrdersModel,
    spend: GammaGammaFitter,
    customers: pd.DataFrame,
    by: pd.Series,
    *,
    months: int,
    monthly_discount_rate: float,
    level: float = 0.95,
) -> pd.DataFrame:
    """Value by segment: `customers`, `mean` a customer, `total`, and `low` and `high` of what will come of the total.

    `by` names each customer's segment, such as the acquisition channel; who has none is left out. The interval holds
    the discounted revenue that comes `level` of the time, if the models are right: the customers' own randomness, in
    orders and amounts, and what is not known of the parameters. It is normal in the logarithm, as is good for a segment
    of more than a few customers, and blank for one of fewer than five. Raises DataRefused when
    q <= 2: then amounts vary without bound.
    """
    segments = by.reindex(customers.index)

    def value_of(buying: OrdersModel, spending: GammaGammaFitter) -> pd.Series:
        terms: dict[str, Any] = {"months": months, "monthly_discount_rate": monthly_discount_rate}
        return lifetime_value(buying, spending, customers, **terms)

    def total(buying: OrdersModel, spending: GammaGammaFitter) -> Array:
        return value_of(buying, spending).groupby(segments).sum().to_numpy()

    value = value_of(orders, spend)
    groups = value.groupby(segments)
    table = pd.DataFrame({"customers": groups.size(), "mean": groups.mean(), "total": groups.sum()})
    by_chance = _own_variance(orders, spend, customers, value, months).groupby(segments).sum()
    of_parameters = sum(change**2 for change in changes([orders, spend], total, POSITIVE))
    with np.errstate(over="ignore"):  # of a segment too small to be told
        half = np.exp(quantile(level) * np.sqrt(by_chance / table["total"] ** 2 + of_parameters))
    told = table["customers"] >= _FEWEST
    return table.assign(low=(table["total"] / half).where(told), high=(table["total"] * half).where(told))


def _own_variance(
    orders: OrdersModel, spend: GammaGammaFitter, customers: pd.DataFrame, value: pd.Series, months: int
) -> pd.Series:
    """Of each customer's discounted revenue Z = the sum of Y amounts, with Y and the amounts independent.

    E(Z^2) = E(Y) Var + E(Y^2) mean^2 of an amount, averaged over what the amounts of this customer may be like; the
    discount counts as one factor, that of the customer's expected orders.
    """
    mean, square = order_moments(orders, customers, weeks=months * WEEKS_A_MONTH)
    undiscounted = mean * expected_order_value(spend, customers)
    variance = spend_square(spend, customers, mean, square) - undiscounted**2
    discount = (value / undiscounted).fillna(0)
    return pd.Series(variance * discount**2)


def share_of_top(values: pd.Series, fraction: float) -> float:
    """Share of the total that the best `fraction` of customers holds (their number rounded up), from 0 to 1."""
    best = values.sort_values(ascending=False).head(ceil(len(values) * fraction))
    return float(best.sum() / values.sum())


def concentration(values: pd.Series) -> pd.DataFrame:
    """The Lorenz curve from the top: cumulative shares of `customers` and of `value`, the best customers first."""
    best_first = values.sort_values(ascending=False, ignore_index=True)
    customers = pd.Series(range(1, len(values) + 1)) / len(values)
    return pd.DataFrame({"customers": customers, "value": best_first.cumsum() / values.sum()})
