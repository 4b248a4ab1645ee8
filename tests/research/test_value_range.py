"""The range of what a customer will spend: against the formula by hand, against play, and against what came."""

import copy
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import betaprime, binom

from safar.errors import DataRefused
from safar.research import bgnbd, gamma_gamma, pareto_nbd
from safar.research.clv import WEEKS_A_MONTH, discounted_orders
from safar.research.fitters import BetaGeoFitter, GammaGammaFitter
from safar.research.likelihood.maximum import Array
from safar.research.orders import OrdersModel, expected_orders, probability_alive
from safar.research.uncertainty import Fitter
from safar.research.value_range import value_range
from tests.research.conftest import Cdnow
from tests.research.simulate import Spend, customers_of, pareto_customers_of

YEAR: dict[str, Any] = {"months": 12, "monthly_discount_rate": 0.01}


@pytest.fixture(scope="module")
def orders(cdnow: Cdnow) -> BetaGeoFitter:
    return bgnbd.fit(cdnow.customers)


@pytest.fixture(scope="module")
def spend(cdnow: Cdnow) -> GammaGammaFitter:
    return gamma_gamma.fit(cdnow.customers)


def known(fitter: Fitter, **parameters: float) -> Fitter:
    """The same model with `parameters` in the place of its own, and as good as no doubt about any."""
    other = copy.copy(fitter)
    other.params_ = pd.Series(dict(fitter.params_) | parameters)
    other.variance_matrix_ = pd.DataFrame(np.diag((1e-6 * other.params_) ** 2))
    return other


def doubtful(fitter: Fitter) -> Fitter:
    other = copy.copy(fitter)
    other.variance_matrix_ = fitter.variance_matrix_ * 30
    return other


def test_of_one_certain_order_it_is_the_distribution_of_an_amount(
    orders: BetaGeoFitter, spend: GammaGammaFitter
) -> None:
    """Whoever surely buys, and surely stops with it, spends (gamma + x m) times a beta prime of p and p x + q."""
    one_order = known(orders, r=500.0, alpha=1.0, a=2.0, b=1e-7)
    customers = pd.DataFrame({"frequency": [0, 0], "recency": [0.0, 0.0], "T": [10.0, 20.0], "monetary": [0.0, 0.0]})
    found = value_range(one_order, known(spend), customers, months=12, monthly_discount_rate=0.0, level=0.8)
    p, q, gamma = spend.params_
    for side, probability in (("low", 0.1), ("high", 0.9)):
        assert found[side].to_numpy() == pytest.approx(gamma * betaprime(p, q).ppf(probability), rel=1e-4)


def test_a_bound_is_exactly_nothing_until_an_order_is_likelier_than_what_may_lie_beyond(
    orders: BetaGeoFitter, spend: GammaGammaFitter
) -> None:
    """Nobody stops, so P(no order in t weeks) is ((alpha + T) / (alpha + T + t))^(r + x)."""
    seldom = known(orders, r=0.01, alpha=20.0, a=2.0, b=1e9)
    customer = pd.DataFrame({"frequency": [2], "recency": [30.0], "T": [30.0], "monetary": [40.0]})
    chance = 1 - (50 / (50 + WEEKS_A_MONTH)) ** 2.01
    rare, likely = (
        value_range(seldom, known(spend), customer, months=1, monthly_discount_rate=0.0, level=1 - 2 * beyond)
        for beyond in (1.001 * chance, 0.999 * chance)
    )
    assert rare.to_numpy().tolist() == [[0, 0]]
    assert likely["low"].item() == 0
    assert likely["high"].item() > 0


@pytest.mark.parametrize("rate", [0.0, 0.01])
def test_what_is_played_through_lies_beyond_each_bound_as_often_as_it_says(
    orders: BetaGeoFitter, spend: GammaGammaFitter, rate: float
) -> None:
    customers = pd.DataFrame(
        {"frequency": [1, 3, 12], "recency": [9.0, 36.0, 38.0], "T": 39.0, "monetary": [80.0, 25.0, 40.0]},
        ["new", "steady", "often"],
    )
    terms = {"months": 12, "monthly_discount_rate": rate}
    found = value_range(known(orders), known(spend), customers, **terms, level=0.8)
    came = played(orders, spend, customers, rate)
    error = 4 * np.sqrt(0.1 * 0.9 / len(came))
    assert (came > found["high"].to_numpy()).mean(axis=0) == pytest.approx(0.1, abs=error)
    low = found["low"].to_numpy()
    nothing = (came == 0).mean(axis=0)
    assert (low == 0).tolist() == (nothing > 0.1).tolist() == [True, True, False]
    assert (came[:, low > 0] < low[low > 0]).mean(axis=0) == pytest.approx(0.1, abs=error)


def played(orders: BetaGeoFitter, spend: GammaGammaFitter, customers: pd.DataFrame, rate: float) -> Array:
    """Discounted revenue of the next year of each customer (columns), many times over (rows)."""
    r, alpha, a, b = orders.params_
    p, q, gamma = spend.params_
    x, age, m = (customers[name].to_numpy(float) for name in ("frequency", "T", "monetary"))
    rng, every = np.random.default_rng(7), (40_000, len(customers))
    buying = rng.random(every) < probability_alive(orders, customers).to_numpy()
    pace, stops = rng.gamma(r + x, 1 / (alpha + age), every), rng.beta(a, b + x, every)
    nu = rng.gamma(p * x + q, 1 / (gamma + x * m), every)
    came, clock = np.zeros(every), np.zeros(every)
    while buying.any():
        clock += rng.exponential(1 / pace)
        buying &= clock <= 12 * WEEKS_A_MONTH
        came += buying * rng.gamma(p, 1 / nu) / (1 + rate) ** np.ceil(np.minimum(clock / WEEKS_A_MONTH, 12))
        buying &= rng.random(every) >= stops
    return came


@pytest.mark.parametrize("model", ["BG/NBD", "Pareto/NBD"])
def test_what_came_of_simulated_customers_lies_within_as_often_as_it_says(model: str) -> None:
    """Revenue above 0 has no gaps, so the upper tail is what it says; a low bound of 0 has nothing below it."""
    drawn = Spend(p=6.25, q=3.74, gamma=15.44, monthly_discount_rate=0.01)
    terms: dict[str, Any] = {"holdout_weeks": 12 * WEEKS_A_MONTH, "spend": drawn, "seed": 1}
    if model == "BG/NBD":
        customers = customers_of(2000, r=1.0, alpha=5.0, a=0.5, b=4.0, **terms)
        fitted: OrdersModel = bgnbd.fit(customers)
    else:
        customers = pareto_customers_of(2000, r=0.8, alpha=5.0, s=1.2, beta=20.0, **terms)
        fitted = pareto_nbd.fit(customers)
    bounds = value_range(fitted, gamma_gamma.fit(customers), customers, **YEAR, level=0.9)
    came = customers["revenue"]
    for chosen in (came >= 0, customers["frequency"] == 0, customers["frequency"] >= 3):
        some = chosen & (bounds["high"] > 0)
        fewest, most = binom.interval(0.99, some.sum(), 0.05)
        assert fewest <= (came > bounds["high"])[some].sum() <= most
        assert came.between(bounds["low"], bounds["high"])[chosen].mean() >= 0.9
    told = bounds["low"] > 0
    fewest, most = binom.interval(0.99, told.sum(), 0.05)
    assert told.sum() > 20
    assert fewest <= (came < bounds["low"])[told].sum() <= most


def test_a_higher_level_holds_a_lower_and_everybody_keeps_their_place(
    cdnow: Cdnow, orders: BetaGeoFitter, spend: GammaGammaFitter
) -> None:
    some = cdnow.customers.sample(300, random_state=2)
    narrow, wide = (value_range(orders, spend, some, **YEAR, level=level) for level in (0.5, 0.95))
    assert (wide["low"] <= narrow["low"]).all()
    assert (narrow["high"] <= wide["high"]).all()
    assert list(wide.index) == list(some.index)
    alone = value_range(orders, spend, some.tail(1), **YEAR, level=0.95)
    assert alone.to_numpy() == pytest.approx(wide.tail(1).to_numpy(), rel=1e-4)


def test_what_is_not_known_of_the_parameters_widens_it(orders: BetaGeoFitter, spend: GammaGammaFitter) -> None:
    often = pd.DataFrame({"frequency": [20], "recency": [38.0], "T": [38.5], "monetary": [40.0]})
    sure = value_range(known(orders), known(spend), often, **YEAR).iloc[0]
    for models in ((doubtful(orders), known(spend)), (known(orders), doubtful(spend))):
        less = value_range(*models, often, **YEAR).iloc[0]
        assert less["low"] / less["high"] < 0.99 * sure["low"] / sure["high"]


def test_who_is_surely_gone_brings_nothing(orders: BetaGeoFitter, spend: GammaGammaFitter) -> None:
    gone = pd.DataFrame({"frequency": [300], "recency": [2.0], "T": [39.0], "monetary": [50.0]})
    assert value_range(orders, spend, gone, **YEAR).to_numpy().tolist() == [[0, 0]]


def test_who_orders_more_often_than_can_be_counted_has_a_blank_range_and_no_wrong_one(
    orders: BetaGeoFitter, spend: GammaGammaFitter
) -> None:
    two = pd.DataFrame({"frequency": [1, 9000], "recency": [9.0, 39.0], "T": [39.0, 39.0], "monetary": [9.0, 9.0]})
    found = value_range(orders, spend, two, **YEAR)
    assert found.isna().to_numpy().tolist() == [[False, False], [True, True]]


def test_amounts_that_vary_without_bound_have_a_range_all_the_same(
    orders: BetaGeoFitter, spend: GammaGammaFitter
) -> None:
    one = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [39.0], "monetary": [0.0]})
    wild = value_range(orders, known(spend, q=1.5), one, **YEAR, level=0.95)
    assert wild["high"].item() > value_range(orders, known(spend), one, **YEAR, level=0.95)["high"].item()


def test_the_discount_is_that_of_the_expected_orders(orders: BetaGeoFitter, spend: GammaGammaFitter) -> None:
    one = pd.DataFrame({"frequency": [5], "recency": [37.0], "T": [39.0], "monetary": [30.0]})
    now, later = (
        value_range(orders, spend, one, months=12, monthly_discount_rate=rate)["high"].item() for rate in (0.0, 0.05)
    )
    lowered = discounted_orders(orders, one, months=12, monthly_discount_rate=0.05).item()
    assert later / now == pytest.approx(lowered / expected_orders(orders, one, weeks=12 * WEEKS_A_MONTH).item())


def test_customers_without_money_and_patterns_are_refused(
    cdnow: Cdnow, orders: BetaGeoFitter, spend: GammaGammaFitter
) -> None:
    some = cdnow.customers.head(3)
    with pytest.raises(DataRefused, match="needs a column 'monetary'"):
        value_range(orders, spend, some.drop(columns="monetary"), **YEAR)
    with pytest.raises(DataRefused, match="monetary is missing, infinite or below 0 for 3 of 3 rows"):
        value_range(orders, spend, some.assign(monetary=np.nan), **YEAR)
    with pytest.raises(DataRefused, match="one row a customer"):
        value_range(orders, spend, some.assign(customers=2), **YEAR)
