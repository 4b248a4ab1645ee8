"""The maximum of a log-likelihood over positive parameters, and how sharply the data fix it.

The search runs over the logarithms of the parameters, so that none can leave its range, and ends with Newton's method:
what it gives is the maximum to about ten digits, not a place near it where a line search gave up.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

Array = NDArray[np.float64]
LogLikelihood = Callable[[Array], tuple[float, Array]]
"""Of the parameters: the log-likelihood of all customers, and its gradient."""

Loss = Callable[[Array], tuple[float, Array]]

_FARTHEST = 9.0
"""Logarithms beyond start +- this are a parameter that runs away."""

_STEP = 1e-6

# A step so short with the second derivatives of where it began leaves an error of its square.
_CLOSE = 1e-5
_NEAR = 1e-2
_CLOSE_ENOUGH = 1e-9
_MOST_STEPS = 25
_SHRINKS_WELL = 0.1


class NoMaximum(Exception):
    """The likelihood has no maximum that the search can find: it is flat, or rises for ever."""

    def __str__(self) -> str:
        """Why, for whoever calls a fitter itself."""
        return "The likelihood has no maximum in this data: it is flat, or rises for ever."


@dataclass(frozen=True)
class Maximum:
    """Estimates of k parameters, and `curvature` (k x k): the observed information in their logarithms, a customer."""

    parameters: Array
    log_likelihood: float
    curvature: Array


def maximise(log_likelihood: LogLikelihood, start: Array, customers: float, curvature: Array | None = None) -> Maximum:
    """From `start` to the nearest maximum. Raises NoMaximum.

    `curvature`, of a maximum elsewhere, says that this one may be close by, which is tried first.
    """

    def loss(logs: Array) -> tuple[float, Array]:
        """A mean a customer, in logarithms: the same steps are right for few customers and for many."""
        parameters = np.exp(logs)
        value, gradient = log_likelihood(parameters)
        return -value / customers, -gradient * parameters / customers

    origin = np.log(start)
    with np.errstate(all="ignore"):
        found = None
        if curvature is not None:
            with suppress(NoMaximum):
                found = _newton(loss, origin, curvature)
        logs, least, curvature = found or _newton(loss, _nearby(loss, origin))
    if np.abs(logs - origin).max() > _FARTHEST:
        raise NoMaximum
    return Maximum(np.exp(logs), -least * customers, curvature)


def _nearby(loss: Loss, origin: Array) -> Array:
    bounds = [(low, low + 2 * _FARTHEST) for low in origin - _FARTHEST]
    found: Array = minimize(loss, origin, jac=True, method="L-BFGS-B", bounds=bounds, options={"gtol": 1e-7}).x
    return found


def _newton(loss: Loss, logs: Array, curvature: Array | None = None) -> tuple[Array, float, Array]:
    """The minimum near `logs`: where, how deep, and the second derivatives there.

    Second derivatives cost more than a step. Those of another place lead close to the minimum, as long as the steps
    shrink well; they are taken anew there, for they are asked for in the end, and then a single step is enough.
    """
    known_at = logs + np.inf
    value, slope = loss(logs)
    before = np.inf
    for _ in range(_MOST_STEPS):
        if curvature is None:
            known_at, curvature = logs, _second_derivatives(loss, logs, slope)
        step = np.linalg.solve(curvature, slope)
        moved, off = np.abs(step).max(), np.abs(logs - step - known_at).max()
        logs = logs - step
        value, slope = loss(logs)
        if off < _CLOSE or moved < _CLOSE_ENOUGH:
            return logs, value, curvature if off < _CLOSE else _second_derivatives(loss, logs, slope)
        if moved < _NEAR < off or not moved < _SHRINKS_WELL * before:
            curvature = None
        before = moved
    raise NoMaximum


def _second_derivatives(loss: Loss, logs: Array, slope: Array) -> Array:
    """By differences of the gradient: six digits, of which standard errors need three. Raises NoMaximum."""
    rows = np.array([(loss(logs + step)[1] - slope) / _STEP for step in np.eye(len(logs)) * _STEP])
    curvature = np.asarray((rows + rows.T) / 2)
    if not np.isfinite(curvature).all() or np.linalg.eigvalsh(curvature).min() <= 0:
        raise NoMaximum
    return curvature
