import warnings
from itertools import pairwise

import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research import bgnbd
from safar.research.fitting import BetaGeoFitter, parameters
from tests.research.conftest import Cdnow
from tests.research.simulate import customers_of

# Customer 0001 of CDNOW: two repeat days, the last after 213 days, watched for 272.
_FIRST = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})


@pytest.fixture(scope="module")
def fitted(cdnow: Cdnow) -> BetaGeoFitter:
    return bgnbd.fit(cdnow.customers)


def test_the_estimates_are_the_exact_maximum_on_cdnow(fitted: BetaGeoFitter) -> None:
    exact = {"r": 0.2425945, "alpha": 4.4136023, "a": 0.7929223, "b": 2.4259077}
    assert parameters(fitted)["estimate"].to_dict() == pytest.approx(exact, rel=1e-4)


def test_the_estimates_are_the_published_ones_as_far_as_printed(fitted: BetaGeoFitter) -> None:
    assert fitted.params_.round(3).to_dict() == {"r": 0.243, "alpha": 4.414, "a": 0.793, "b": 2.426}


def test_the_standard_errors_are_right(fitted: BetaGeoFitter) -> None:
    exact = {"r": 0.012557, "alpha": 0.378224, "a": 0.185731, "b": 0.705403}
    assert parameters(fitted)["standard_error"].to_dict() == pytest.approx(exact, rel=1e-3)


def test_the_log_likelihood_is_of_all_customers_in_weeks(fitted: BetaGeoFitter) -> None:
    assert bgnbd.log_likelihood(fitted) == pytest.approx(-9582.4292, abs=0.01)


def test_grouping_equal_customers_changes_no_estimate(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    customers = cdnow.customers
    one_by_one = BetaGeoFitter().fit(customers["frequency"], customers["recency"], customers["T"])
    assert fitted.params_.to_dict() == pytest.approx(one_by_one.params_.to_dict(), rel=1e-5)
    assert len(fitted.data) < len(customers) / 2
    assert fitted.data["weights"].sum() == len(customers)


def test_another_time_unit_changes_alpha_alone(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    in_days = bgnbd.fit(cdnow.customers.assign(recency=cdnow.customers["recency"] * 7, T=cdnow.customers["T"] * 7))
    expected = {**fitted.params_.to_dict(), "alpha": fitted.params_["alpha"] * 7}
    assert in_days.params_.to_dict() == pytest.approx(expected, rel=1e-4)


def test_the_parameters_behind_simulated_customers_are_found_again() -> None:
    truth = {"r": 0.6, "alpha": 5.0, "a": 0.8, "b": 2.5}
    table = parameters(bgnbd.fit(customers_of(6000, **truth)))
    off = (table["estimate"] - pd.Series(truth)) / table["standard_error"]
    assert off.abs().max() < 3


def test_the_orders_of_the_first_customer_are_the_published_ones(fitted: BetaGeoFitter) -> None:
    assert bgnbd.expected_orders(fitted, _FIRST, weeks=39)[0] == pytest.approx(1.226, abs=5e-4)
    assert bgnbd.probability_alive(fitted, _FIRST)[0] == pytest.approx(0.726609, abs=1e-6)


def test_a_new_customer_places_the_published_number_of_orders_a_year(fitted: BetaGeoFitter) -> None:
    newcomer = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0]})
    assert bgnbd.expected_orders(fitted, newcomer, weeks=52)[0] == pytest.approx(1.444004, rel=1e-4)


def test_expected_orders_start_at_nothing_and_rise_with_time(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    until = [bgnbd.expected_orders(fitted, cdnow.customers, weeks=weeks) for weeks in (0, 10, 39, 500)]
    assert until[0].abs().max() < 1e-9
    assert all((later >= sooner).all() for sooner, later in pairwise(until))


def test_nobody_is_expected_to_order_more_than_if_they_lived_for_ever(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    customers = cdnow.customers
    r, alpha = fitted.params_["r"], fitted.params_["alpha"]
    while_alive = (r + customers["frequency"]) / (alpha + customers["T"]) * 39
    ceiling = while_alive * bgnbd.probability_alive(fitted, customers)
    assert (bgnbd.expected_orders(fitted, customers, weeks=39) <= ceiling).all()


def test_alive_is_a_probability_and_one_for_whoever_never_bought_again(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    alive = bgnbd.probability_alive(fitted, cdnow.customers)
    assert alive.between(0, 1).all()
    assert (alive[cdnow.customers["frequency"] == 0] == 1).all()
    assert list(alive.index) == list(cdnow.customers.index)


def test_the_grid_is_the_same_probability_customer_by_customer(fitted: BetaGeoFitter) -> None:
    grid = bgnbd.probability_alive_grid(fitted, weeks=39, most_orders=20)
    assert grid.shape == (40, 21)
    one = pd.DataFrame({"frequency": [5], "recency": [20], "T": [39]})
    assert grid.loc[20, 5] == pytest.approx(bgnbd.probability_alive(fitted, one)[0])
    # The later the last order, the likelier alive.
    assert (grid[5].diff().dropna() > 0).all()


def test_a_long_silence_after_very_many_orders_means_gone_without_a_warning(fitted: BetaGeoFitter) -> None:
    gone = pd.DataFrame({"frequency": [500], "recency": [1.0], "T": [39.0]})
    assert bgnbd.expected_orders(fitted, gone, weeks=39)[0] == 0


def test_an_expectation_without_a_finite_value_is_refused(fitted: BetaGeoFitter) -> None:
    at_one = BetaGeoFitter()
    at_one.params_ = fitted.params_.copy()
    at_one.params_["a"] = 1.0
    at_one.predict = at_one.conditional_expected_number_of_purchases_up_to_time
    with pytest.raises(DataRefused, match=r"no finite expectation of orders: a = 1\.0"):
        bgnbd.expected_orders(at_one, _FIRST, weeks=39)


@pytest.mark.parametrize(
    ("customers", "sentence"),
    [
        (customers_of(400, r=0.5, alpha=4, a=0.8, b=2.4).assign(frequency=0, recency=0.0), "of 400, 0 did"),
        (customers_of(40, r=0.3, alpha=6, a=0.8, b=2.4), "needs 30 customers who bought on a second day"),
        (customers_of(2000, r=0.5, alpha=4, a=0, b=1), "no sign of stopping, or all stop at once"),
        (pd.DataFrame({"frequency": [3] * 99, "recency": [10.0] * 99, "T": [20.0] * 99}), "BG/NBD .* this data"),
        (
            customers_of(500, r=2, alpha=4, a=0.8, b=2.4).assign(frequency=lambda table: (table["recency"] > 0) * 1),
            "BG/NBD",
        ),
    ],
    ids=["nobody came back", "too few came back", "nobody stops", "all alike", "all stop at once"],
)
def test_data_that_cannot_carry_the_model_is_refused_in_words(
    customers: pd.DataFrame, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(DataRefused, match=sentence):
        bgnbd.fit(customers)
    assert capsys.readouterr() == ("", "")


def test_fitting_leaves_the_warning_filters_as_they_were(cdnow: Cdnow) -> None:
    before = list(warnings.filters)
    bgnbd.fit(cdnow.customers)
    assert warnings.filters == before
