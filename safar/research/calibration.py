"""Does the BG/NBD fit? What it expects beside what happened, inside the calibration and after it."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2

from safar.errors import DataRefused
from safar.research.orders import OrdersModel, expected_orders


def repeat_orders(fitter: OrdersModel, customers: pd.DataFrame, *, most: int = 7) -> pd.DataFrame:
    """Customers by number of repeat orders (0, 1, ..., `most` or more): `actual`, and `expected` by the model.

    Expected is the sum over customers of P(X(T) = n), each with their own T (Fader, Hardie, Lee 2005, eq. 8 and
    figure 2).
    """
    ages = customers["T"].value_counts()
    below = [
        sum(count * fitter.probability_of_n_purchases_up_to_time(age, n) for age, count in ages.items())
        for n in range(most)
    ]
    actual = customers["frequency"].clip(upper=most).value_counts().reindex(range(most + 1), fill_value=0)
    expected = pd.Series([*below, len(customers) - sum(below)], dtype=float)
    return pd.DataFrame({"actual": actual, "expected": expected}).rename_axis("repeat_orders")


class ChiSquare(NamedTuple):
    """Pearson's test: a small `p_value` says that the model does not describe the counts."""

    statistic: float
    degrees_of_freedom: int
    p_value: float


def chi_square(counts: pd.DataFrame, *, parameters: int = 4) -> ChiSquare:
    """Hold `actual` against `expected`, with one degree of freedom less for each fitted parameter."""
    statistic = float(((counts["actual"] - counts["expected"]) ** 2 / counts["expected"]).sum())
    degrees = len(counts) - 1 - parameters
    return ChiSquare(statistic, degrees, float(chi2.sf(statistic, degrees)))


def holdout_orders(fitter: OrdersModel, customers: pd.DataFrame, *, weeks: float, most: int = 7) -> pd.DataFrame:
    """Mean orders a customer in the holdout of `weeks`, by repeat orders in the calibration.

    Columns `actual`, `expected` and `customers`. Raises DataRefused without a holdout.
    """
    if weeks <= 0:
        raise DataRefused("There is no holdout: observe with calibration_until before until.")
    table = customers[["holdout"]].assign(expected=expected_orders(fitter, customers, weeks=weeks))
    groups = table.groupby(np.minimum(customers["frequency"], most))
    means = groups.mean().rename(columns={"holdout": "actual"})
    return means.assign(customers=groups.size()).rename_axis("repeat_orders")
