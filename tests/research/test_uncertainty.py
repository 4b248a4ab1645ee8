from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize

from safar.errors import DataRefused
from safar.research import bgnbd, uncertainty
from safar.research.fitters import BetaGeoFitter
from safar.research.likelihood.maximum import Array
from safar.research.orders import expected_orders, probability_alive
from safar.research.uncertainty import (
    POSITIVE,
    PROBABILITY,
    Link,
    directions,
    interval,
    likelihood_interval,
    moved,
    parameters,
)
from tests.research.conftest import Cdnow


@pytest.fixture(scope="module")
def fitted(cdnow: Cdnow) -> BetaGeoFitter:
    return bgnbd.fit(cdnow.customers)


def test_the_directions_add_up_to_the_covariance(fitted: BetaGeoFitter) -> None:
    steps = directions(fitted) * fitted.params_.to_numpy()
    assert steps.T @ steps == pytest.approx(fitted.variance_matrix_.to_numpy(), rel=1e-9)


def test_of_very_many_customers_a_parameter_has_the_normal_interval_by_steps(
    fitted: BetaGeoFitter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uncertainty, "_ENOUGH", 0)
    table = parameters(fitted)
    low, high = interval([fitted], lambda model: model.params_.to_numpy(), POSITIVE)
    assert low == pytest.approx(table["low"].to_numpy(), rel=1e-9)
    assert high == pytest.approx(table["high"].to_numpy(), rel=1e-9)


def test_an_end_of_an_interval_is_the_farthest_value_that_is_likely_enough(fitted: BetaGeoFitter) -> None:
    likelihood, most = fitted.likelihood(), fitted.likelihood()(fitted.params_.to_numpy())[0]

    def left(share: float) -> float:
        """Of the log-likelihood, with r, alpha and a at their best: b follows from a / (a + b)."""

        def loss(logs: Array) -> float:
            r, alpha, a = np.exp(logs)
            return float(most - likelihood(np.array([r, alpha, a, a / share - a]))[0])

        start = np.log(fitted.params_.to_numpy()[:3])
        return float(minimize(loss, start, method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-7}).fun)

    ends = likelihood_interval(fitted, lambda values: values["a"] / (values["a"] + values["b"]), PROBABILITY)
    assert [left(end) for end in ends] == pytest.approx([3.841459 / 2] * 2, abs=2e-3)


def test_a_higher_level_is_a_wider_interval(fitted: BetaGeoFitter) -> None:
    half, most = parameters(fitted, level=0.5), parameters(fitted, level=0.99)
    assert (most["low"] < half["low"]).all()
    assert (half["high"] < most["high"]).all()
    assert (half["high"] / half["estimate"] - 1).to_numpy() == pytest.approx(
        (0.6745 * half["standard_error"] / half["estimate"]).to_numpy(), rel=0.15
    )


@pytest.mark.parametrize("level", [0, 1, 95])
def test_a_level_that_is_no_share_is_refused(fitted: BetaGeoFitter, level: float) -> None:
    with pytest.raises(DataRefused, match="between 0 and 1"):
        parameters(fitted, level=level)


def test_who_cannot_have_stopped_is_alive_without_doubt(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    customers = cdnow.customers
    low, high = interval([fitted], lambda model: probability_alive(model, customers).to_numpy(), PROBABILITY)
    once = (customers["frequency"] == 0).to_numpy()
    assert (low[once] == 1).all()
    assert (high[once] == 1).all()
    alive = probability_alive(fitted, customers).to_numpy()[~once]
    assert (low[~once] < alive).all()
    assert (alive < high[~once]).all()


def test_moving_the_parameters_changes_what_follows_and_not_the_fit(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    before = fitted.params_.copy()
    quicker = moved(fitted, np.array([0.5, 0.0, 0.0, 0.0]))
    more, fewer = (expected_orders(each, cdnow.customers, weeks=39).sum() for each in (quicker, fitted))
    assert more > fewer
    assert fitted.params_.equals(before)


@pytest.mark.parametrize(
    ("number", "link"),
    [
        (lambda values: float("nan"), POSITIVE),
        (lambda values: values["r"] - values["alpha"], POSITIVE),
        (lambda values: values["alpha"], PROBABILITY),
    ],
    ids=["no number", "below 0", "above 1"],
)
def test_a_number_outside_of_its_link_is_refused(
    fitted: BetaGeoFitter, number: Callable[["pd.Series[float]"], float], link: Link
) -> None:
    with pytest.raises(DataRefused, match="outside of the link's range"):
        likelihood_interval(fitted, number, link)


def test_what_no_parameter_changes_is_its_own_interval(fitted: BetaGeoFitter) -> None:
    assert likelihood_interval(fitted, lambda _: 2.0, POSITIVE) == (2.0, 2.0)
