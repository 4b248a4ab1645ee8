"""The fitters of `lifetimes` with an exact search, and refusals in words where they would give nonsense.

The library is archived and good: its models are right on current numpy and pandas. Replaced here is how it looks for
the maximum of the likelihood, which is slow and ends a little beside it, and its covariances, which are wrong off the
diagonal. Around it stands only what its age costs: a deprecated pandas option at import, filters it leaves behind.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any, TypeVar, cast

import numpy as np
import pandas as pd

from safar.errors import DataRefused
from safar.research.beta_geometric import BetaGeometric
from safar.research.gamma_gamma_likelihood import GammaGamma
from safar.research.maximum import Array, LogLikelihood, Maximum, NoMaximum, maximise
from safar.research.negative_binomial import NegativeBinomial

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="The 'mode.chained_assignment' option is deprecated")
    import lifetimes

__all__ = [
    "BetaGeoFitter",
    "GammaGammaFitter",
    "ModifiedBetaGeoFitter",
    "fit_or_refuse",
    "fit_orders",
    "grouped",
    "lifetimes",
    "require_repeaters",
]

_FEWEST_REPEATERS = 30

# A parameter whose logarithm has a standard error above this may as well be a thousand times larger or smaller.
_LARGEST_RELATIVE_ERROR = 3.0

# Half of the 95 % point of chi-square with two degrees of freedom: what two useless parameters gain by chance.
_WORTH_TWO_PARAMETERS = 3.0

# Of many patterns every so manyth shows where about the maximum is.
_MANY, _EVERY = 20_000, 16

_START = 0.1
"""The logarithm that `lifetimes` starts each parameter at, with the longest time rescaled to 1."""


class _Exact:
    """What a fitter of `lifetimes` inherits first: our search in the place of its own."""

    @staticmethod
    def _likelihood(*data: Array) -> LogLikelihood:
        raise NotImplementedError

    def _fit(self, arguments: tuple[Any, ...], initial: Array | None, size: int, *_: object, **__: object) -> Any:  # noqa: ANN401
        """As the library expects it: logarithms of the parameters, the mean loss, its second derivatives."""
        *data, penalizer = arguments
        if penalizer:
            raise ValueError("penalizer_coef must be 0: a penalised likelihood is none.")
        columns = [np.asarray(column, float) for column in data]
        start = np.exp(np.full(size, _START) if initial is None else initial)
        if initial is None and len(columns[0]) > _MANY:
            start = self._maximum([column[::_EVERY] for column in columns], start).parameters
        found = self._maximum(columns, start)
        return np.log(found.parameters), -found.log_likelihood / columns[-1].sum(), found.curvature

    def _maximum(self, columns: Sequence[Array], start: Array) -> Maximum:
        return maximise(self._likelihood(*columns), start, float(columns[-1].sum()))

    def _compute_variance_matrix(self) -> pd.DataFrame:
        """Of the parameters, from the second derivatives in their logarithms by the delta method."""
        estimates: pd.Series = self.params_  # type: ignore[attr-defined]
        customers = self.data["weights"].sum()  # type: ignore[attr-defined]
        of_logs = np.linalg.inv(self._hessian_) / customers  # type: ignore[attr-defined]
        return pd.DataFrame(of_logs * np.outer(estimates, estimates), estimates.index, estimates.index)


class BetaGeoFitter(_Exact, lifetimes.BetaGeoFitter):  # type: ignore[misc]
    """`lifetimes.BetaGeoFitter` (BG/NBD) at the exact maximum, with the right `variance_matrix_`."""

    @staticmethod
    def _likelihood(*data: Array) -> LogLikelihood:
        return BetaGeometric(*data, modified=False)


class ModifiedBetaGeoFitter(_Exact, lifetimes.ModifiedBetaGeoFitter):  # type: ignore[misc]
    """`lifetimes.ModifiedBetaGeoFitter` (MBG/NBD) at the exact maximum, with the right `variance_matrix_`."""

    @staticmethod
    def _likelihood(*data: Array) -> LogLikelihood:
        return BetaGeometric(*data, modified=True)


class GammaGammaFitter(_Exact, lifetimes.GammaGammaFitter):  # type: ignore[misc]
    """`lifetimes.GammaGammaFitter` at the exact maximum, with the right `variance_matrix_`."""

    @staticmethod
    def _likelihood(*data: Array) -> LogLikelihood:
        return GammaGamma(*data)


Fitter = TypeVar("Fitter", BetaGeoFitter, ModifiedBetaGeoFitter, GammaGammaFitter)
OrdersFitter = TypeVar("OrdersFitter", BetaGeoFitter, ModifiedBetaGeoFitter)


def fit_orders(fitter: OrdersFitter, model: str, customers: pd.DataFrame) -> OrdersFitter:
    """Fit a model of buying on customers, or on patterns of them. Raises DataRefused."""
    patterns = customers if "customers" in customers else grouped(customers)
    require_repeaters(patterns, model)
    columns = [patterns[name] for name in ("frequency", "recency", "T", "customers")]
    likely = "customers show no sign of stopping, or all stop at once"
    fitted = fit_or_refuse(lambda: cast(OrdersFitter, fitter.fit(*columns)), model, likely)
    if log_likelihood(fitted) - _without_dropout(patterns) < _WORTH_TWO_PARAMETERS:
        raise DataRefused(
            f"{model} has nothing to learn about stopping: a model in which nobody stops (NBD) describes these "
            "customers as well. Watch them for longer."
        )
    return fitted


def log_likelihood(fitter: OrdersFitter) -> float:
    """The log-likelihood of all customers, in weeks, as in the papers.

    `lifetimes` keeps a mean per customer, in time divided by the longest T: each repeat purchase owes ln(scale).
    """
    data = fitter.data
    rescaled = (data["frequency"] * data["weights"]).sum() * np.log(fitter._scale)
    return float(-fitter._negative_log_likelihood_ * data["weights"].sum() + rescaled)


def _without_dropout(patterns: pd.DataFrame) -> float:
    frequency, age, weights = (patterns[name].to_numpy(float) for name in ("frequency", "T", "customers"))
    nobody_stops = NegativeBinomial(frequency, age, weights)
    return maximise(nobody_stops, np.array([1.0, age.max()]), weights.sum()).log_likelihood


def grouped(customers: pd.DataFrame) -> pd.DataFrame:
    """Equal customers as one row: `frequency`, `recency`, `T`, and how many `customers` they are."""
    return customers.groupby(["frequency", "recency", "T"]).size().reset_index(name="customers")


def require_repeaters(customers: pd.DataFrame, model: str) -> None:
    """Raise DataRefused when too few customers bought again for the model to have anything to learn from."""
    bought_again = customers["frequency"] > 0
    weights = customers["customers"] if "customers" in customers else bought_again | True
    repeaters = int(weights[bought_again].sum())
    if repeaters < _FEWEST_REPEATERS:
        raise DataRefused(
            f"{model} needs {_FEWEST_REPEATERS} customers who bought on a second day; "
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
