"""What customers leave after costs: to serve them, and to win them."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from safar.errors import DataRefused
from safar.research.clv import discounted_orders
from safar.research.fitters import GammaGammaFitter
from safar.research.gamma_gamma import expected_order_value
from safar.research.orders import OrdersModel


@dataclass(frozen=True)
class Costs:
    """What an order costs: `margin` is the share of its amount that is left when the goods are paid, above 0 to 1;
    `per_order` is what it costs to serve it (packing, delivery, support), in the currency of the amounts.
    """

    margin: float = 1.0
    per_order: float = 0.0

    def __post_init__(self) -> None:
        if not 0 < self.margin <= 1:
            raise DataRefused(f"margin must be a share above 0 and up to 1, not {self.margin:g}.")
        if self.per_order < 0:
            raise DataRefused("per_order must not be below 0.")


def customer_profit(
    orders: OrdersModel,
    spend: GammaGammaFitter,
    customers: pd.DataFrame,
    costs: Costs,
    *,
    months: int,
    monthly_discount_rate: float,
) -> pd.Series:
    """Each customer's expected profit of the next `months`, before what it cost to win them.

    As `clv.lifetime_value`, with margin x amount - cost to serve in the place of the amount of an order; it is below 0
    for a customer whose orders are too small. Raises DataRefused as that does.
    """
    to_come = discounted_orders(orders, customers, months=months, monthly_discount_rate=monthly_discount_rate)
    an_order = costs.margin * expected_order_value(spend, customers) - costs.per_order
    return (to_come * an_order).rename("profit")


def return_on_acquisition(
    past: pd.Series, expected: pd.Series, channel: pd.Series, cost_of: Mapping[str, float]
) -> pd.DataFrame:
    """Whether a channel's customers bring back what they cost, by channel, the best first; money a customer.

    `past` and `expected` are each customer's profit so far and still to come; `cost_of` says what a new customer of a
    channel cost. Columns: `customers`, `past`, `expected`, `cost`, `net` = past + expected - cost. Whoever has no
    channel is left out. Raises DataRefused when a channel has no cost: nothing is free unless it is said to be.
    """
    channels = channel.reindex(expected.index)
    missing = sorted(set(channels.dropna()) - set(cost_of))
    if missing:
        raise DataRefused(f"What does a customer of {', '.join(missing)} cost? Name it in cost_of, 0 for nothing.")
    groups = pd.DataFrame({"past": past, "expected": expected}).groupby(channels)
    table = groups.mean()
    table.insert(0, "customers", groups.size())
    table["cost"] = table.index.map(dict(cost_of)).astype(float)
    table["net"] = table["past"] + table["expected"] - table["cost"]
    return table.rename_axis("channel").sort_values("net", ascending=False)
