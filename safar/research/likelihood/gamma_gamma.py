"""The likelihood of the Gamma-Gamma model of spend.

Fader, Hardie (2013), "The Gamma-Gamma Model of Monetary Value", brucehardie.com/notes/025, eq. 1a.
"""

import numpy as np
from scipy.special import digamma, gammaln

from safar.research.likelihood.distinct import distinct
from safar.research.likelihood.maximum import Array


class GammaGamma:
    """The log-likelihood of customers by number of orders (x) and mean amount (m), `weights` of them each."""

    def __init__(self, frequency: Array, monetary: Array, weights: Array) -> None:
        self._x, self._x_of = distinct(frequency)
        self._customers = np.bincount(self._x_of, weights)
        self._orders, self._spent, self._weights = frequency, frequency * monetary, weights
        self._log_spent = np.bincount(self._x_of, weights * np.log(self._spent))
        self._log_mean = weights @ np.log(monetary)

    def __call__(self, parameters: Array) -> tuple[float, Array]:
        """Of p, q and gamma: the log-likelihood of all customers, and its gradient."""
        p, q, gamma = parameters
        x, n = self._x, self._customers
        log_sum = np.log(gamma + self._spent)
        by_x = np.bincount(self._x_of, self._weights * log_sum, len(x))
        shape = p * x

        value = n @ (gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(gamma))
        value += shape @ self._log_spent - self._log_mean - (shape + q) @ by_x
        gradient = [
            (n * x) @ (digamma(shape + q) - digamma(shape)) + x @ self._log_spent - x @ by_x,
            n @ (digamma(shape + q) - digamma(q) + np.log(gamma)) - by_x.sum(),
            n.sum() * q / gamma - (self._weights * (p * self._orders + q)) @ (1 / (gamma + self._spent)),
        ]
        return float(value), np.array(gradient)
