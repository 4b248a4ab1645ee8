import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research import bgnbd, gamma_gamma
from safar.research.clv import discounted_orders, lifetime_value
from safar.research.profit import Costs, customer_profit, return_on_acquisition
from tests.research.conftest import Cdnow

_TERMS = {"months": 12, "monthly_discount_rate": 0.01}


def test_without_costs_profit_is_value(cdnow: Cdnow) -> None:
    orders, spend = bgnbd.fit(cdnow.customers), gamma_gamma.fit(cdnow.customers)
    value = lifetime_value(orders, spend, cdnow.customers, **_TERMS)
    profit = customer_profit(orders, spend, cdnow.customers, Costs(), **_TERMS)
    assert profit.to_numpy() == pytest.approx(value.to_numpy(), rel=1e-12)


def test_a_margin_is_a_share_of_the_value_and_serving_costs_by_the_order(cdnow: Cdnow) -> None:
    orders, spend = bgnbd.fit(cdnow.customers), gamma_gamma.fit(cdnow.customers)
    value = lifetime_value(orders, spend, cdnow.customers, **_TERMS)
    to_come = discounted_orders(orders, cdnow.customers, **_TERMS)
    profit = customer_profit(orders, spend, cdnow.customers, Costs(margin=0.3, per_order=4), **_TERMS)
    assert profit.to_numpy() == pytest.approx((0.3 * value - 4 * to_come).to_numpy(), rel=1e-12)
    assert (profit < 0).any()


@pytest.mark.parametrize("costs", [{"margin": 0}, {"margin": 30}, {"per_order": -1}])
def test_costs_that_cannot_be_are_refused(costs: dict[str, float]) -> None:
    with pytest.raises(DataRefused):
        Costs(**costs)


def test_a_channel_pays_when_its_customers_bring_more_than_they_cost() -> None:
    names = ["ann", "bob", "cat", "dan"]
    past, expected = pd.Series([10.0, 20, 5, 1], names), pd.Series([30.0, 40, 5, 9], names)
    channel = pd.Series({"ann": "paid", "bob": "paid", "cat": "organic"})
    table = return_on_acquisition(past, expected, channel, {"paid": 45, "organic": 0})
    assert table.loc["paid"].to_dict() == {"customers": 2, "past": 15, "expected": 35, "cost": 45, "net": 5}
    assert table["net"].to_dict() == {"organic": 10, "paid": 5}
    with pytest.raises(DataRefused, match=r"^What does a customer of organic cost\? Name it in cost_of"):
        return_on_acquisition(past, expected, channel, {"paid": 45})
