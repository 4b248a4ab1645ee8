import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research import pareto_nbd
from safar.research.fitters import ParetoNBDFitter, lifetimes
from safar.research.orders import log_likelihood
from safar.research.uncertainty import parameters
from tests.research.conftest import Cdnow
from tests.research.simulate import customers_of, pareto_customers_of


@pytest.fixture(scope="module")
def fitted(cdnow: Cdnow) -> ParetoNBDFitter:
    return pareto_nbd.fit(cdnow.customers)


def test_the_estimates_are_the_published_ones_as_far_as_printed(fitted: ParetoNBDFitter) -> None:
    """Fader, Hardie, Lee (2005), Marketing Science 24(2), table 2: the same 2,357 customers."""
    assert fitted.params_.round(3).to_dict() == {"r": 0.553, "alpha": 10.578, "s": 0.606, "beta": 11.669}
    assert log_likelihood(fitted) == pytest.approx(-9595.0, abs=0.05)


def test_no_other_parameters_are_likelier_by_the_librarys_own_formula(cdnow: Cdnow, fitted: ParetoNBDFitter) -> None:
    columns = [cdnow.customers[name].to_numpy() for name in ("frequency", "recency", "T")]
    formula = lifetimes.ParetoNBDFitter._conditional_log_likelihood
    best = formula(fitted.params_.to_numpy(), *columns).sum()
    assert best == pytest.approx(log_likelihood(fitted), abs=1e-6)
    for name in fitted.params_.index:
        for factor in (0.99, 1.01):
            other = fitted.params_.copy()
            other[name] *= factor
            assert formula(other.to_numpy(), *columns).sum() < best


def test_it_has_the_standard_errors_that_the_librarys_has_not(fitted: ParetoNBDFitter) -> None:
    assert list(fitted.summary.columns) == ["coef", "se(coef)", "lower 95% bound", "upper 95% bound"]
    assert (fitted.standard_errors_ > 0).all()
    pd.testing.assert_frame_equal(fitted.variance_matrix_, fitted.variance_matrix_.T)


def test_the_parameters_behind_simulated_customers_are_found_again() -> None:
    truth = {"r": 0.8, "alpha": 2.5, "s": 1.5, "beta": 20.0}
    table = parameters(pareto_nbd.fit(pareto_customers_of(6000, **truth)))
    off = (table["estimate"] - pd.Series(truth)) / table["standard_error"]
    assert off.abs().max() < 3


def test_too_few_who_came_back_are_refused_in_words() -> None:
    with pytest.raises(DataRefused, match="Pareto/NBD needs 30 customers who bought on a second day"):
        pareto_nbd.fit(customers_of(40, r=0.3, alpha=6, a=0.8, b=2.4))
