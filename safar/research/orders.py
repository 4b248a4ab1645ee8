"""What a model of buying says of a customer: orders to come, and whether they still are a customer.

The same three questions to any of the models, `bgnbd` or `mbgnbd`. Customers are rows of `rfm.rfm_in_weeks`, or of
`rfm.patterns_in_weeks`; all times are in weeks, and an order is a day with orders.
"""

import numpy as np
import pandas as pd

from safar.errors import DataRefused
from safar.research.fitting import BetaGeoFitter, ModifiedBetaGeoFitter, log_likelihood

__all__ = ["OrdersModel", "expected_orders", "log_likelihood", "probability_alive", "probability_alive_grid"]

OrdersModel = BetaGeoFitter | ModifiedBetaGeoFitter
"""A fitted model of when customers buy and stop."""


def expected_orders(fitter: OrdersModel, customers: pd.DataFrame, *, weeks: float) -> pd.Series:
    """E(orders in the next `weeks` | x, t_x, T) of each customer.

    BG/NBD: Fader, Hardie, Lee (2005), eq. 10. It is P(alive) times what whoever is alive will order, and that depends
    on x and T alone: the slow part, a hypergeometric function, is worked out once for each distinct pair of them.
    Raises DataRefused when the formula has no finite value (a near 1).
    """
    pairs, pair_of = np.unique(customers[["frequency", "T"]].to_numpy(float), axis=0, return_inverse=True)
    frequency, age = pairs.T
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # what has no finite value is refused below
        bought_today = fitter.predict(weeks, frequency, age, age)
        if_alive = bought_today / fitter.conditional_probability_alive(frequency, age, age)
    if not np.isfinite(if_alive).all():
        raise DataRefused(f"The model gives no finite expectation of orders: a = {fitter.params_['a']:.6f}.")
    orders: pd.Series = probability_alive(fitter, customers) * if_alive[pair_of]
    return orders.rename("expected_orders")


def probability_alive(fitter: OrdersModel, customers: pd.DataFrame) -> pd.Series:
    """P(alive | x, t_x, T): still buying at the end of the observation.

    BG/NBD: Fader, Hardie (2008), "Computing P(alive) Using the BG/NBD Model", eq. 1; whoever never bought again has 1,
    for it lets nobody leave before a repeat purchase. MBG/NBD: Batislam, Denizel, Filiztekin (2007), eq. 5.
    """
    columns = (customers[name].to_numpy(float) for name in ("frequency", "recency", "T"))
    with np.errstate(over="ignore"):  # a long silence after many orders: 0
        alive = fitter.conditional_probability_alive(*columns)
    return pd.Series(alive, index=customers.index, name="p_alive")


def probability_alive_grid(fitter: OrdersModel, *, weeks: int, most_orders: int) -> pd.DataFrame:
    """P(alive) of customers first seen `weeks` ago, by week of the last order (rows) and repeat orders (columns)."""
    frequency, recency = np.meshgrid(np.arange(most_orders + 1), np.arange(weeks + 1))
    alive = fitter.conditional_probability_alive(frequency, recency, weeks)
    return pd.DataFrame(
        alive, pd.RangeIndex(weeks + 1, name="recency"), pd.RangeIndex(most_orders + 1, name="frequency")
    )
