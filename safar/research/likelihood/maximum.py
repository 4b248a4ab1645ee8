"""The maximum of a log-likelihood over positive parameters, and how sharply the data fix it.

The search runs over the logarithms of the parameters, so that none can leave its range, and ends with Newton's method:
what it gives is the maximum to about ten digits, not a place near it where a line search gave up.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Array = NDArray[np.float64]
LogLikelihood = Callable[[Array], tuple[float, Array]]
"""Of the parameters: the log-likelihood of all customers, and its gradient."""

_FARTHEST = 16.0
"""Logarithms beyond start +- this are a parameter that runs away."""

_STEP = 1e-4
_FAR = 1e-6
_CLOSE_ENOUGH = 1e-9
_MOST_STEPS = 25


class NoMaximum(Exception):
    """The likelihood has no maximum that the search can find: it is flat, or rises for ever."""


@dataclass(frozen=True)
class Maximum:
    """Estimates of k parameters, and `curvature` (k x k): the observed information in their logarithms, a customer."""

    parameters: Array
    log_likelihood: float
    curvature: Array


def maximise(log_likelihood: LogLikelihood, start: Array, customers: float) -> Maximum:
    """From `start` to the nearest maximum. Raises NoMaximum."""

    def loss(logs: Array) -> tuple[float, Array]:
        """A mean a customer, in logarithms: the same steps are right for few customers and for many."""
        parameters = np.exp(logs)
        value, gradient = log_likelihood(parameters)
        return -value / customers, -gradient * parameters / customers

    origin = np.log(start)
    bounds = [(low, low + 2 * _FARTHEST) for low in origin - _FARTHEST]
    with np.errstate(all="ignore"):
        near = minimize(loss, origin, jac=True, method="L-BFGS-B", bounds=bounds, options={"gtol": 1e-7}).x
        logs, curvature = _newton(loss, near)
    if np.abs(logs - origin).max() > _FARTHEST:
        raise NoMaximum
    return Maximum(np.exp(logs), -loss(logs)[0] * customers, curvature)


def _newton(loss: Callable[[Array], tuple[float, Array]], logs: Array) -> tuple[Array, Array]:
    """The minimum near `logs`, and the second derivatives there."""
    moved = np.inf
    for _ in range(_MOST_STEPS):
        if moved > _FAR:  # near the minimum the second derivatives hardly change
            curvature = _second_derivatives(loss, logs)
            if not np.isfinite(curvature).all() or np.linalg.eigvalsh(curvature).min() <= 0:
                raise NoMaximum
        step = np.linalg.solve(curvature, loss(logs)[1])
        logs = logs - step
        moved = np.abs(step).max()
        if moved < _CLOSE_ENOUGH:
            return logs, curvature
    raise NoMaximum


def _second_derivatives(loss: Callable[[Array], tuple[float, Array]], logs: Array) -> Array:
    """By central differences of the gradient: eight digits, of which standard errors need three."""
    steps = np.eye(len(logs)) * _STEP
    rows = np.array([(loss(logs + step)[1] - loss(logs - step)[1]) / (2 * _STEP) for step in steps])
    return np.asarray((rows + rows.T) / 2)
