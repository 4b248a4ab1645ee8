"""All figures of a customer at once: each is what its own function says, and every interval holds its figure."""

from typing import Any

import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research import bgnbd, gamma_gamma
from safar.research.clv import value_interval
from safar.research.forecast import order_range
from safar.research.gamma_gamma import expected_order_value
from safar.research.orders import expected_orders, probability_alive
from safar.research.outlook import outlook
from safar.research.value_range import value_range
from tests.research.conftest import Cdnow

YEAR: dict[str, Any] = {"months": 12, "monthly_discount_rate": 0.01}


def test_every_figure_is_the_one_of_its_own_function(cdnow: Cdnow) -> None:
    orders, spend, some = bgnbd.fit(cdnow.customers), gamma_gamma.fit(cdnow.customers), cdnow.customers.tail(40)
    table = outlook(orders, spend, some, weeks=39, **YEAR, level=0.8)
    value = value_interval(orders, spend, some, **YEAR, level=0.8)
    came = order_range(orders, some, weeks=39, level=0.8)
    revenue = value_range(orders, spend, some, **YEAR, level=0.8)
    for name, figure in {
        "p_alive": probability_alive(orders, some),
        "expected_orders": expected_orders(orders, some, weeks=39),
        "expected_order_value": expected_order_value(spend, some),
        **{"value": value["lifetime_value"], "value_low": value["low"], "value_high": value["high"]},
        **{"orders_low": came["low"], "orders_high": came["high"]},
        **{"revenue_low": revenue["low"], "revenue_high": revenue["high"]},
    }.items():
        pd.testing.assert_series_equal(table[name], figure, check_names=False)


def test_an_interval_holds_its_figure_and_what_comes_is_less_certain_than_what_to_expect(cdnow: Cdnow) -> None:
    orders, spend = bgnbd.fit(cdnow.customers), gamma_gamma.fit(cdnow.customers)
    repeaters = cdnow.customers[cdnow.customers["frequency"] > 0].head(200)
    narrow, wide = (outlook(orders, spend, repeaters, weeks=52, **YEAR, level=level) for level in (0.5, 0.95))
    for name in ("p_alive", "expected_orders", "expected_order_value", "value"):
        low, high = f"{name}_low", f"{name}_high"
        assert (wide[low] < narrow[low]).all()
        assert (narrow[low] < narrow[name]).all()
        assert (narrow[name] < narrow[high]).all()
        assert (narrow[high] < wide[high]).all()
    assert (wide["revenue_low"] < wide["value_low"]).all()
    assert (wide["revenue_high"] > wide["value_high"]).mean() > 0.9


@pytest.mark.parametrize(("weeks", "rule"), [(-1, "weeks must be at least 0"), (1000, "weeks watched")])
def test_a_horizon_beyond_what_was_watched_is_refused(cdnow: Cdnow, weeks: float, rule: str) -> None:
    orders, spend = bgnbd.fit(cdnow.customers), gamma_gamma.fit(cdnow.customers)
    with pytest.raises(DataRefused, match=rule):
        outlook(orders, spend, cdnow.customers.head(3), weeks=weeks, **YEAR)
