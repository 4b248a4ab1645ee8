import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research import bgnbd, clv, gamma_gamma
from safar.research.fitting import BetaGeoFitter, GammaGammaFitter
from safar.research.orders import expected_orders
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
    with pytest.raises(DataRefused, match="months must be at least 1"):
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
