from datetime import date

import pandas as pd
import pytest

from safar.demo.cdnow import cdnow_file
from safar.errors import DataRefused
from safar.research import bgnbd, calibration, mbgnbd, pareto_nbd
from safar.research.fitters import BetaGeoFitter
from safar.research.orders import expected_orders
from tests.research.conftest import Cdnow


@pytest.fixture(scope="module")
def fitted(cdnow: Cdnow) -> BetaGeoFitter:
    return bgnbd.fit(cdnow.customers)


@pytest.mark.parametrize(("fit", "statistic", "p_value"), [(bgnbd.fit, 4.82, 0.19), (pareto_nbd.fit, 11.99, 0.007)])
def test_both_models_of_the_paper_fit_cdnow_as_published(cdnow: Cdnow, fit, statistic, p_value) -> None:
    test = calibration.chi_square(calibration.repeat_orders(fit(cdnow.customers), cdnow.customers))
    assert test.degrees_of_freedom == 3
    assert (test.statistic, test.p_value) == (pytest.approx(statistic, abs=0.005), pytest.approx(p_value, abs=0.005))


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


def test_several_models_stand_beside_what_came(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    fitters = {"BG/NBD": fitted, "Pareto/NBD": pareto_nbd.fit(cdnow.customers)}
    table = calibration.holdout_by_model(fitters, cdnow.customers, weeks=39, most=3)
    assert table.columns.tolist() == ["actual", "BG/NBD", "Pareto/NBD", "customers"]
    for name, fitter in fitters.items():
        alone = calibration.holdout_orders(fitter, cdnow.customers, weeks=39, most=3)
        assert table[["actual", name, "customers"]].to_numpy().tolist() == alone.to_numpy().tolist()


def test_no_model_stands_beside_nothing(cdnow: Cdnow) -> None:
    with pytest.raises(DataRefused, match="Name at least one fitted model"):
        calibration.holdout_by_model({}, cdnow.customers, weeks=39)


@pytest.fixture(scope="module", params=[bgnbd, mbgnbd, pareto_nbd])
def tracked(request: pytest.FixtureRequest, cdnow: Cdnow) -> pd.DataFrame:
    return calibration.tracking(request.param.fit(cdnow.customers), cdnow.customers, cdnow.weekly)


def test_what_came_is_tracked_from_the_first_week_to_the_last(cdnow: Cdnow, tracked: pd.DataFrame) -> None:
    assert tracked.index.tolist() == list(range(1, 78))
    days = {line.split()[2] for line in cdnow_file().read_text().splitlines()}
    assert (min(days), (date(1998, 6, 30) - date(1997, 1, 1)).days // 7) == ("19970101", 77)
    # 24 came on the last five days, which are no week.
    assert tracked["actual_so_far"].iloc[-1] == 4315
    assert cdnow.customers["frequency"].sum() + cdnow.customers["holdout"].sum() == 4339


def test_the_forecast_of_the_whole_time_is_off_as_published(cdnow: Cdnow) -> None:
    """Fader, Hardie, Lee (2005), section 5: at the end the BG/NBD is 4 % too low, the Pareto/NBD 2 %."""
    for fit, share in ((bgnbd.fit, 0.96), (pareto_nbd.fit, 0.98)):
        last = calibration.tracking(fit(cdnow.customers), cdnow.customers, cdnow.weekly).iloc[-1]
        assert last["expected_so_far"] / last["actual_so_far"] == pytest.approx(share, abs=0.005)


def test_weeks_add_up(tracked: pd.DataFrame) -> None:
    for column in ("actual", "expected"):
        assert tracked[column].cumsum().to_numpy() == pytest.approx(tracked[f"{column}_so_far"].to_numpy())
    assert (tracked["expected"] > 0).all()


def test_inside_the_calibration_the_sum_is_that_of_the_customers(cdnow: Cdnow) -> None:
    """273 days and 39 weeks of 7 are the same evening."""
    fitter = bgnbd.fit(cdnow.customers)
    so_far = calibration.tracking(fitter, cdnow.customers, cdnow.weekly).loc[39, "expected_so_far"]
    ages = cdnow.customers["T"].to_numpy() + 1 / 7  # the calibration ends a day earlier
    assert so_far == pytest.approx(fitter.expected_number_of_purchases_up_to_time(ages).sum(), rel=1e-9)


def test_several_models_are_tracked_beside_what_came(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    models = {"BG/NBD": fitted, "MBG/NBD": mbgnbd.fit(cdnow.customers)}
    table = calibration.tracking_by_model(models, cdnow.customers, cdnow.weekly)
    assert table.columns.to_list() == ["actual", "BG/NBD", "MBG/NBD"]
    for name, model in models.items():
        alone = calibration.tracking(model, cdnow.customers, cdnow.weekly)
        assert table["actual"].to_list() == alone["actual_so_far"].to_list()
        assert table[name].to_list() == alone["expected_so_far"].to_list()
    with pytest.raises(DataRefused, match="Name at least one fitted model"):
        calibration.tracking_by_model({}, cdnow.customers, cdnow.weekly)
