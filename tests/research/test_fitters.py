"""What the fitters give, beside what those of `lifetimes` give on the same customers."""

import numpy as np
import pandas as pd
import pytest

from safar.research import gamma_gamma
from safar.research.fitters import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter, lifetimes
from tests.research.conftest import Cdnow
from tests.research.simulate import customers_of

# What the library itself is asked to reach; with 1e-9 it gives up before.
_TOLERANCE = 1e-8


def fitted(fitter, cdnow: Cdnow, **options):
    customers = cdnow.customers
    if isinstance(fitter, lifetimes.GammaGammaFitter):
        spenders = gamma_gamma.spenders(customers)
        return fitter.fit(spenders["frequency"], spenders["monetary"], **options)
    return fitter.fit(customers["frequency"], customers["recency"], customers["T"], **options)


@pytest.fixture(scope="module", params=[BetaGeoFitter, ModifiedBetaGeoFitter, GammaGammaFitter])
def pair(request, cdnow: Cdnow):
    """One of ours, and the library's that it stands for."""
    ours = request.param
    library = next(base for base in ours.__mro__ if base.__module__.startswith("lifetimes"))
    return fitted(ours(), cdnow), fitted(library(), cdnow, tol=_TOLERANCE)


def test_the_maximum_is_the_librarys_to_one_in_a_million(pair):
    ours, library = pair
    assert ours.params_.to_dict() == pytest.approx(library.params_.to_dict(), rel=1e-6)
    assert ours._negative_log_likelihood_ <= library._negative_log_likelihood_ + 1e-14


def test_the_covariance_is_the_inverse_of_the_librarys_second_derivatives(pair):
    ours, library = pair
    estimates = library.params_
    of_logs = np.linalg.inv(library._hessian_) / library.data["weights"].sum()
    expected = pd.DataFrame(of_logs * np.outer(estimates, estimates), estimates.index, estimates.index)
    pd.testing.assert_frame_equal(ours.variance_matrix_, expected, rtol=1e-4)
    pd.testing.assert_frame_equal(ours.variance_matrix_, ours.variance_matrix_.T)


def test_everything_that_the_librarys_fitter_has_is_there(pair):
    ours, library = pair
    assert vars(ours).keys() == vars(library).keys()
    pd.testing.assert_frame_equal(ours.summary, library.summary, rtol=1e-4)
    pd.testing.assert_frame_equal(ours.data, library.data, check_dtype=False)


def test_a_fit_that_starts_at_the_maximum_of_another_ends_there(pair, cdnow: Cdnow):
    ours, _ = pair
    scale = getattr(ours, "_scale", 1.0)
    start = np.log(ours.params_ * [scale if name == "alpha" else 1.0 for name in ours.params_.index]).to_numpy()
    again = fitted(type(ours)(), cdnow, initial_params=start)
    assert again.params_.to_dict() == pytest.approx(ours.params_.to_dict(), rel=1e-7)


def test_a_penalty_is_refused(cdnow: Cdnow):
    with pytest.raises(ValueError, match="penalizer_coef must be 0"):
        fitted(BetaGeoFitter(penalizer_coef=0.1), cdnow)


def test_many_customers_end_at_the_maximum_also_when_the_first_few_looked_at_mislead():
    many = customers_of(40_000, r=0.6, alpha=5.0, a=0.8, b=2.5)
    # Of every sixteen one is of customers who buy ten times as often and seldom stop.
    many.iloc[::16] = customers_of(2_500, r=3.0, alpha=2.5, a=0.5, b=9.0).to_numpy()
    few = BetaGeoFitter().fit(*(many.iloc[::16][name] for name in ("frequency", "recency", "T")))
    found, mixed = (
        BetaGeoFitter().fit(*(rows[name] for name in ("frequency", "recency", "T")))
        for rows in (many, many.sample(frac=1, random_state=1))
    )
    assert abs(np.log(few.params_["r"] / found.params_["r"])) > 1
    assert found.params_.to_dict() == pytest.approx(mixed.params_.to_dict(), rel=1e-7)
    assert found.standard_errors_.to_dict() == pytest.approx(mixed.standard_errors_.to_dict(), rel=1e-4)
