"""Value, gradient and P(alive) against the library's own formulas, where those hold."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safar.research.fitters import lifetimes
from safar.research.likelihood.pareto import ParetoNBD, death
from tests.research.likelihood.slopes import assert_gradient_is_slope
from tests.research.simulate import customers_of

CUSTOMERS = customers_of(300, r=0.6, alpha=5.0, a=0.8, b=2.5)
COLUMNS = [CUSTOMERS[name].to_numpy(float) for name in ("frequency", "recency", "T")]
WEIGHTS = np.random.default_rng(5).integers(1, 9, len(CUSTOMERS)).astype(float)
# Beyond these, the library subtracts numbers that are nearly equal.
SHAPE, TIME = st.floats(0.2, 3), st.floats(3, 30)
PARAMETERS = st.tuples(SHAPE, TIME, SHAPE, TIME).map(np.array)


@given(parameters=PARAMETERS)
def test_it_is_the_formula_of_the_library_without_the_hypergeometric_function(parameters):
    expected = WEIGHTS @ lifetimes.ParetoNBDFitter._conditional_log_likelihood(parameters, *COLUMNS)
    assert ParetoNBD(*COLUMNS, WEIGHTS)(parameters)[0] == pytest.approx(expected, rel=1e-7)


@given(parameters=PARAMETERS)
def test_its_gradient_is_its_slope(parameters):
    assert_gradient_is_slope(ParetoNBD(*COLUMNS, WEIGHTS), parameters, WEIGHTS.sum())


@pytest.mark.parametrize("frequency", [0, 1, 30, 1000])
def test_however_many_orders_there_were_alive_is_a_probability(frequency):
    recency = np.array([0.0, 0.1, 10.0, 38.99, 39.0]) if frequency else np.zeros(1)
    alive = death([0.55, 10.6, 0.6, 11.7], np.full_like(recency, frequency), recency, np.full_like(recency, 39.0)).alive
    assert ((alive >= 0) & (alive <= 1)).all()
    assert (np.diff(alive) >= 0).all()
    assert frequency == 0 or alive[-1] == 1


def test_many_customers_are_the_sum_of_a_few_at_a_time(monkeypatch):
    at_once = ParetoNBD(*COLUMNS, WEIGHTS)(np.array([0.6, 10.0, 0.6, 12.0]))
    monkeypatch.setattr("safar.research.likelihood.pareto._AT_ONCE", 7)
    few = ParetoNBD(*COLUMNS, WEIGHTS)(np.array([0.6, 10.0, 0.6, 12.0]))
    assert few[0] == pytest.approx(at_once[0], rel=1e-12)
    assert few[1] == pytest.approx(at_once[1], rel=1e-9)
