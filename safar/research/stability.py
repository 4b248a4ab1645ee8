"""Does one model fit all times? Customers who came early and late, fitted apart, and the difference said.

A model takes all customers for draws from one population. When those who come now buy differently from those who came
before (another assortment, other channels, a crisis), a fit on all of them is right for nobody.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import chi2

from safar.errors import DataRefused
from safar.research.orders import OrdersModel, expected_orders, log_likelihood
from safar.research.require import (
    of_customers,
    require_customers,
    require_number,
    require_numbers,
    require_one_a_row,
    require_whole,
)
from safar.research.uncertainty import POSITIVE, interval

_UNLIKELY = 0.01
_MATTERS = 1.25
"""Times more or fewer orders of a new customer that make a difference to a shop."""

_NEW = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0]})


class Drift(NamedTuple):
    """Whether cohorts differ: `p_value` of the likelihood-ratio test, whether it matters, and the sentence to say."""

    p_value: float
    matters: bool
    message: str


def cohorts_by_age(customers: pd.DataFrame, parts: int = 2) -> "pd.Series[int]":
    """Customers in `parts` cohorts of about equal size by when they came: 1 for the first who came.

    Raises DataRefused for patterns, and for customers without `T`.
    """
    require_one_a_row(customers)
    require_numbers(customers, "T")
    require_whole("parts", parts, at_least=1)
    came = -customers["T"]
    return (came.rank(method="min", pct=True).mul(parts).apply(np.ceil).clip(1, parts)).astype("int64").rename("cohort")


def by_cohort(
    fit: Callable[[pd.DataFrame], OrdersModel], customers: pd.DataFrame, cohort: pd.Series, *, weeks: float
) -> pd.DataFrame:
    """A fit of each cohort: `customers`, the parameters, and `expected_orders` of a new customer with `low` and `high`.

    Orders are those of the next `weeks`; the interval, of 95 %, is of the expectation. Raises DataRefused when a cohort
    cannot carry the model.
    """
    _require_fit(fit)
    require_one_a_row(customers)
    require_customers(customers)
    require_number("weeks", weeks, at_least=0)
    parts = customers.groupby(of_customers("cohort", cohort, customers.index))
    rows = {name: _row(fit, part, weeks) for name, part in parts}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis(str(cohort.name or "cohort"))


def drift(fit: Callable[[pd.DataFrame], OrdersModel], customers: pd.DataFrame) -> Drift:
    """Compare those who came first with those who came later, half and half.

    The test is of the likelihood ratio (Wilks 1938): twice what the two fits gain over the one of all is chi-square
    with as many degrees of freedom as the model has parameters, if nothing changed. It matters when that is unlikely
    (below 1 %) and a new customer's expected orders differ by a quarter or more. Raises DataRefused when a half cannot
    carry the model.
    """
    _require_fit(fit)
    require_one_a_row(customers)
    require_customers(customers)
    cohort = cohorts_by_age(customers)
    early, late = (fit(customers[cohort == part]) for part in (1, 2))
    of_all = fit(customers)
    gain = 2 * (log_likelihood(early) + log_likelihood(late) - log_likelihood(of_all))
    p_value = float(chi2.sf(max(gain, 0.0), len(of_all.params_)))
    weeks = float(customers["T"][cohort == 2].max())
    before, now = (float(expected_orders(each, _NEW, weeks=weeks).iloc[0]) for each in (early, late))
    matters = p_value < _UNLIKELY and not 1 / _MATTERS < now / before < _MATTERS
    figures = f"{now:.2f} orders in their first {weeks:.0f} weeks, against {before:.2f} (p = {p_value:.4f})"
    if matters:
        return Drift(
            p_value,
            True,
            f"Customers who came later buy differently: {figures}. Fit them by themselves, see by_cohort.",
        )
    return Drift(p_value, False, f"Customers who came later buy about as those before: {figures}.")


def _require_fit(fit: object) -> None:
    if not callable(fit):
        raise DataRefused(f"fit must be a function such as bgnbd.fit, not a {type(fit).__name__}.")


def _row(fit: Callable[[pd.DataFrame], OrdersModel], customers: pd.DataFrame, weeks: float) -> dict[str, float]:
    if customers.empty:
        raise DataRefused("A cohort has no customers.")
    fitter = fit(customers)

    def of_new(model: OrdersModel) -> np.ndarray:
        return expected_orders(model, _NEW, weeks=weeks).to_numpy()

    low, high = interval([fitter], of_new, POSITIVE)
    estimates = {str(name): float(value) for name, value in fitter.params_.items()}
    found = {"expected_orders": float(of_new(fitter)[0]), "low": float(low[0]), "high": float(high[0])}
    return {"customers": len(customers)} | estimates | found
