import warnings

import numpy as np
import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research import bgnbd
from safar.research.fitters import BetaGeoFitter
from safar.research.orders import log_likelihood
from safar.research.uncertainty import parameters
from tests.research.conftest import Cdnow
from tests.research.simulate import customers_of


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
    assert log_likelihood(fitted) == pytest.approx(-9582.4292, abs=0.01)


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


_AS_LIKELY_EACH = customers_of(500, r=2, alpha=8, a=3000, b=97000, seed=7)
_LEFT_AT_ONCE = np.arange(500) % 10 < 7


@pytest.mark.parametrize(
    ("customers", "sentence"),
    [
        (
            _AS_LIKELY_EACH.assign(
                **{name: _AS_LIKELY_EACH[name].mask(_LEFT_AT_ONCE, 0) for name in ("frequency", "recency")}
            ),
            "BG/NBD finds no maximum",
        ),
        (customers_of(400, r=0.5, alpha=4, a=0.8, b=2.4).assign(frequency=0, recency=0.0), "of 400, 0 did"),
        (customers_of(40, r=0.3, alpha=6, a=0.8, b=2.4), "needs 30 customers who bought on a second day"),
        (customers_of(2000, r=0.5, alpha=4, a=0, b=1), "in which nobody stops .* describes these customers as well"),
        (pd.DataFrame({"frequency": [3] * 99, "recency": [10.0] * 99, "T": [20.0] * 99}), "BG/NBD .* this data"),
        (
            customers_of(500, r=2, alpha=4, a=0.8, b=2.4).assign(frequency=lambda table: (table["recency"] > 0) * 1),
            "BG/NBD",
        ),
    ],
    ids=[
        "everybody stops alike",
        "nobody came back",
        "too few came back",
        "nobody stops",
        "all alike",
        "all stop at once",
    ],
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


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"frequency": -1}, "frequency is missing, infinite or below 0 for 2,357 of 2,357 rows."),
        ({"T": float("nan")}, "T is missing, infinite or below 0 for 2,357 of 2,357 rows."),
        ({"recency": 100.0}, "recency is above T for 2,357 of 2,357 rows: "),
        ({"T": "39 weeks"}, "T must be numbers, not "),
    ],
)
def test_what_no_customer_can_have_done_is_refused_in_words(cdnow: Cdnow, change: dict, sentence: str) -> None:
    with pytest.raises(DataRefused) as refusal:
        bgnbd.fit(cdnow.customers.assign(**change))
    assert str(refusal.value).startswith(sentence)


def test_a_missing_column_is_named(cdnow: Cdnow) -> None:
    with pytest.raises(
        DataRefused, match=r"^The table needs a column 'T'; it has frequency, recency, monetary, holdout"
    ):
        bgnbd.fit(cdnow.customers.drop(columns="T"))
