"""BG/NBD: how often a customer will buy again, and whether they still are one.

For businesses without contracts, where customers leave without saying so. While alive a customer buys at a rate
drawn from Gamma(r, alpha), and stops for good after any purchase with a probability drawn from Beta(a, b).

Fader, Hardie, Lee (2005), "'Counting Your Customers' the Easy Way: An Alternative to the Pareto/NBD Model",
Marketing Science 24(2), 275-284. All times are in weeks; customers are rows of `rfm.rfm_in_weeks`.
"""

import numpy as np
import pandas as pd

from safar.errors import DataRefused
from safar.research.fitting import BetaGeoFitter, fit_or_refuse, require_repeaters

_LIKELY = "customers show no sign of stopping, or all stop at once"


def fit(customers: pd.DataFrame) -> BetaGeoFitter:
    """Maximise the likelihood (eq. 6) and return the fitter of `lifetimes` itself.

    Customers with equal (frequency, recency, T) are one weighted row: the same estimates in a fraction of the time,
    and `fitter.data` has one row a pattern. Raises DataRefused when the data cannot carry four parameters.
    """
    require_repeaters(customers, "BG/NBD")
    patterns = customers.groupby(["frequency", "recency", "T"]).size().reset_index(name="customers")
    columns = [patterns[name] for name in ("frequency", "recency", "T", "customers")]
    fitter: BetaGeoFitter = fit_or_refuse(lambda: BetaGeoFitter().fit(*columns), "BG/NBD", _LIKELY)
    return fitter


def log_likelihood(fitter: BetaGeoFitter) -> float:
    """The log-likelihood of all customers, in weeks, as in the paper (table 2).

    `lifetimes` keeps a mean per customer, in time divided by the longest T: each repeat purchase owes ln(scale).
    """
    data = fitter.data
    rescaled = (data["frequency"] * data["weights"]).sum() * np.log(fitter._scale)
    return float(-fitter._negative_log_likelihood_ * data["weights"].sum() + rescaled)


def expected_orders(fitter: BetaGeoFitter, customers: pd.DataFrame, *, weeks: float) -> pd.Series:
    """E(orders in the next `weeks` | x, t_x, T) of each customer (eq. 10).

    An order is a day with orders. Raises DataRefused when the formula has no finite value (a near 1).
    """
    # A long silence after many orders overflows on its way to the right answer, which is 0.
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        orders = fitter.predict(weeks, customers["frequency"], customers["recency"], customers["T"])
    if not np.isfinite(orders).all():
        raise DataRefused(f"BG/NBD gives no finite expectation of orders: a = {fitter.params_['a']:.6f}.")
    return pd.Series(orders, index=customers.index, name="expected_orders")


def probability_alive(fitter: BetaGeoFitter, customers: pd.DataFrame) -> pd.Series:
    """P(alive | x, t_x, T): still buying at the end of the observation.

    Customers who never bought again have 1: the model lets nobody leave before a repeat purchase (Fader, Hardie
    2008, "Computing P(alive) Using the BG/NBD Model", eq. 1).
    """
    alive = fitter.conditional_probability_alive(customers["frequency"], customers["recency"], customers["T"])
    return pd.Series(alive, index=customers.index, name="p_alive")


def probability_alive_grid(fitter: BetaGeoFitter, *, weeks: int, most_orders: int) -> pd.DataFrame:
    """P(alive) of customers first seen `weeks` ago, by week of the last order (rows) and repeat orders (columns)."""
    frequency, recency = np.meshgrid(np.arange(most_orders + 1), np.arange(weeks + 1))
    alive = fitter.conditional_probability_alive(frequency, recency, weeks)
    return pd.DataFrame(
        alive, pd.RangeIndex(weeks + 1, name="recency"), pd.RangeIndex(most_orders + 1, name="frequency")
    )
