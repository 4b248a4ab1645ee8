"""A gradient against differences."""

import numpy as np
import pytest

from safar.research.likelihood.maximum import Array, LogLikelihood


def assert_gradient_is_slope(likelihood: LogLikelihood, parameters: Array, customers: float) -> None:
    """In logarithms of the parameters, a customer: the scale on which the search moves."""
    steps = np.diag(parameters) * 1e-5
    slope = [(likelihood(parameters + step)[0] - likelihood(parameters - step)[0]) / 2 / step.sum() for step in steps]
    gradient = likelihood(parameters)[1]
    expected = pytest.approx(np.array(slope) * parameters / customers, abs=1e-7, rel=1e-6)
    assert gradient * parameters / customers == expected
