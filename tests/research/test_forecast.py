import numpy as np
import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research import bgnbd, mbgnbd, pareto_nbd
from safar.research.calibration import repeat_orders
from safar.research.fitters import ModifiedBetaGeoFitter, ParetoNBDFitter
from safar.research.fitting import grouped
from safar.research.forecast import order_range, orders_if_alive, total_orders
from safar.research.orders import DistinctPairs, OrdersModel, expected_orders, probability_alive
from tests.research.conftest import Cdnow


@pytest.fixture(scope="module", params=[bgnbd, mbgnbd, pareto_nbd])
def model(request: pytest.FixtureRequest, cdnow: Cdnow) -> OrdersModel:
    fitter: OrdersModel = request.param.fit(cdnow.customers)
    return fitter


def test_the_probabilities_add_up_to_one_and_to_the_expectation(cdnow: Cdnow, model: OrdersModel) -> None:
    pairs = DistinctPairs.of(cdnow.customers)
    chances = orders_if_alive(model, pairs, 39.0)
    assert (chances >= 0).all()
    assert chances.sum(axis=1) == pytest.approx(1, abs=2e-6)
    alive = probability_alive(model, cdnow.customers)
    mean = (chances @ np.arange(chances.shape[1]))[pairs.of_customer] * alive
    assert mean.to_numpy() == pytest.approx(expected_orders(model, cdnow.customers, weeks=39).to_numpy(), abs=1e-3)


def test_the_probabilities_are_those_of_customers_played_through(model: OrdersModel) -> None:
    """A customer with 3 repeat orders in 20 weeks, still alive: their own rate and their own way to stop, drawn."""
    rng, played = np.random.default_rng(11), 200_000
    r, alpha, *leaving = model.params_
    rate = rng.gamma(r + 3, 1 / (alpha + 20), played)
    stops, ends = np.zeros(played), np.full(played, 39.0)
    if isinstance(model, ParetoNBDFitter):
        ends = np.minimum(rng.exponential(1 / rng.gamma(leaving[0], 1 / (leaving[1] + 20), played)), 39)
    else:
        stops = rng.beta(leaving[0], leaving[1] + 3 + isinstance(model, ModifiedBetaGeoFitter), played)
    orders, clock, buying = np.zeros(played, int), np.zeros(played), np.arange(played)
    while buying.size:
        clock[buying] += rng.exponential(1 / rate[buying])
        buying = buying[clock[buying] <= ends[buying]]
        orders[buying] += 1
        buying = buying[rng.random(buying.size) >= stops[buying]]
    customer = pd.DataFrame({"frequency": [3], "T": [20.0]})
    chances = orders_if_alive(model, DistinctPairs.of(customer), 39.0)[0][:12]
    share = np.bincount(orders, minlength=12)[:12] / played
    assert chances == pytest.approx(share, abs=4 * np.sqrt(0.25 / played))


def test_what_came_in_cdnow_lies_within_the_range_about_as_often_as_it_says(cdnow: Cdnow, model: OrdersModel) -> None:
    """Counts are whole: a range holds at least its level, and the tails at most theirs, if the model is right."""
    bounds = order_range(model, cdnow.customers, weeks=39, level=0.9)
    came = cdnow.customers["holdout"]
    assert (bounds["low"] <= bounds["high"]).all()
    assert came.between(bounds["low"], bounds["high"]).mean() > 0.9
    assert list(bounds.index) == list(cdnow.customers.index)


def test_a_range_at_a_higher_level_holds_the_one_at_a_lower(cdnow: Cdnow, model: OrdersModel) -> None:
    narrow, wide = (order_range(model, cdnow.customers, weeks=39, level=level) for level in (0.5, 0.99))
    assert (wide["low"] <= narrow["low"]).all()
    assert (narrow["high"] <= wide["high"]).all()
    assert (narrow["high"] < wide["high"]).any()


def test_who_is_surely_gone_orders_nothing(model: OrdersModel) -> None:
    gone = pd.DataFrame({"frequency": [300], "recency": [2.0], "T": [39.0]})
    assert order_range(model, gone, weeks=39).to_numpy().tolist() == [[0, 0]]


def test_the_total_is_the_sum_of_expectations_and_wider_with_fewer_customers(cdnow: Cdnow, model: OrdersModel) -> None:
    everybody, few = (total_orders(model, table, weeks=39) for table in (cdnow.customers, cdnow.customers.head(100)))
    assert everybody.expected == pytest.approx(expected_orders(model, cdnow.customers, weeks=39).sum())
    assert everybody.low < everybody.expected < everybody.high
    assert few.high / few.expected > everybody.high / everybody.expected


def test_in_no_time_nobody_orders_anything(cdnow: Cdnow, model: OrdersModel) -> None:
    assert total_orders(model, cdnow.customers, weeks=0) == (0, 0, 0)


def test_patterns_are_not_summed_as_if_they_were_customers(cdnow: Cdnow, model: OrdersModel) -> None:
    patterns = grouped(cdnow.customers)
    for sum_up in (lambda: total_orders(model, patterns, weeks=39), lambda: repeat_orders(model, patterns)):
        with pytest.raises(DataRefused, match="needs one row a customer"):
            sum_up()


@pytest.mark.parametrize("level", [95, 0, 1, -0.5])
def test_a_level_that_is_none_is_refused_and_not_searched_for(cdnow: Cdnow, level: float) -> None:
    with pytest.raises(DataRefused, match="level must be between 0 and 1"):
        order_range(bgnbd.fit(cdnow.customers), cdnow.customers, weeks=39, level=level)
