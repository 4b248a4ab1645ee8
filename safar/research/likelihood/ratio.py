"""Likelihood-ratio intervals: every value that the data do not speak against.

A value is in the interval when some parameters that give it are nearly as likely as the estimates: twice the difference
of the log-likelihoods is below the quantile of chi-square with one degree of freedom (Wilks 1938, "The Large-Sample
Distribution of the Likelihood Ratio", Annals of Mathematical Statistics 9(1), 60-62; with the other parameters at their
best, as Venzon, Moolgavkar 1988, "A Method for Computing Profile-Likelihood-Based Confidence Intervals", Applied
Statistics 37(1), 87-94). Where the likelihood is no parabola, for few customers, they hold what normal ones miss.
"""

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from scipy.optimize import approx_fprime, minimize

from safar.research.likelihood.maximum import Array, LogLikelihood

_TIGHT = 1e-3
"""How far off the bound, in log-likelihood, a search may end."""


def bounds(
    log_likelihood: LogLikelihood, estimates: Array, steps: Array, statistic: Callable[[Array], float], drop: float
) -> tuple[float, float]:
    """The least and the largest `statistic` of parameters whose log-likelihood is at most `drop` below the maximum.

    `estimates` are the k parameters at the maximum, `steps` k independent standard errors in their logarithms, one a
    row. Infinite on the side where the data set no bound.
    """
    most = log_likelihood(estimates)[0]

    def parameters(place: Array) -> Array:
        return np.asarray(estimates * np.exp(place @ steps))

    @lru_cache(maxsize=1)  # the search asks for the value and the slope of a place one after the other
    def likelihood(place: bytes) -> tuple[float, Array]:
        there = parameters(np.frombuffer(place))
        value, slope = log_likelihood(there)
        return drop - most + value, steps @ (slope * there)

    def end(side: int) -> float:
        found = minimize(
            lambda place: -side * statistic(parameters(place)) / scale,
            side * np.sqrt(2 * drop) * slope / scale,
            method="SLSQP",
            constraints={
                "type": "ineq",
                "fun": lambda place: likelihood(place.tobytes())[0],
                "jac": lambda place: likelihood(place.tobytes())[1],
            },
            options={"ftol": 1e-6, "maxiter": 200},
        )
        reached = found.success and abs(likelihood(found.x.tobytes())[0]) < _TIGHT
        return statistic(parameters(found.x)) if reached else side * np.inf

    with np.errstate(all="ignore"):
        slope = approx_fprime(np.zeros(len(estimates)), lambda place: statistic(parameters(place)), 1e-6)
        scale = float(np.linalg.norm(slope))
        if not scale:  # it is the same for all parameters
            return statistic(estimates), statistic(estimates)
        return end(-1), end(1)
