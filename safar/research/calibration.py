"""Does a model of buying fit? What it expects beside what happened, inside the calibration and after it."""

from collections.abc import Mapping
from itertools import islice
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2

from safar.errors import DataRefused
from safar.research.orders import OrdersModel, expected_orders
from safar.research.require import (
    require_amounts,
    require_customers,
    require_number,
    require_numbers,
    require_one_a_row,
    require_orders_model,
    require_whole,
)


def repeat_orders(fitter: OrdersModel, customers: pd.DataFrame, *, most: int = 7) -> pd.DataFrame:
    """Customers by number of repeat orders (0, 1, ..., `most` or more): `actual`, and `expected` by the model.

    Expected is the sum over customers of P(X(T) = n), each with their own T (Fader, Hardie, Lee 2005, eq. 8 and
    figure 2): what a new customer does in so many weeks. Raises DataRefused for patterns, and for customers that cannot
    be.
    """
    _require(fitter, customers)
    require_whole("most", most, at_least=1)
    ages, of_age = np.unique(customers["T"].to_numpy(float), return_counts=True)
    new = np.zeros_like(ages)
    alive = fitter.conditional_probability_alive(np.zeros(1), np.zeros(1), np.zeros(1))[0]
    below = [float(alive * of_age @ chance) for chance in islice(fitter.orders_to_come(new, new, ages), most)]
    below[0] += (1 - alive) * len(customers)
    actual = customers["frequency"].clip(upper=most).value_counts().reindex(range(most + 1), fill_value=0)
    expected = pd.Series([*below, len(customers) - sum(below)], dtype=float)
    return pd.DataFrame({"actual": actual, "expected": expected}).rename_axis("repeat_orders")


class ChiSquare(NamedTuple):
    """Pearson's test: a small `p_value` says that the model does not describe the counts."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


def chi_square(counts: pd.DataFrame, *, parameters: int = 4) -> ChiSquare:
    """Hold `actual` against `expected`, with one degree of freedom less for each fitted parameter.

    `counts` are those of `repeat_orders`. Raises DataRefused when they have too few rows for so many parameters.
    """
    require_numbers(counts, "actual", "expected")
    require_whole("parameters", parameters, at_least=0)
    statistic = float(((counts["actual"] - counts["expected"]) ** 2 / counts["expected"]).sum())
    degrees = len(counts) - 1 - parameters
    if degrees < 1:
        raise DataRefused(
            f"A test of {parameters} parameters needs {parameters + 2} rows, not {len(counts)}: raise most."
        )
    return ChiSquare(statistic, degrees, float(chi2.sf(statistic, degrees)))


def holdout_orders(fitter: OrdersModel, customers: pd.DataFrame, *, weeks: float, most: int = 7) -> pd.DataFrame:
    """Mean orders a customer in the holdout of `weeks`, by repeat orders in the calibration.

    Columns `actual`, `expected` and `customers`. Raises DataRefused without a holdout, and as
    `repeat_orders` does.
    """
    _require(fitter, customers, "holdout")
    require_whole("most", most, at_least=0)
    require_number("weeks", weeks)
    if weeks <= 0:
        raise DataRefused("There is no holdout: observe with calibration_until before until.")
    table = customers[["holdout"]].assign(expected=expected_orders(fitter, customers, weeks=weeks))
    groups = table.groupby(np.minimum(customers["frequency"], most))
    means = groups.mean().rename(columns={"holdout": "actual"})
    return means.assign(customers=groups.size()).rename_axis("repeat_orders")


def holdout_by_model(
    fitters: Mapping[str, OrdersModel], customers: pd.DataFrame, *, weeks: float, most: int = 7
) -> pd.DataFrame:
    """`holdout_orders` of several models beside what came: `actual`, one column a model, and `customers`.

    `fitters` are fits of the same customers, by the names they are to have. Raises DataRefused without a holdout, and
    without a model.
    """
    _require_models(fitters)
    tables = {name: holdout_orders(fitter, customers, weeks=weeks, most=most) for name, fitter in fitters.items()}
    of_any = next(iter(tables.values()))
    expected = {name: table["expected"] for name, table in tables.items()}
    return pd.DataFrame({"actual": of_any["actual"], **expected, "customers": of_any["customers"]})


def tracking(fitter: OrdersModel, customers: pd.DataFrame, weekly: pd.Series) -> pd.DataFrame:
    """Repeat orders week by week and added up, `actual` and `expected`, `actual_so_far` and `expected_so_far`.

    `weekly` is `rfm.repeat_orders_by_week`: of the customers, each week since the first of them came. Expected is the
    sum of E(X(t)) over those who had come, t weeks after each one's first order (Fader, Hardie, Lee 2005, eq. 9,
    figures 3 and 4); after the calibration it is a forecast. Raises DataRefused as `repeat_orders` does.
    """
    _require(fitter, customers)
    require_amounts("weekly", weekly)
    came = np.rint((customers["T"].max() - customers["T"].to_numpy()) * 7).astype(int)
    customers_on = np.bincount(came)
    age = np.arange(1, len(weekly) * 7 + 1) / 7
    none = np.zeros_like(age)
    of_one = fitter.conditional_expected_number_of_purchases_up_to_time(age, none, none, none)
    # On the evening of day d, whoever came on day f has had d - f days.
    by_day = np.convolve(customers_on, np.concatenate([[0.0], np.asarray(of_one)]))[: len(age) + 1]
    so_far = pd.Series(by_day[7::7][: len(weekly)], weekly.index)
    return pd.DataFrame(
        {
            "actual": weekly,
            "expected": so_far.diff().fillna(so_far),
            "actual_so_far": weekly.cumsum(),
            "expected_so_far": so_far,
        }
    )


def tracking_by_model(fitters: Mapping[str, OrdersModel], customers: pd.DataFrame, weekly: pd.Series) -> pd.DataFrame:
    """`tracking` of several models, added up: `actual`, and one column a model, by week.

    `fitters` are fits of the same customers, by the names they are to have. Raises DataRefused without a model, and as
    `tracking` does.
    """
    _require_models(fitters)
    so_far = {name: tracking(fitter, customers, weekly)["expected_so_far"] for name, fitter in fitters.items()}
    return pd.DataFrame({"actual": weekly.cumsum(), **so_far})


def _require_models(fitters: Mapping[str, OrdersModel]) -> None:
    if not isinstance(fitters, Mapping) or not fitters:
        raise DataRefused("Name at least one fitted model, such as {'BG/NBD': bgnbd.fit(customers)}.")


def _require(fitter: OrdersModel, customers: pd.DataFrame, *columns: str) -> None:
    require_orders_model(fitter)
    require_one_a_row(customers)
    require_customers(customers, *columns)
