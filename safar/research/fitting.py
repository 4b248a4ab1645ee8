"""A fit, or a refusal in words where it would give nonsense."""

import warnings
from collections.abc import Callable
from typing import TypeVar

import numpy as np
import pandas as pd

from safar.errors import DataRefused
from safar.research.fitters import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter, ParetoNBDFitter
from safar.research.likelihood.maximum import NoMaximum, maximise
from safar.research.likelihood.negative_binomial import NegativeBinomial
from safar.research.require import require_customers, require_orders_model

_FEWEST_REPEATERS = 30

# A parameter whose logarithm has a standard error above this may as well be a thousand times larger or smaller.
_LARGEST_RELATIVE_ERROR = 3.0

# Half of the 95 % point of chi-square with two degrees of freedom: what two useless parameters gain by chance.
_WORTH_TWO_PARAMETERS = 3.0


OrdersFitter = TypeVar("OrdersFitter", BetaGeoFitter, ModifiedBetaGeoFitter, ParetoNBDFitter)
Fitter = TypeVar("Fitter", BetaGeoFitter, ModifiedBetaGeoFitter, ParetoNBDFitter, GammaGammaFitter)


def fit_orders(fitter: OrdersFitter, model: str, customers: pd.DataFrame) -> OrdersFitter:
    """Fit a model of buying on customers, or on patterns of them. Raises DataRefused."""
    require_customers(customers)
    patterns = customers if "customers" in customers else grouped(customers)
    require_repeaters(patterns, model)
    columns = [patterns[name] for name in ("frequency", "recency", "T", "customers")]
    likely = "customers show no sign of stopping, or all stop at once"
    fitted: OrdersFitter = fit_or_refuse(lambda: fitter.fit(*columns), model, likely)
    if log_likelihood(fitted) - _without_dropout(patterns) < _WORTH_TWO_PARAMETERS:
        raise DataRefused(
            f"{model} has nothing to learn about stopping: a model in which nobody stops (NBD) describes these "
            "customers as well. Watch them for longer."
        )
    return fitted


def log_likelihood(fitter: OrdersFitter) -> float:
    """The log-likelihood of all customers, in weeks, as in the papers.

    `lifetimes` keeps a mean (of the Pareto/NBD one a row) in time divided by the longest T: each repeat purchase owes
    ln(scale). Raises DataRefused for anything but a fitted model of buying.
    """
    require_orders_model(fitter)
    data = fitter.data
    mean_of = data["weights"].mean() if isinstance(fitter, ParetoNBDFitter) else data["weights"].sum()
    rescaled = (data["frequency"] * data["weights"]).sum() * np.log(fitter._scale)
    return float(-fitter._negative_log_likelihood_ * mean_of + rescaled)


def _without_dropout(patterns: pd.DataFrame) -> float:
    frequency, age, weights = (patterns[name].to_numpy(float) for name in ("frequency", "T", "customers"))
    nobody_stops = NegativeBinomial(frequency, age, weights)
    try:
        return maximise(nobody_stops, np.array([1.0, age.max()]), weights.sum()).log_likelihood
    except NoMaximum:  # it describes them in no way
        return -np.inf


def grouped(customers: pd.DataFrame) -> pd.DataFrame:
    """Equal customers as one row: `frequency`, `recency`, `T`, and how many `customers` they are."""
    return customers.groupby(["frequency", "recency", "T"]).size().reset_index(name="customers")


def require_repeaters(customers: pd.DataFrame, model: str, did: str = "bought") -> None:
    """Raise DataRefused when too few customers bought again for the model to have anything to learn from."""
    bought_again = customers["frequency"] > 0
    weights = customers["customers"] if "customers" in customers else bought_again | True
    repeaters = int(weights[bought_again].sum())
    if repeaters < _FEWEST_REPEATERS:
        raise DataRefused(
            f"{model} needs {_FEWEST_REPEATERS} customers who {did} on a second day; "
            f"of {int(weights.sum())}, {repeaters} did."
        )


def fit_or_refuse(fit: Callable[[], Fitter], model: str, likely: str) -> Fitter:
    """Run a fit; raise DataRefused with the `likely` reason when it finds no maximum, or a flat one."""
    with warnings.catch_warnings():  # the library changes the filters
        try:
            fitter = fit()
        except NoMaximum:
            raise DataRefused(f"{model} finds no maximum of the likelihood in this data: {likely}.") from None
    loose = fitter.standard_errors_ / fitter.params_ > _LARGEST_RELATIVE_ERROR
    if loose.any():
        names = ", ".join(fitter.params_.index[loose])
        raise DataRefused(f"{model} cannot tell {names} from this data: {likely}.")
    return fitter
