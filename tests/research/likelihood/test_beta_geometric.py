"""Value and gradient against the library's own formula and against differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safar.research.fitters import lifetimes
from safar.research.likelihood.beta_geometric import BetaGeometric
from tests.research.likelihood.slopes import assert_gradient_is_slope
from tests.research.simulate import customers_of

LIBRARY = {False: lifetimes.BetaGeoFitter, True: lifetimes.ModifiedBetaGeoFitter}
CUSTOMERS = customers_of(300, r=0.6, alpha=5.0, a=0.8, b=2.5)
COLUMNS = [CUSTOMERS[name].to_numpy(float) for name in ("frequency", "recency", "T")]
WEIGHTS = np.random.default_rng(5).integers(1, 9, len(CUSTOMERS)).astype(float)
POSITIVE = st.floats(0.05, 20)


@pytest.mark.parametrize("modified", LIBRARY)
@given(parameters=st.tuples(POSITIVE, POSITIVE, POSITIVE, POSITIVE).map(np.array))
def test_it_is_the_formula_of_the_library_summed_another_way(modified, parameters):
    mean_loss = LIBRARY[modified]._negative_log_likelihood(np.log(parameters), *COLUMNS, WEIGHTS, 0.0)
    value, _ = BetaGeometric(*COLUMNS, WEIGHTS, modified=modified)(parameters)
    assert value == pytest.approx(-mean_loss * WEIGHTS.sum(), rel=1e-10)


@pytest.mark.parametrize("modified", LIBRARY)
@given(parameters=st.tuples(POSITIVE, POSITIVE, POSITIVE, POSITIVE).map(np.array))
def test_its_gradient_is_its_slope(modified, parameters):
    assert_gradient_is_slope(BetaGeometric(*COLUMNS, WEIGHTS, modified=modified), parameters, WEIGHTS.sum())
