import copy

import numpy as np
import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research import bgnbd, clv, gamma_gamma
from safar.research.fitters import BetaGeoFitter, GammaGammaFitter
from safar.research.orders import expected_orders, probability_alive
from tests.research.conftest import Cdnow


@pytest.fixture(scope="module")
def orders(cdnow: Cdnow) -> BetaGeoFitter:
    return bgnbd.fit(cdnow.customers)


@pytest.fixture(scope="module")
def spend(cdnow: Cdnow) -> GammaGammaFitter:
    return gamma_gamma.fit(cdnow.customers)


def test_the_value_of_a_cdnow_customer_is_the_recomputed_one(
    cdnow: Cdnow, orders: BetaGeoFitter, spend: GammaGammaFitter
) -> None:
    value = clv.lifetime_value(orders, spend, cdnow.customers, months=12, monthly_discount_rate=0.01)
    assert value.mean() == pytest.approx(30.34, rel=1e-4)
    assert clv.share_of_top(value, 0.1) == pytest.approx(0.568, abs=5e-4)


def test_it_is_what_lifetimes_says_when_told_that_time_is_in_weeks(
    cdnow: Cdnow, orders: BetaGeoFitter, spend: GammaGammaFitter
) -> None:
    columns = [cdnow.customers[name] for name in ("frequency", "recency", "T", "monetary")]
    theirs = spend.customer_lifetime_value(orders, *columns, time=12, discount_rate=0.01, freq="W")
    ours = clv.lifetime_value(orders, spend, cdnow.customers, months=12, monthly_discount_rate=0.01)
    pd.testing.assert_series_equal(ours, theirs, check_names=False, rtol=1e-9)


def test_undiscounted_it_is_orders_times_their_value(
    cdnow: Cdnow, orders: BetaGeoFitter, spend: GammaGammaFitter
) -> None:
    value = clv.lifetime_value(orders, spend, cdnow.customers, months=3, monthly_discount_rate=0)
    expected = expected_orders(orders, cdnow.customers, weeks=3 * clv.WEEKS_A_MONTH)
    expected *= gamma_gamma.expected_order_value(spend, cdnow.customers)
    pd.testing.assert_series_equal(value, expected, check_names=False)


def test_discounting_lowers_every_value(cdnow: Cdnow, orders: BetaGeoFitter, spend: GammaGammaFitter) -> None:
    now, later = (
        clv.lifetime_value(orders, spend, cdnow.customers, months=12, monthly_discount_rate=rate) for rate in (0, 0.01)
    )
    assert (later <= now).all()
    assert (later >= now / 1.01**12).all()


@pytest.mark.parametrize(("months", "rate"), [(0, 0.01), (12, -0.01)])
def test_a_period_or_rate_that_means_nothing_is_refused(
    cdnow: Cdnow, orders: BetaGeoFitter, spend: GammaGammaFitter, months: int, rate: float
) -> None:
    with pytest.raises(
        DataRefused, match=r"^(months must be at least 1|monthly_discount_rate must be a share from 0 to 1)"
    ):
        clv.lifetime_value(orders, spend, cdnow.customers, months=months, monthly_discount_rate=rate)


def test_the_top_share_counts_heads_and_rounds_them_up() -> None:
    values = pd.Series([1.0, 2.0, 3.0, 4.0, 90.0])
    assert clv.share_of_top(values, 0.1) == 0.9
    assert clv.share_of_top(values, 0.4) == 0.94
    assert clv.share_of_top(values, 1.0) == 1.0


def test_the_concentration_curve_runs_from_the_best_to_everything() -> None:
    curve = clv.concentration(pd.Series([1.0, 6.0, 3.0]))
    assert curve["customers"].tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert curve["value"].tolist() == pytest.approx([0.6, 0.9, 1])


def test_an_interval_of_a_value_holds_the_value_and_is_wider_at_a_higher_level(
    cdnow: Cdnow, orders: BetaGeoFitter, spend: GammaGammaFitter
) -> None:
    half, most = (
        clv.value_interval(orders, spend, cdnow.customers, months=12, monthly_discount_rate=0.01, level=level)
        for level in (0.5, 0.95)
    )
    assert half["lifetime_value"].mean() == pytest.approx(30.34, rel=1e-4)
    for table in (half, most):
        assert (table["low"] < table["lifetime_value"]).all()
        assert (table["lifetime_value"] < table["high"]).all()
    assert (most["high"] / most["low"] > half["high"] / half["low"]).all()


def test_segments_add_up_to_the_whole(cdnow: Cdnow, orders: BetaGeoFitter, spend: GammaGammaFitter) -> None:
    customers = cdnow.customers
    seen = pd.Series("early", customers.index).where(customers["T"] > 33, "late")
    terms = {"months": 12, "monthly_discount_rate": 0.01}
    table = clv.value_by(orders, spend, customers, seen, **terms)
    assert table.index.tolist() == ["early", "late"]
    assert table["customers"].sum() == len(customers)
    assert table["total"].sum() == pytest.approx(clv.lifetime_value(orders, spend, customers, **terms).sum())
    assert (table["mean"] * table["customers"]).to_numpy() == pytest.approx(table["total"].to_numpy())
    assert (table["low"] < table["total"]).all()
    assert (table["total"] < table["high"]).all()


def test_who_has_no_segment_is_in_none(cdnow: Cdnow, orders: BetaGeoFitter, spend: GammaGammaFitter) -> None:
    some = pd.Series("email", cdnow.customers.index[:500])
    table = clv.value_by(orders, spend, cdnow.customers, some, months=12, monthly_discount_rate=0.01)
    assert table["customers"].to_dict() == {"email": 500}


def test_the_interval_of_a_segment_holds_what_comes_as_often_as_it_says(
    cdnow: Cdnow, orders: BetaGeoFitter, spend: GammaGammaFitter
) -> None:
    """The next year of 200 customers, played through 400 times; the parameters are given, as is the model."""
    r, alpha, a, b = orders.params_
    p, q, gamma = spend.params_
    customers = cdnow.customers[cdnow.customers["frequency"] > 0].head(200)
    x, times, weeks = customers["frequency"].to_numpy(), 400, 12 * clv.WEEKS_A_MONTH
    rng, every = np.random.default_rng(5), (400, 200)
    alive = rng.random(every) < probability_alive(orders, customers).to_numpy()
    rate = rng.gamma(r + x, 1 / (alpha + customers["T"].to_numpy()), every)
    stops, nu = rng.beta(a, b + x, every), rng.gamma(p * x + q, 1 / (gamma + x * customers["monetary"]), every)
    came, clock, buying = np.zeros(every), np.zeros(every), alive
    while buying.any():
        clock = clock + rng.exponential(1 / rate)
        buying = buying & (clock <= weeks)
        came += buying * rng.gamma(p, 1 / nu)
        buying = buying & (rng.random(every) >= stops)
    nothing_unknown = copy.copy(orders), copy.copy(spend)
    for model in nothing_unknown:
        model.variance_matrix_ = model.variance_matrix_ * 1e-12
    everybody = pd.Series("all", customers.index)
    terms = {"months": 12, "monthly_discount_rate": 0.0, "level": 0.8}
    segment = clv.value_by(*nothing_unknown, customers, everybody, **terms).loc["all"]
    held = ((came.sum(axis=1) >= segment["low"]) & (came.sum(axis=1) <= segment["high"])).sum()
    assert came.sum(axis=1).mean() == pytest.approx(segment["total"], rel=0.05)
    assert 0.74 * times <= held <= 0.86 * times


def test_amounts_that_vary_without_bound_have_no_interval(cdnow: Cdnow, orders: BetaGeoFitter) -> None:
    wild = GammaGammaFitter()
    wild.params_ = pd.Series({"p": 6.0, "q": 1.5, "v": 15.0})
    everybody = pd.Series("all", cdnow.customers.index)
    with pytest.raises(DataRefused, match=r"q = 1\.500: with q <= 2 amounts vary without bound"):
        clv.value_by(orders, wild, cdnow.customers, everybody, months=12, monthly_discount_rate=0.01)


@pytest.mark.parametrize("rate", [float("nan"), float("inf"), -0.1, 10])
def test_a_discount_rate_that_is_no_share_is_refused(cdnow: Cdnow, rate: float) -> None:
    orders, spend = bgnbd.fit(cdnow.customers), gamma_gamma.fit(cdnow.customers)
    with pytest.raises(DataRefused, match="monthly_discount_rate must be a"):
        clv.lifetime_value(orders, spend, cdnow.customers, months=12, monthly_discount_rate=rate)


def test_a_segment_of_a_few_customers_has_no_interval(cdnow: Cdnow) -> None:
    orders, spend = bgnbd.fit(cdnow.customers), gamma_gamma.fit(cdnow.customers)
    few = pd.Series(["four"] * 4 + ["five"] * 5, cdnow.customers.index[:9])
    table = clv.value_by(orders, spend, cdnow.customers, few, months=12, monthly_discount_rate=0.01)
    assert table["low"].isna().to_dict() == table["high"].isna().to_dict() == {"five": False, "four": True}
