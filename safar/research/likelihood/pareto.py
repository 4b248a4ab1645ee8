"""The mathematics of the Pareto/NBD: its likelihood, P(alive), and the numbers of orders to come.

Schmittlein, Morrison, Colombo (1987), "Counting Your Customers: Who Are They and What Will They Do Next?", Management
Science 33(1), 1-24; in the form of Fader, Hardie (2005), "A Note on Deriving the Pareto/NBD Model", brucehardie.com/
notes/009, eq. 17: a customer either lives at T, or died at some moment y after the last purchase.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import digamma, expit, gammaln, logsumexp

from safar.research.likelihood.maximum import Array
from safar.research.likelihood.negative_binomial import orders_unless_stopped

# Where the integrand is looked at, and with what weight: exact to about fourteen digits for the functions below.
_NODES, _WEIGHTS = (np.asarray(part) for part in np.polynomial.legendre.leggauss(32))
_PLACES, _LOG_WEIGHTS = (_NODES + 1) / 2, np.log(_WEIGHTS / 2)

_FORECAST_PLACES, _FORECAST_WEIGHTS = (np.asarray(part) / 2 for part in np.polynomial.legendre.leggauss(64))
_FORECAST_PLACES = _FORECAST_PLACES + 0.5

# exp(-40) of the integral is left out, of customers who bought very often.
_FADED = 40.0
_AT_ONCE = 20_000


@dataclass(frozen=True)
class Death:
    """The logarithms of how likely it is that a customer lives at T, and that they died before; and when, if so.

    `moments` (n x 32) are moments after the last purchase, `chances` their probabilities given that they died.
    """

    lives: Array
    died: Array
    moments: Array
    chances: Array

    @property
    def alive(self) -> Array:
        """P(alive)."""
        return np.asarray(expit(self.lives - self.died))


def death(parameters: Iterable[float], frequency: Array, recency: Array, age: Array) -> Death:
    """Of each customer, with the integral over the moment of death solved by Gauss and Legendre.

    In v = ln((alpha + y) / (alpha + t_x)) the integrand falls like exp(-(r + x) v), and is smooth: no hypergeometric
    function, and no difference of two that are nearly equal.
    """
    r, alpha, s, beta = parameters
    shape = (r + frequency)[:, None]
    origin = (alpha + recency)[:, None]
    length = np.minimum(np.log((alpha + age) / (alpha + recency))[:, None], _FADED / shape)
    v = length * _PLACES
    moments = origin * np.exp(v) - alpha
    terms = _LOG_WEIGHTS - (shape - 1) * v - (s + 1) * np.log(beta + moments)
    total = logsumexp(terms, axis=1)
    with np.errstate(divide="ignore"):  # bought on the last day: no time to die
        size = np.log(length[:, 0])
    died = np.log(s) + (1 - shape[:, 0]) * np.log(origin[:, 0]) + size + total
    lives = -shape[:, 0] * np.log(alpha + age) - s * np.log(beta + age)
    return Death(lives, died, moments, np.exp(terms - total[:, None]))


class ParetoNBD:
    """The log-likelihood of customers by frequency (x), recency (t_x) and age (T), `weights` of them each."""

    def __init__(self, frequency: Array, recency: Array, age: Array, weights: Array) -> None:
        self._columns = (frequency, recency, age, weights)

    def __call__(self, parameters: Array) -> tuple[float, Array]:
        """Of r, alpha, s and beta: the log-likelihood of all customers, and its gradient."""
        value, gradient = 0.0, np.zeros(4)
        for columns in self._blocks():
            part, slope = _of_block(parameters, *columns)
            value, gradient = value + part, gradient + slope
        return value, gradient

    def _blocks(self) -> Iterator[list[Array]]:
        for start in range(0, len(self._columns[0]), _AT_ONCE):
            yield [column[start : start + _AT_ONCE] for column in self._columns]


def _of_block(parameters: Array, x: Array, recency: Array, age: Array, weights: Array) -> tuple[float, Array]:
    r, alpha, s, beta = parameters
    when = death(parameters, x, recency, age)
    alive = when.alive
    each = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta) + np.logaddexp(when.lives, when.died)

    def mean(at_end: Array, at_death: Array) -> Array:
        """Over living at T and dying at each moment before."""
        return np.asarray(alive * at_end + (1 - alive) * (when.chances * at_death).sum(axis=1))

    gradient = [
        digamma(r + x) - digamma(r) + np.log(alpha) - mean(np.log(alpha + age), np.log(alpha + when.moments)),
        r / alpha - (r + x) * mean(1 / (alpha + age), 1 / (alpha + when.moments)),
        np.log(beta) - mean(np.log(beta + age), np.log(beta + when.moments)) + (1 - alive) / s,
        s / beta - mean(s / (beta + age), (s + 1) / (beta + when.moments)),
    ]
    return float(weights @ each), np.array([weights @ slope for slope in gradient])


def orders_to_come(parameters: Iterable[float], frequency: Array, age: Array, weeks: float | Array) -> Iterator[Array]:
    """P(n orders in the next `weeks` | alive), one for each customer, of n = 0, 1, 2, ...

    Whoever is alive at T buys at a rate from Gamma(r + x, alpha + T), until a death whose rate is from Gamma(s, beta +
    T): the number is averaged over dying at each moment of the time, or not in it.
    """
    r, alpha, s, beta = parameters
    shape, rate, end = (r + frequency)[:, None], (alpha + age)[:, None], (beta + age)[:, None]
    span = np.broadcast_to(np.asarray(weeks, float), frequency.shape)[:, None]
    dying = span * _FORECAST_PLACES
    dies = s / (end + dying) * (end / (end + dying)) ** s * (span * _FORECAST_WEIGHTS)
    chances = np.hstack([dies, (end / (end + span)) ** s])
    moments = np.hstack([dying, span])
    within = moments / (rate + moments)
    for places in orders_unless_stopped(shape, within):
        yield (chances * places).sum(axis=1)
