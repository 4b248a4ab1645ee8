"""The mathematics of the BG/NBD and the MBG/NBD: their likelihood, and the numbers of orders to come.

Both models say the same of buying and differ in one thing: a customer of the MBG/NBD may also stop right after the
first purchase, before any repeat purchase.

BG/NBD: Fader, Hardie, Lee (2005), "'Counting Your Customers' the Easy Way", Marketing Science 24(2), 275-284, eq. 6.
MBG/NBD: Batislam, Denizel, Filiztekin (2007), "Empirical Validation and Comparison of Models for Customer Base
Analysis", International Journal of Research in Marketing 24(3), 201-209.
"""

from collections.abc import Iterable, Iterator

import numpy as np
from scipy.special import digamma, expit, gammaln

from safar.research.likelihood.distinct import distinct
from safar.research.likelihood.maximum import Array
from safar.research.likelihood.negative_binomial import orders_unless_stopped


class BetaGeometric:
    """The log-likelihood of customers by frequency (x), recency (t_x) and age (T), `weights` of them each.

    With L = G(x) (alpha + T)^-(r + x) (1 + exp(u)), where G depends on x alone and u says how much likelier it is that
    the customer stopped after the last purchase than that they are still there, only u has to be worked out for every
    pattern. Everything else is summed once for each distinct x and each distinct T.
    """

    def __init__(self, frequency: Array, recency: Array, age: Array, weights: Array, *, modified: bool) -> None:
        self._shift = int(modified)
        self._x, x_of = distinct(frequency)
        self._age, age_of = distinct(age)
        self._x_customers = np.bincount(x_of, weights)
        self._age_customers = np.bincount(age_of, weights)
        self._age_orders = np.bincount(age_of, weights * frequency)
        uncertain = frequency + self._shift > 0
        self._x_of, self._age_of, self._weights = x_of[uncertain], age_of[uncertain], weights[uncertain]
        self._last, self._last_of = distinct(recency[uncertain])

    def __call__(self, parameters: Array) -> tuple[float, Array]:
        """Of r, alpha, a and b: the log-likelihood of all customers, and its gradient."""
        r, alpha, a, b = parameters
        x, n = self._x, self._x_customers
        ended = np.maximum(b + x + self._shift - 1, np.finfo(float).tiny)  # x = 0 of the BG/NBD is never looked up
        stayed = b + x + self._shift
        log_age, log_last = np.log(alpha + self._age), np.log(alpha + self._last)
        silence = log_age[self._age_of] - log_last[self._last_of]
        bought = (r + x)[self._x_of]
        u = bought * silence + (np.log(a) - np.log(ended))[self._x_of]
        chance = expit(u)
        stopped = self._weights * chance

        value = n @ (gammaln(r + x) - gammaln(r) + r * np.log(alpha) + _beta_ratio(a, b, stayed))
        value -= (r * self._age_customers + self._age_orders) @ log_age
        value += self._weights @ (np.maximum(u, 0) - np.log(np.maximum(chance, 1 - chance)))  # ln(1 + exp(u))

        faster = (1 / (alpha + self._age))[self._age_of] - (1 / (alpha + self._last))[self._last_of]
        by_x = np.bincount(self._x_of, stopped, len(x))
        gradient = [
            n @ (digamma(r + x) - digamma(r) + np.log(alpha)) - self._age_customers @ log_age + stopped @ silence,
            n.sum() * r / alpha
            - (r * self._age_customers + self._age_orders) @ (1 / (alpha + self._age))
            + (stopped * bought) @ faster,
            n @ (digamma(a + b) - digamma(a + stayed)) + by_x.sum() / a,
            n @ (digamma(a + b) + digamma(stayed) - digamma(b) - digamma(a + stayed)) - by_x @ (1 / ended),
        ]
        return float(value), np.array(gradient)


def _beta_ratio(a: float, b: float, stayed: Array) -> Array:
    """ln B(a, stayed) / B(a, b)."""
    return np.asarray(gammaln(stayed) - gammaln(a + stayed) + gammaln(a + b) - gammaln(b))


def orders_to_come(
    parameters: Iterable[float], frequency: Array, age: Array, weeks: float | Array, *, modified: bool
) -> Iterator[Array]:
    """P(n orders in the next `weeks` | alive), one for each customer, of n = 0, 1, 2, ...

    Whoever is alive at T buys on as a new customer would whose rate is drawn from Gamma(r + x, alpha + T) and whose
    probability of stopping from Beta(a, b + x), or Beta(a, b + x + 1) in the MBG/NBD: Fader, Hardie, Lee (2005), eq. 8,
    with these in the place of r, alpha, a and b. Each term follows from the one before it.
    """
    r, alpha, a, b = parameters
    shape, stayed = r + frequency, b + frequency + modified
    within = weeks / (alpha + age + weeks)
    stays = np.ones(len(shape))  # P(has not stopped after n orders)
    more = np.ones(len(shape))  # P(at least n orders in the time, if nobody stopped)
    for n, places in enumerate(orders_unless_stopped(shape, within)):
        if n == 0:
            yield places
        else:
            stays = stays * (stayed + n - 1) / (a + stayed + n - 1)
            yield stays * (places + a / (stayed + n - 1) * np.maximum(more, 0))
        more = more - places
