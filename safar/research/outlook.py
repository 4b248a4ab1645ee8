"""Everything the models say of chosen customers on one row each, with an interval on each figure.

Two kinds of interval stand side by side. `_low` and `_high` of an expectation say how far it may be off, for the
parameters are estimates (the delta method of `uncertainty`). Those of `orders` and `revenue` are wider: what the
customer then does will lie between them, by chance and by parameters both (`forecast`, `value_range`).
"""

from collections.abc import Callable
from typing import Any

import pandas as pd

from safar.research.clv import value_interval
from safar.research.fitters import GammaGammaFitter
from safar.research.forecast import order_range
from safar.research.gamma_gamma import mean_amount
from safar.research.likelihood.maximum import Array
from safar.research.orders import OrdersModel, alive_now, expectation
from safar.research.uncertainty import POSITIVE, PROBABILITY, Link, interval
from safar.research.value_range import value_range


def outlook(
    orders: OrdersModel,
    spend: GammaGammaFitter,
    customers: pd.DataFrame,
    *,
    weeks: float,
    months: int,
    monthly_discount_rate: float,
    level: float = 0.9,
) -> pd.DataFrame:
    """One row a customer of `customers`, which are rows of `rfm.rfm_in_weeks`; money in the observation's currency.

    Expectations, each with `_low` and `_high`, which hold the true expectation `level` of the time:

    - `p_alive`: P(still a customer at the end of the calibration), 0 to 1;
    - `expected_orders`: days with orders in the next `weeks`;
    - `expected_order_value`: mean amount of an order;
    - `value`: discounted revenue of the next `months` (`clv.lifetime_value`).

    What will come, which lies at or between them with a probability of at least `level`:

    - `orders_low`, `orders_high`: days with orders in the next `weeks`;
    - `revenue_low`, `revenue_high`: discounted revenue of the next `months`.

    Some seconds for 10,000 customers. Raises DataRefused as `value_range` does.
    """

    terms: dict[str, Any] = {"months": months, "monthly_discount_rate": monthly_discount_rate, "level": level}
    value = value_interval(orders, spend, customers, **terms)
    to_come = order_range(orders, customers, weeks=weeks, level=level)
    revenue = value_range(orders, spend, customers, **terms)

    expectations: list[tuple[str, Any, Callable[..., Array], Link]] = [
        ("p_alive", orders, lambda buying: alive_now(buying, customers), PROBABILITY),
        ("expected_orders", orders, lambda buying: expectation(buying, customers, weeks), POSITIVE),
        ("expected_order_value", spend, lambda spending: mean_amount(spending, customers), POSITIVE),
    ]
    parts = []
    for name, model, statistic, link in expectations:
        low, high = interval([model], statistic, link, level=level)
        found = {name: statistic(model), f"{name}_low": low, f"{name}_high": high}
        parts.append(pd.DataFrame(found, customers.index))
    parts += [value.set_axis(["value", "value_low", "value_high"], axis=1)]
    parts += [to_come.add_prefix("orders_"), revenue.add_prefix("revenue_")]
    return pd.concat(parts, axis=1)
