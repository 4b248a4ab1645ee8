"""Value and gradient against the library's own formula and against differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safar.research.beta_geometric import BetaGeometric
from safar.research.fitting import lifetimes
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
    likelihood = BetaGeometric(*COLUMNS, WEIGHTS, modified=modified)
    steps = np.diag(parameters) * 1e-5
    slope = [(likelihood(parameters + step)[0] - likelihood(parameters - step)[0]) / 2 / step.sum() for step in steps]
    # In logarithms, a customer: how far it can be off.
    assert likelihood(parameters)[1] * parameters / WEIGHTS.sum() == pytest.approx(
        np.array(slope) * parameters / WEIGHTS.sum(), abs=1e-7, rel=1e-6
    )
