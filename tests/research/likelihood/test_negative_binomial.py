from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import nbinom

from safar.research.likelihood.beta_geometric import BetaGeometric
from safar.research.likelihood.negative_binomial import NegativeBinomial, orders_unless_stopped
from tests.research.likelihood.slopes import assert_gradient_is_slope
from tests.research.simulate import customers_of

CUSTOMERS = customers_of(300, r=0.6, alpha=5.0, a=0.8, b=2.5)
FREQUENCY, RECENCY, AGE = (CUSTOMERS[name].to_numpy(float) for name in ("frequency", "recency", "T"))
WEIGHTS = np.random.default_rng(5).integers(1, 9, len(CUSTOMERS)).astype(float)
POSITIVE = st.floats(0.05, 20)


@pytest.mark.parametrize("modified", [False, True])
@given(r=POSITIVE, alpha=POSITIVE)
def test_it_is_what_a_model_with_dropout_becomes_when_nobody_stops(modified, r, alpha):
    with_dropout = BetaGeometric(FREQUENCY, RECENCY, AGE, WEIGHTS, modified=modified)
    nearly_none, _ = with_dropout(np.array([r, alpha, 1e-200, 1.0]))
    value, _ = NegativeBinomial(FREQUENCY, AGE, WEIGHTS)(np.array([r, alpha]))
    assert value == pytest.approx(nearly_none, rel=1e-9)


@given(parameters=st.tuples(POSITIVE, POSITIVE).map(np.array))
def test_its_gradient_is_its_slope(parameters):
    assert_gradient_is_slope(NegativeBinomial(FREQUENCY, AGE, WEIGHTS), parameters, WEIGHTS.sum())


@pytest.mark.parametrize("shape", [0.3, 40.0, 900.0])
def test_orders_unless_stopped_are_negative_binomial_also_where_the_first_chances_are_next_to_nothing(shape):
    within = 0.75
    found = [chance.item() for chance in islice(orders_unless_stopped(np.array([shape]), np.array([within])), 5000)]
    assert found == pytest.approx(nbinom.pmf(range(5000), shape, 1 - within), rel=1e-9, abs=1e-14)
    assert sum(found) == pytest.approx(1)


def test_in_no_time_nobody_orders():
    found = [chance.item() for chance in islice(orders_unless_stopped(np.array([2.0]), np.array([0.0])), 3)]
    assert found == [1, 0, 0]
