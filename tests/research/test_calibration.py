import pytest

from safar.errors import DataRefused
from safar.research import bgnbd, calibration
from safar.research.fitters import BetaGeoFitter
from safar.research.orders import expected_orders
from tests.research.conftest import Cdnow


@pytest.fixture(scope="module")
def fitted(cdnow: Cdnow) -> BetaGeoFitter:
    return bgnbd.fit(cdnow.customers)


def test_the_fit_on_cdnow_is_as_good_as_published(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    test = calibration.chi_square(calibration.repeat_orders(fitted, cdnow.customers))
    assert round(test.statistic, 2) == 4.82
    assert test.degrees_of_freedom == 3
    assert round(test.p_value, 2) == 0.19


def test_every_customer_is_counted_and_expected_once(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    counts = calibration.repeat_orders(fitted, cdnow.customers)
    assert counts["actual"].tolist() == [1411, 439, 214, 100, 62, 38, 29, 64]
    assert counts["expected"].sum() == pytest.approx(len(cdnow.customers))
    assert (counts["expected"] > 0).all()


def test_the_probabilities_of_each_number_of_orders_have_the_mean_of_the_model(
    cdnow: Cdnow, fitted: BetaGeoFitter
) -> None:
    # Two routes: the sum over eq. 8, and eq. 9 in one piece.
    expected = calibration.repeat_orders(fitted, cdnow.customers, most=60)["expected"]
    mean = fitted.expected_number_of_purchases_up_to_time(cdnow.customers["T"].to_numpy()).sum()
    assert (expected * expected.index).sum() == pytest.approx(mean, rel=1e-3)


def test_groups_of_the_holdout_add_up_to_all_of_it(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    means = calibration.holdout_orders(fitted, cdnow.customers, weeks=cdnow.observation.holdout_weeks)
    assert means["customers"].sum() == len(cdnow.customers)
    assert (means["actual"] * means["customers"]).sum() == pytest.approx(1882)
    everything = expected_orders(fitted, cdnow.customers, weeks=39).sum()
    assert (means["expected"] * means["customers"]).sum() == pytest.approx(everything)


def test_without_a_holdout_there_is_nothing_to_compare(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    with pytest.raises(DataRefused, match="There is no holdout"):
        calibration.holdout_orders(fitted, cdnow.customers, weeks=0)
