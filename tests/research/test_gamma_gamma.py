import numpy as np
import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research import gamma_gamma
from safar.research.fitters import GammaGammaFitter
from safar.research.uncertainty import parameters
from tests.research.conftest import Cdnow


@pytest.fixture(scope="module")
def fitted(cdnow: Cdnow) -> GammaGammaFitter:
    return gamma_gamma.fit(cdnow.customers)


def _spenders(size: int, p: float, q: float, gamma: float) -> pd.DataFrame:
    rng = np.random.default_rng(7)
    frequency = rng.poisson(2.0, size) + 1
    nu = rng.gamma(q, 1 / gamma, size)
    return pd.DataFrame({"frequency": frequency, "monetary": rng.gamma(p * frequency, 1 / (nu * frequency))})


def test_the_estimates_are_those_recomputed_on_the_same_customers(fitted: GammaGammaFitter) -> None:
    exact = {"p": 6.249570, "q": 3.744225, "v": 15.443527}
    assert parameters(fitted)["estimate"].to_dict() == pytest.approx(exact, rel=1e-4)
    assert gamma_gamma.log_likelihood(fitted) == pytest.approx(-4055.9177, abs=0.01)


def test_the_estimates_are_the_published_ones_as_far_as_printed(fitted: GammaGammaFitter) -> None:
    assert fitted.params_.round(2).to_dict() == {"p": 6.25, "q": 3.74, "v": 15.44}


def test_only_those_who_bought_again_are_fitted(cdnow: Cdnow, fitted: GammaGammaFitter) -> None:
    assert len(fitted.data) == len(gamma_gamma.spenders(cdnow.customers)) == 946


def test_money_in_cents_changes_gamma_alone(cdnow: Cdnow, fitted: GammaGammaFitter) -> None:
    in_cents = gamma_gamma.fit(cdnow.customers.assign(monetary=cdnow.customers["monetary"] * 100))
    expected = {**fitted.params_.to_dict(), "v": fitted.params_["v"] * 100}
    assert in_cents.params_.to_dict() == pytest.approx(expected, rel=1e-4)


def test_an_expected_order_lies_between_the_customers_own_mean_and_everybodys(
    cdnow: Cdnow, fitted: GammaGammaFitter
) -> None:
    p, q, gamma = fitted.params_
    everybody = p * gamma / (q - 1)
    repeaters = gamma_gamma.spenders(cdnow.customers)
    expected = gamma_gamma.expected_order_value(fitted, repeaters)
    lower, upper = np.minimum(repeaters["monetary"], everybody), np.maximum(repeaters["monetary"], everybody)
    assert expected.between(lower - 1e-9, upper + 1e-9).all()
    once = cdnow.customers[cdnow.customers["frequency"] == 0]
    assert gamma_gamma.expected_order_value(fitted, once).to_numpy() == pytest.approx(everybody)


def test_spending_and_frequency_hardly_go_together_in_cdnow(cdnow: Cdnow) -> None:
    assert gamma_gamma.spend_frequency_correlation(cdnow.customers) == pytest.approx(0.1139, abs=1e-4)


def test_the_parameters_behind_simulated_spenders_are_found_again() -> None:
    table = parameters(gamma_gamma.fit(_spenders(3000, 6.0, 4.0, 15.0)))
    off = (table["estimate"] - pd.Series({"p": 6.0, "q": 4.0, "v": 15.0})) / table["standard_error"]
    assert off.abs().max() < 3


@pytest.mark.parametrize(
    ("customers", "sentence"),
    [
        (_spenders(29, 6.0, 4.0, 15.0), "needs 30 customers who paid something on a second day; of 29, 29 did"),
        (_spenders(200, 6.0, 4.0, 15.0).assign(monetary=30.0), "amounts vary too little, or a few are far above"),
        (_spenders(3000, 6.0, 0.8, 15.0), r"with q <= 1 the mean order has no finite value|a few are far above"),
    ],
    ids=["too few", "all amounts equal", "no finite mean"],
)
def test_data_that_cannot_carry_the_model_is_refused_in_words(customers: pd.DataFrame, sentence: str) -> None:
    with pytest.raises(DataRefused, match=sentence):
        gamma_gamma.fit(customers)


@pytest.mark.parametrize(("power", "how"), [(1.0, "more"), (-1.0, "less")])
def test_amounts_that_depend_on_how_often_customers_buy_are_refused(power: float, how: str) -> None:
    customers = _spenders(2000, 6.0, 4.0, 15.0)
    dependent = customers.assign(monetary=customers["monetary"] * customers["frequency"] ** power)
    with pytest.raises(
        DataRefused, match=rf"^Customers who buy more often spend {how} an order \(correlation -?0\.\d\d"
    ):
        gamma_gamma.fit(dependent)


def test_a_correlation_that_may_be_chance_is_none() -> None:
    few = _spenders(100, 6.0, 4.0, 15.0)
    few["monetary"] *= few["frequency"] ** 0.5
    assert gamma_gamma.spend_frequency_correlation(few) > 0.4
    assert gamma_gamma.fit(few).params_["q"] > 1


@pytest.mark.parametrize("unit", [1e-6, 2e4, 1e6, 1e12])
def test_the_unit_of_money_changes_gamma_alone_however_small_or_large(
    cdnow: Cdnow, fitted: GammaGammaFitter, unit: float
) -> None:
    other = gamma_gamma.fit(cdnow.customers.assign(monetary=cdnow.customers["monetary"] * unit))
    expected = {**fitted.params_.to_dict(), "v": fitted.params_["v"] * unit}
    assert other.params_.to_dict() == pytest.approx(expected, rel=1e-7)
    relative = fitted.standard_errors_ / fitted.params_
    assert (other.standard_errors_ / other.params_).to_dict() == pytest.approx(relative.to_dict(), rel=1e-4)
    by_unit = gamma_gamma.log_likelihood(other) + len(other.data) * np.log(unit)
    assert by_unit == pytest.approx(gamma_gamma.log_likelihood(fitted), rel=1e-9)


def test_an_amount_that_is_none_is_refused(cdnow: Cdnow) -> None:
    for wrong in (np.nan, -1.0, np.inf):
        customers = cdnow.customers.copy()
        customers.iloc[0, customers.columns.get_loc("monetary")] = wrong
        with pytest.raises(DataRefused, match=r"^monetary is missing, infinite or below 0 for 1 of 2,357 rows\.$"):
            gamma_gamma.fit(customers)
