"""What a model of buying says of a customer: orders to come, and whether they still are a customer.

The same questions to any of the models, `bgnbd`, `mbgnbd` or `pareto_nbd`. Customers are rows of `rfm.rfm_in_weeks`,
or of `rfm.patterns_in_weeks`; all times are in weeks, and an order is a day with orders.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from safar.errors import DataRefused
from safar.research.fitters import BetaGeoFitter, ModifiedBetaGeoFitter, ParetoNBDFitter
from safar.research.fitting import log_likelihood
from safar.research.likelihood.maximum import Array
from safar.research.require import require_customers, require_day, require_number, require_orders_model, require_whole

__all__ = [
    "DistinctPairs",
    "OrdersModel",
    "alive_now",
    "alive_path",
    "expectation",
    "expected_if_alive",
    "expected_orders",
    "expected_orders_grid",
    "log_likelihood",
    "probability_alive",
    "probability_alive_grid",
    "require_horizon",
]

_FARTHEST = 3.0
"""Times the longest time watched: as far ahead as an expectation is given."""

OrdersModel = BetaGeoFitter | ModifiedBetaGeoFitter | ParetoNBDFitter
"""A fitted model of when customers buy and stop."""


@dataclass(frozen=True)
class DistinctPairs:
    """The distinct pairs of frequency and age, and which one each customer has: far fewer than customers."""

    frequency: Array
    age: Array
    of_customer: NDArray[np.intp]

    @classmethod
    def of(cls, customers: pd.DataFrame) -> "DistinctPairs":
        """Those of `customers`."""
        x, x_of = np.unique(customers["frequency"].to_numpy(float), return_inverse=True)
        age, age_of = np.unique(customers["T"].to_numpy(float), return_inverse=True)
        codes, of_customer = np.unique(x_of * len(age) + age_of, return_inverse=True)
        return cls(x[codes // len(age)], age[codes % len(age)], of_customer)


def expected_orders(fitter: OrdersModel, customers: pd.DataFrame, *, weeks: float) -> pd.Series:
    """E(orders in the next `weeks` | x, t_x, T) of each customer.

    BG/NBD: Fader, Hardie, Lee (2005), eq. 10. It is P(alive) times what whoever is alive will order, and that depends
    on x and T alone: the slow part, a hypergeometric function, is worked out once for each distinct pair of them.
    Pareto/NBD: Fader, Hardie (2005), notes/009, eq. 41. Raises DataRefused when the formula has no finite value (a or s
    near 1), and for `weeks` more than three times as far ahead as customers were watched.
    """
    require_orders_model(fitter)
    require_customers(customers)
    require_horizon(fitter, weeks)
    return pd.Series(expectation(fitter, customers, weeks), customers.index, name="expected_orders")


def expectation(fitter: OrdersModel, customers: pd.DataFrame, weeks: float) -> Array:
    """`expected_orders` of what was checked before."""
    pairs = DistinctPairs.of(customers)
    return alive_now(fitter, customers) * expected_if_alive(fitter, pairs, weeks)[pairs.of_customer]


def expected_if_alive(fitter: OrdersModel, pairs: DistinctPairs, weeks: float) -> Array:
    """E(orders in the next `weeks` | x, T, alive) of each distinct pair. Raises DataRefused when it is not finite."""
    x, age = pairs.frequency, pairs.age
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):  # what has no finite value is refused below
        bought_today = fitter.conditional_expected_number_of_purchases_up_to_time(weeks, x, age, age)
        if_alive = bought_today / fitter.conditional_probability_alive(x, age, age)
    if not np.isfinite(if_alive).all():
        raise DataRefused(f"The model gives no finite expectation of orders: {_singular(fitter)}.")
    return np.asarray(if_alive)


def require_horizon(fitter: OrdersModel, weeks: float) -> None:
    """Raise DataRefused unless `weeks` are a number, and not too far ahead for what the model has seen."""
    require_number("weeks", weeks, at_least=0)
    watched = float(fitter.data["T"].max())
    if weeks > _FARTHEST * watched:
        raise DataRefused(
            f"{weeks:.0f} weeks ahead is more than {_FARTHEST:.0f} times the {watched:.0f} weeks watched, and "
            f"nothing says whether buying goes on like that. Ask for at most {int(_FARTHEST * watched)}."
        )


def _singular(fitter: OrdersModel) -> str:
    name = "s" if isinstance(fitter, ParetoNBDFitter) else "a"
    return f"{name} = {fitter.params_[name]:.6f}"


def probability_alive(fitter: OrdersModel, customers: pd.DataFrame) -> pd.Series:
    """P(alive | x, t_x, T): still buying at the end of the observation.

    BG/NBD: Fader, Hardie (2008), "Computing P(alive) Using the BG/NBD Model", eq. 1; whoever never bought again has 1,
    for it lets nobody leave before a repeat purchase. MBG/NBD: Batislam, Denizel, Filiztekin (2007), eq. 5.
    Pareto/NBD: Fader, Hardie (2005), notes/009, eq. 36. Raises DataRefused for customers that cannot be.
    """
    require_orders_model(fitter)
    require_customers(customers)
    return pd.Series(alive_now(fitter, customers), customers.index, name="p_alive")


def alive_now(fitter: OrdersModel, customers: pd.DataFrame) -> Array:
    """`probability_alive` of what was checked before."""
    columns = (customers[name].to_numpy(float) for name in ("frequency", "recency", "T"))
    with np.errstate(over="ignore"):  # a long silence after many orders: 0
        return np.asarray(fitter.conditional_probability_alive(*columns))


def probability_alive_grid(fitter: OrdersModel, *, weeks: int, most_orders: int) -> pd.DataFrame:
    """P(alive) of customers first seen `weeks` ago, by week of the last order (rows) and repeat orders (columns).

    Raises DataRefused unless `weeks` and `most_orders` are whole numbers.
    """
    return probability_alive(fitter, _grid(weeks, most_orders)).unstack("frequency")


def expected_orders_grid(fitter: OrdersModel, *, weeks: int, most_orders: int, next_weeks: float) -> pd.DataFrame:
    """Orders expected in the `next_weeks` of the customers of `probability_alive_grid`, in the same rows and columns.

    Raises DataRefused as `expected_orders` does.
    """
    return expected_orders(fitter, _grid(weeks, most_orders), weeks=next_weeks).unstack("frequency")


def _grid(weeks: int, most_orders: int) -> pd.DataFrame:
    """A customer for each place of a grid; whoever never bought again has one last order, in week 0, in every row."""
    require_whole("weeks", weeks, at_least=1)
    require_whole("most_orders", most_orders, at_least=0)
    sides = [range(int(weeks) + 1), range(int(most_orders) + 1)]
    places = pd.MultiIndex.from_product(sides, names=["recency", "frequency"])
    frequency, recency = (places.get_level_values(name).to_numpy() for name in ("frequency", "recency"))
    recency = np.where(frequency > 0, recency, 0)
    return pd.DataFrame({"frequency": frequency, "recency": recency, "T": weeks}, places)


def alive_path(fitter: OrdersModel, days: Iterable[date], *, until: date) -> "pd.Series[float]":
    """P(alive) of one customer at the end of each day, from the first order to `until`.

    `days` are those with orders, such as the index of `rfm.spent_by_day`. A day knows what had come by then, its own
    order included, and nothing of later: the last value is `probability_alive` of the customer as of `until`. Between
    orders it falls, but for a customer of the BG/NBD who has not bought again yet. Raises DataRefused when `until` is
    before the first order, or when `days` are none.
    """
    require_orders_model(fitter)
    until, ordered = require_day("until", until), _days(days)
    if ordered.empty or ordered[0] > pd.Timestamp(until):
        raise DataRefused(f"The customer has no order until {until}: choose a later day, or another customer.")
    seen = pd.date_range(ordered[0], until, name="day")
    last = ordered.searchsorted(seen, side="right") - 1
    weeks = (seen - seen[0]).days.to_numpy() / 7
    since_first = (ordered - ordered[0]).days.to_numpy() / 7
    known = pd.DataFrame({"frequency": last, "recency": since_first[last], "T": weeks}, seen)
    return probability_alive(fitter, known)


def _days(days: Iterable[date]) -> pd.DatetimeIndex:
    """Each day once, in order."""
    try:
        moments = pd.DatetimeIndex(list(days))
    except (TypeError, ValueError) as error:
        raise DataRefused(f"days must be dates, such as the index of rfm.spent_by_day: {error}.") from None
    return moments.dropna().tz_localize(None).normalize().as_unit("s").unique().sort_values()
