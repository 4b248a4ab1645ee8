"""Customer lifetime value: expected orders times expected order value, month by month, discounted.

Fader, Hardie, Lee (2005), "RFM and CLV: Using Iso-Value Curves for Customer Base Analysis", Journal of Marketing
Research 42(4), 415-430, with BG/NBD in place of Pareto/NBD. Value is future revenue of known customers: neither the
orders seen nor what it costs to win and to serve them is in it.
"""

from math import ceil

import numpy as np
import pandas as pd

from safar.errors import DataRefused
from safar.research.fitters import GammaGammaFitter
from safar.research.forecast import order_moments
from safar.research.gamma_gamma import mean_amount, spend_square
from safar.research.likelihood.maximum import Array
from safar.research.orders import DistinctPairs, OrdersModel, alive_now, expected_if_alive, require_horizon
from safar.research.require import (
    of_customers,
    require_amounts,
    require_customers,
    require_number,
    require_orders_model,
    require_share,
    require_spend_model,
    require_spending,
    require_whole,
)
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

    The orders of month k count 1 / (1 + monthly_discount_rate)^k. Raises DataRefused when months are no whole number
    from 1, the rate is no share, the models are not fitted, for patterns and for customers that cannot be, and when
    the model has no finite expectation.
    """
    _require(orders, spend, customers, months, monthly_discount_rate)
    value = _value(orders, spend, customers, months, monthly_discount_rate)
    return pd.Series(value, customers.index, name="lifetime_value")


def discounted_orders(
    orders: OrdersModel, customers: pd.DataFrame, *, months: int, monthly_discount_rate: float
) -> pd.Series:
    """Each customer's expected orders of the next `months`, those of month k at 1 / (1 + monthly_discount_rate)^k.

    Raises DataRefused as `lifetime_value` does.
    """
    _require_terms(orders, customers, months, monthly_discount_rate)
    return pd.Series(_discounted(orders, customers, months, monthly_discount_rate), customers.index)


def _require(
    orders: OrdersModel, spend: GammaGammaFitter, customers: pd.DataFrame, months: int, monthly_discount_rate: float
) -> None:
    require_spend_model(spend)
    require_spending(customers)
    _require_terms(orders, customers, months, monthly_discount_rate)


def _require_terms(orders: OrdersModel, customers: pd.DataFrame, months: int, monthly_discount_rate: float) -> None:
    require_orders_model(orders)
    require_customers(customers)
    require_whole("months", months, at_least=1)
    require_share("monthly_discount_rate", monthly_discount_rate)
    require_horizon(orders, months * WEEKS_A_MONTH)


def _value(
    orders: OrdersModel, spend: GammaGammaFitter, customers: pd.DataFrame, months: int, monthly_discount_rate: float
) -> Array:
    return _discounted(orders, customers, months, monthly_discount_rate) * mean_amount(spend, customers)


def _discounted(orders: OrdersModel, customers: pd.DataFrame, months: int, monthly_discount_rate: float) -> Array:
    pairs = DistinctPairs.of(customers)
    discounted = before = np.zeros(len(pairs.age))
    for month in range(1, int(months) + 1):
        until = expected_if_alive(orders, pairs, month * WEEKS_A_MONTH)
        discounted = discounted + (until - before) / (1 + monthly_discount_rate) ** month
        before = until
    return alive_now(orders, customers) * discounted[pairs.of_customer]


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

    What is not known of the parameters of both models is in it; what a customer then does by chance is not. Raises
    DataRefused as `lifetime_value` does, and for what is no level.
    """
    _require(orders, spend, customers, months, monthly_discount_rate)

    def value(buying: OrdersModel, spending: GammaGammaFitter) -> Array:
        return _value(buying, spending, customers, months, monthly_discount_rate)

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
    of more than a few customers, and blank for one of fewer than five. Raises DataRefused as `lifetime_value` does,
    when `by` says nothing of these customers, and when q <= 2: then amounts vary without bound.
    """
    _require(orders, spend, customers, months, monthly_discount_rate)
    normal, segments = quantile(level), of_customers("by", by, customers.index)

    def value_of(buying: OrdersModel, spending: GammaGammaFitter) -> pd.Series:
        return pd.Series(_value(buying, spending, customers, months, monthly_discount_rate), customers.index)

    def total(buying: OrdersModel, spending: GammaGammaFitter) -> Array:
        return value_of(buying, spending).groupby(segments).sum().to_numpy()

    value = value_of(orders, spend)
    groups = value.groupby(segments)
    table = pd.DataFrame({"customers": groups.size(), "mean": groups.mean(), "total": groups.sum()})
    by_chance = _own_variance(orders, spend, customers, value, months).groupby(segments).sum()
    of_parameters = sum(change**2 for change in changes([orders, spend], total, POSITIVE))
    with np.errstate(over="ignore"):  # of a segment too small to be told
        half = np.exp(normal * np.sqrt(by_chance / table["total"] ** 2 + of_parameters))
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
    undiscounted = mean * mean_amount(spend, customers)
    variance = spend_square(spend, customers, mean, square) - undiscounted**2
    discount = (value / undiscounted).fillna(0)
    return pd.Series(variance * discount**2)


def share_of_top(values: pd.Series, fraction: float) -> float:
    """Share of the total that the best `fraction` of customers holds (their number rounded up), from 0 to 1.

    Raises DataRefused when a value is missing, they add up to nothing, or `fraction` is not above 0 and up to 1.
    """
    _require_total(values)
    require_number("fraction", fraction)
    if not 0 < fraction <= 1:
        raise DataRefused(f"fraction must be a share above 0 and up to 1, not {fraction:g}.")
    best = values.sort_values(ascending=False).head(ceil(len(values) * fraction))
    return float(best.sum() / values.sum())


def concentration(values: pd.Series) -> pd.DataFrame:
    """The Lorenz curve from the top: cumulative shares of `customers` and of `value`, the best customers first.

    Raises DataRefused when a value is missing, or they add up to nothing.
    """
    _require_total(values)
    best_first = values.sort_values(ascending=False, ignore_index=True)
    customers = pd.Series(range(1, len(values) + 1)) / len(values)
    return pd.DataFrame({"customers": customers, "value": best_first.cumsum() / values.sum()})


def _require_total(values: pd.Series) -> None:
    require_amounts("values", values)
    if not values.sum() > 0:
        raise DataRefused("The values add up to nothing, so nobody holds a share of them.")
