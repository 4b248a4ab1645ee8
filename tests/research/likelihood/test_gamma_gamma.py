"""Value and gradient against the library's own formula and against differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safar.research.fitters import lifetimes
from safar.research.likelihood.gamma_gamma import GammaGamma
from tests.research.likelihood.slopes import assert_gradient_is_slope

RANDOM = np.random.default_rng(5)
ORDERS = RANDOM.poisson(2.0, 200) + 1.0
AMOUNTS = RANDOM.gamma(6.0 * ORDERS, 1 / (RANDOM.gamma(4.0, 1 / 15.0, 200) * ORDERS))
WEIGHTS = RANDOM.integers(1, 9, 200).astype(float)
POSITIVE = st.floats(0.1, 50)


@given(parameters=st.tuples(POSITIVE, POSITIVE, POSITIVE).map(np.array))
def test_it_is_the_formula_of_the_library_summed_another_way(parameters):
    library = lifetimes.GammaGammaFitter._negative_log_likelihood
    mean_loss = library(np.log(parameters), ORDERS, AMOUNTS, WEIGHTS, 0.0)
    value, _ = GammaGamma(ORDERS, AMOUNTS, WEIGHTS)(parameters)
    assert value == pytest.approx(-mean_loss * WEIGHTS.sum(), rel=1e-10)


@given(parameters=st.tuples(POSITIVE, POSITIVE, POSITIVE).map(np.array))
def test_its_gradient_is_its_slope(parameters):
    assert_gradient_is_slope(GammaGamma(ORDERS, AMOUNTS, WEIGHTS), parameters, WEIGHTS.sum())
