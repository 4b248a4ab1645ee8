import numpy as np
import pytest
from scipy.optimize import brentq

from safar.research.likelihood.maximum import Array, maximise
from safar.research.likelihood.ratio import bounds
from tests.research.likelihood.test_maximum import GammaSample

_DROP = 3.841459 / 2


def test_at_both_ends_the_best_that_the_other_parameters_can_do_is_so_much_less_likely():
    sample = GammaSample(40, 2.0, 5.0)
    found = maximise(sample, np.array([1.0, 1.0]), sample.size)
    steps = np.linalg.inv(np.linalg.cholesky(found.curvature * sample.size))
    low, high = bounds(sample, found.parameters, steps, lambda values: float(np.log(values[0])), _DROP)

    def left(shape: float) -> float:
        rate = shape * sample.size / sample.total  # the likeliest with that shape
        return sample(np.array([shape, rate]))[0] - found.log_likelihood + _DROP

    estimate = found.parameters[0]
    assert np.exp(low) == pytest.approx(brentq(left, estimate / 4, estimate), rel=1e-4)
    assert np.exp(high) == pytest.approx(brentq(left, estimate, estimate * 4), rel=1e-4)


def test_a_side_on_which_the_data_set_no_bound_is_open():
    def levels_off(values: Array) -> tuple[float, Array]:
        far = np.log(values[0])
        return float(-(far**2) / (1 + far**2)), np.array([-2 * far / (1 + far**2) ** 2 / values[0]])

    assert bounds(levels_off, np.ones(1), np.eye(1), lambda values: float(values[0]), _DROP) == (-np.inf, np.inf)
