"""The likelihood of customers who never stop: what a model with dropout must beat.

NBD: Ehrenberg (1959), "The Pattern of Consumer Purchases", Applied Statistics 8(1), 26-41, for customers who are
watched for times of different length. It is what BG/NBD and MBG/NBD become when nobody stops (a -> 0).
"""

from collections.abc import Iterator
from itertools import count

import numpy as np
from scipy.special import digamma, gammaln

from safar.research.likelihood.distinct import distinct
from safar.research.likelihood.maximum import Array


class NegativeBinomial:
    """The log-likelihood of customers by frequency (x) and age (T), `weights` of them each."""

    def __init__(self, frequency: Array, age: Array, weights: Array) -> None:
        self._x, x_of = distinct(frequency)
        self._age, age_of = distinct(age)
        self._x_customers = np.bincount(x_of, weights)
        self._age_customers = np.bincount(age_of, weights)
        self._age_orders = np.bincount(age_of, weights * frequency)

    def __call__(self, parameters: Array) -> tuple[float, Array]:
        """Of r and alpha: the log-likelihood of all customers, and its gradient."""
        r, alpha = parameters
        x, n = self._x, self._x_customers
        log_age = np.log(alpha + self._age)
        bought = r * self._age_customers + self._age_orders
        value = n @ (gammaln(r + x) - gammaln(r) + r * np.log(alpha)) - bought @ log_age
        gradient = [
            n @ (digamma(r + x) - digamma(r) + np.log(alpha)) - self._age_customers @ log_age,
            n.sum() * r / alpha - bought @ (1 / (alpha + self._age)),
        ]
        return float(value), np.array(gradient)


def orders_unless_stopped(shape: Array, within: Array) -> Iterator[Array]:
    """P(n orders) of n = 0, 1, 2, ... of customers whose rate is from Gamma(`shape`, c), in a time t with
    `within` = t / (c + t), if nobody stops.

    Each follows from the one before, in logarithms: of who buys very often the first ones are next to impossible.
    """
    log_chance = shape * np.log1p(-within)
    for n in count(1):
        yield np.exp(log_chance)
        with np.errstate(divide="ignore"):  # in no time there are no orders
            log_chance = log_chance + np.log((shape + n - 1) / n * within)
