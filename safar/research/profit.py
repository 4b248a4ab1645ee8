"""What customers leave after costs: to serve them, and to win them."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from safar.errors import DataRefused
from safar.research.clv import discounted_orders
from safar.research.fitters import GammaGammaFitter
from safar.research.gamma_gamma import expected_order_value
from safar.research.orders import OrdersModel
from safar.research.require import of_customers, require_amounts, require_number, require_one_a_row


@dataclass(frozen=True)
class Costs:
    """What an order costs: `margin` is the share of its amount that is left when the goods are paid, above 0 to 1;
    `per_order` is what it costs to serve it (packing, delivery, support), in the currency of the amounts.
    """

    margin: float = 1.0
    per_order: float = 0.0

    def __post_init__(self) -> None:
        require_number("margin", self.margin)
        require_number("per_order", self.per_order, at_least=0)
        if not 0 < self.margin <= 1:
            raise DataRefused(f"margin must be a share above 0 and up to 1, not {self.margin:g}.")


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
    if not isinstance(costs, Costs):
        raise DataRefused(f"costs must be Costs(margin=..., per_order=...), not {costs!r}.")
    require_one_a_row(customers)
    to_come = discounted_orders(orders, customers, months=months, monthly_discount_rate=monthly_discount_rate)
    an_order = costs.margin * expected_order_value(spend, customers) - costs.per_order
    return (to_come * an_order).rename("profit")


def return_on_acquisition(
    past: pd.Series, expected: pd.Series, channel: pd.Series, cost_of: Mapping[str, float]
) -> pd.DataFrame:
    """Whether a channel's customers bring back what they cost, by channel, the best first; money a customer.

    `past` and `expected` are each customer's profit so far and still to come; `cost_of` says what a new customer of a
    channel cost. Columns: `customers`, `past`, `expected`, `cost`, `net` = past + expected - cost. Whoever has no
    channel is left out. Raises DataRefused when a channel has no cost: nothing is free unless it is said to be; and
    when somebody of whom profit is expected has no past.
    """
    if not isinstance(cost_of, Mapping):
        raise DataRefused(
            f"cost_of must say what a customer of each channel cost, such as {{'email': 6}}: {cost_of!r}."
        )
    require_amounts("expected", expected)
    channels = of_customers("channel", channel, expected.index)
    missing = set(channels.dropna()) - set(cost_of)
    if missing:
        named = ", ".join(sorted(map(str, missing)))
        raise DataRefused(f"What does a customer of {named} cost? Name it in cost_of, 0 for nothing.")
    for name in channels.dropna().unique():
        require_number(f"the cost of a customer of {name}", cost_of[name], at_least=0)
    so_far = of_customers("past", past, expected.index)
    require_amounts("past", so_far)
    groups = pd.DataFrame({"past": so_far, "expected": expected}).groupby(channels)
    table = groups.mean()
    table.insert(0, "customers", groups.size())
    table["cost"] = table.index.map(dict(cost_of)).astype(float)
    table["net"] = table["past"] + table["expected"] - table["cost"]
    return table.rename_axis("channel").sort_values("net", ascending=False)
