"""How many orders a customer will place: not the expectation alone, but every number with its probability.

Whoever is alive at T orders as the model says of someone with their past; whoever is not orders nothing. What is not
known of the parameters is averaged over.
"""

from dataclasses import dataclass
from itertools import islice
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from safar.errors import DataRefused
from safar.research.likelihood.maximum import Array
from safar.research.orders import DistinctPairs, OrdersModel, alive_now, expectation, require_horizon
from safar.research.require import (
    of_customers,
    require_amounts,
    require_customers,
    require_one_a_row,
    require_orders_model,
)
from safar.research.uncertainty import POSITIVE, changes, quantile, representatives

_MOST_ORDERS = 10_000
_LEFT_OVER = 0.01
"""Of what may lie outside of a range: numbers beyond are as good as impossible."""


@dataclass(frozen=True)
class _Outlook:
    """By one set of parameters: P(alive) of each customer, and of each distinct pair P(at most n orders if alive)."""

    alive: Array
    at_most: Array


def order_range(fitter: OrdersModel, customers: pd.DataFrame, *, weeks: float, level: float = 0.9) -> pd.DataFrame:
    """`low` and `high`: the fewest and the most orders in the next `weeks` that need not surprise.

    Each customer's number is below the first, or above the second, with at most (1 - level) / 2 of probability. Both
    what is not known of the parameters and the customer's own randomness are in it. Raises DataRefused as
    `orders.expected_orders` does, and for what is no level.
    """
    _require(fitter, customers, weeks)
    quantile(level)  # refuses what is no level
    pairs = DistinctPairs.of(customers)
    covered = 1 - (1 - level) * _LEFT_OVER
    outlooks = [_outlook(each, customers, pairs, weeks, covered) for each in representatives(fitter)]
    bounds = {
        name: _quantile(outlooks, pairs.of_customer, (1 + side * level) / 2)
        for name, side in (("low", -1), ("high", 1))
    }
    return pd.DataFrame(bounds, customers.index)


def probability_of(
    fitter: OrdersModel, customers: pd.DataFrame, orders: "pd.Series[int]", *, weeks: float
) -> "pd.Series[float]":
    """P(exactly so many `orders` in the next `weeks`) of each customer.

    `orders` are of the same customers. Raises DataRefused as `orders.expected_orders` does, and for orders that are no
    whole numbers from 0 to 10,000.
    """
    _require(fitter, customers, weeks)
    wanted = _counts(orders, customers)
    pairs = DistinctPairs.of(customers)
    to_come = fitter.orders_to_come(pairs.frequency, pairs.age, weeks)
    chances = np.column_stack(list(islice(to_come, int(wanted.max()) + 1)))
    alive = alive_now(fitter, customers)
    found = alive * chances[pairs.of_customer, wanted] + (1 - alive) * (wanted == 0)
    return pd.Series(found, customers.index, name="probability")


def _counts(orders: pd.Series, customers: pd.DataFrame) -> NDArray[np.int64]:
    of_each = of_customers("orders", orders, customers.index)
    require_amounts("orders", of_each)
    wanted = of_each.to_numpy(float)
    if not ((wanted >= 0) & (wanted <= _MOST_ORDERS) & (wanted == np.floor(wanted))).all():
        raise DataRefused(f"orders must be whole numbers from 0 to {_MOST_ORDERS:,}: they count days with orders.")
    return wanted.astype(np.int64)


def _require(fitter: OrdersModel, customers: pd.DataFrame, weeks: float) -> None:
    require_orders_model(fitter)
    require_customers(customers)
    require_horizon(fitter, weeks)


class Total(NamedTuple):
    """What all customers together will do: its expectation, and an interval for what comes."""

    expected: float
    low: float
    high: float


def total_orders(fitter: OrdersModel, customers: pd.DataFrame, *, weeks: float, level: float = 0.95) -> Total:
    """Orders of all `customers` in the next `weeks`.

    The interval holds what comes `level` of the time if the model is right: not the expectation but the orders, with
    the customers' own randomness, independent of each other, and what is not known of the parameters, which moves all
    of them together. It is normal in the logarithm, and of nothing where nothing is expected. Raises DataRefused as
    `order_range` does, and for patterns.
    """
    require_one_a_row(customers)
    _require(fitter, customers, weeks)
    normal = quantile(level)
    mean, square = order_moments(fitter, customers, weeks=weeks)
    own_variance = (square - mean**2).sum()
    expected = float(expectation(fitter, customers, weeks).sum())
    if not expected:
        return Total(0.0, 0.0, 0.0)

    def total(model: OrdersModel) -> Array:
        return np.array(expectation(model, customers, weeks).sum())

    of_parameters = sum(change**2 for change in changes([fitter], total, POSITIVE))
    off = normal * np.sqrt(own_variance / expected**2 + of_parameters)
    return Total(expected, expected * float(np.exp(-off)), expected * float(np.exp(off)))


def order_moments(fitter: OrdersModel, customers: pd.DataFrame, *, weeks: float) -> tuple[Array, Array]:
    """E(Y) and E(Y^2) of each customer's number of orders in the next `weeks`, of what was checked before."""
    pairs = DistinctPairs.of(customers)
    chances = orders_if_alive(fitter, pairs, weeks)
    alive = alive_now(fitter, customers)
    mean, square = (chances @ np.arange(chances.shape[1]) ** power for power in (1, 2))
    return alive * mean[pairs.of_customer], alive * square[pairs.of_customer]


def _outlook(
    fitter: OrdersModel, customers: pd.DataFrame, pairs: DistinctPairs, weeks: float, covered: float
) -> _Outlook:
    chances = orders_if_alive(fitter, pairs, weeks, covered=covered)
    return _Outlook(alive_now(fitter, customers), np.cumsum(chances, axis=1))


def _quantile(outlooks: list[_Outlook], pair_of: NDArray[np.intp], probability: float) -> NDArray[np.int64]:
    """The lowest n with P(at most n orders) >= `probability`, customer by customer; most are done at 0, 1 or 2."""
    found = np.zeros(len(pair_of), dtype=int)
    open_ = np.arange(len(pair_of))
    number = 0
    while open_.size:
        at_most = sum(1 - each.alive[open_] * (1 - _column(each.at_most, number)[pair_of[open_]]) for each in outlooks)
        open_ = open_[at_most / len(outlooks) < probability - 1e-12]
        number += 1
        found[open_] = number
    return found


def _column(at_most: Array, number: int) -> Array:
    return at_most[:, number] if number < at_most.shape[1] else np.ones(len(at_most))


def orders_if_alive(fitter: OrdersModel, pairs: DistinctPairs, weeks: float, *, covered: float = 1 - 1e-6) -> Array:
    """P(n orders in the next `weeks` | alive), one row a pair, n from 0 until so much is `covered` in every row."""
    columns: list[Array] = []
    left = np.ones(len(pairs.frequency))
    for chance in islice(fitter.orders_to_come(pairs.frequency, pairs.age, weeks), _MOST_ORDERS):
        columns.append(chance)
        left = left - chance
        if left.max() <= 1 - covered:
            break
    return np.column_stack(columns)
