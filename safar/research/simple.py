"""The formulas of lifetime value that need no model, to hold beside one.

They take every customer for the average one, and leaving for something that is seen. Where customers differ, and leave
without a word, they are wrong in a known direction: see docs/lifetime-value.md.
"""

from typing import Literal

from safar.errors import DataRefused
from safar.research.require import require_number, require_share


def simple_value(order_value: float, repeat_rate: float) -> float:
    """Average order value x (1 + repeat rate): an order, and the chance of one more. Money of `order_value`.

    `repeat_rate` is the share of customers who bought again, from 0 to 1. Raises DataRefused outside of it.
    """
    require_number("order_value", order_value)
    require_share("repeat_rate", repeat_rate)
    return order_value * (1 + repeat_rate)


def retention_value(
    margin: float, retention: float, discount: float, *, first_margin: Literal["now", "after a period"] = "now"
) -> float:
    """What a customer brings who stays each period with the same probability, for ever. Money of `margin`.

    `margin` a period, `retention` from 0 to 1, `discount` a period, of the same length: m (1 + d) / (1 + d - r) when
    the first margin comes now and m r / (1 + d - r) when it comes after a period, if the customer is still there
    (Gupta, Lehmann 2003, "Customers as Assets", Journal of Interactive Marketing 17(1), 9-24). Raises DataRefused for
    what leaves the sum without an end.
    """
    for name, value in (("margin", margin), ("discount", discount)):
        require_number(name, value)
    require_share("retention", retention)
    if first_margin not in ("now", "after a period"):
        raise DataRefused(f"first_margin must be 'now' or 'after a period', not {first_margin!r}.")
    if discount < 0 or 1 + discount - retention <= 0:
        raise DataRefused("discount must not be below 0, and must be above 0 when nobody leaves (retention 1).")
    now = first_margin == "now"
    return margin * (1 + discount if now else retention) / (1 + discount - retention)


def monthly_rate(yearly_rate: float) -> float:
    """The monthly discount rate that makes `yearly_rate` in twelve months: (1 + d)^(1/12) - 1. Raises DataRefused."""
    require_number("yearly_rate", yearly_rate)
    if yearly_rate <= -1:
        raise DataRefused("yearly_rate must be above -1.")
    return float((1 + yearly_rate) ** (1 / 12) - 1)
