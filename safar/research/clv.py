"""Customer lifetime value: expected orders times expected order value, month by month, discounted.

Fader, Hardie, Lee (2005), "RFM and CLV: Using Iso-Value Curves for Customer Base Analysis", Journal of Marketing
Research 42(4), 415-430, with BG/NBD in place of Pareto/NBD. Value is future revenue of known customers: neither the
orders seen nor what it costs to win and to serve them is in it.
"""

from math import ceil

import pandas as pd

from safar.errors import DataRefused
from safar.research.fitting import GammaGammaFitter
from safar.research.gamma_gamma import expected_order_value
from safar.research.orders import OrdersModel, expected_orders

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
    negative, or BG/NBD has no finite expectation.
    """
    if months < 1 or monthly_discount_rate < 0:
        raise DataRefused("months must be at least 1, and monthly_discount_rate not below 0.")
    discounted = pd.Series(0.0, index=customers.index)
    before = discounted
    for month in range(1, months + 1):
        until = expected_orders(orders, customers, weeks=month * WEEKS_A_MONTH)
        discounted = discounted + (until - before) / (1 + monthly_discount_rate) ** month
        before = until
    return (discounted * expected_order_value(spend, customers)).rename("lifetime_value")


def share_of_top(values: pd.Series, fraction: float) -> float:
    """Share of the total that the best `fraction` of customers holds (their number rounded up), from 0 to 1."""
    best = values.sort_values(ascending=False).head(ceil(len(values) * fraction))
    return float(best.sum() / values.sum())


def concentration(values: pd.Series) -> pd.DataFrame:
    """The Lorenz curve from the top: cumulative shares of `customers` and of `value`, the best customers first."""
    best_first = values.sort_values(ascending=False, ignore_index=True)
    customers = pd.Series(range(1, len(values) + 1)) / len(values)
    return pd.DataFrame({"customers": customers, "value": best_first.cumsum() / values.sum()})
