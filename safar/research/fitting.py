"""What the fits have in common: `lifetimes` kept quiet, and refusals in words where it would give nonsense.

The library is archived and good: it fits correctly on current numpy and pandas. Around it stand only what its age
costs: a deprecated pandas option at import, filters it leaves in the process, a result it prints when it fails.
"""

import io
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from safar.errors import DataRefused

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="The 'mode.chained_assignment' option is deprecated")
    from lifetimes import BetaGeoFitter, GammaGammaFitter
    from lifetimes.utils import ConvergenceError

__all__ = ["BetaGeoFitter", "GammaGammaFitter", "fit_or_refuse", "parameters", "require_repeaters"]

Fitter = TypeVar("Fitter", BetaGeoFitter, GammaGammaFitter)

_FEWEST_REPEATERS = 30

# A parameter whose logarithm has a standard error above this may as well be a thousand times larger or smaller.
_LARGEST_RELATIVE_ERROR = 3.0


def require_repeaters(customers: pd.DataFrame, model: str) -> None:
    """Raise DataRefused when too few customers bought again for the model to have anything to learn from."""
    repeaters = int((customers["frequency"] > 0).sum())
    if repeaters < _FEWEST_REPEATERS:
        raise DataRefused(
            f"{model} needs {_FEWEST_REPEATERS} customers who bought on a second day; "
            f"of {len(customers)}, {repeaters} did."
        )


def fit_or_refuse(fit: Callable[[], Fitter], model: str, likely: str) -> Fitter:
    """Run a fit; raise DataRefused with the `likely` reason when it finds no maximum, or a flat one."""
    # The search may try parameters that overflow; what it ends with is judged below.
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), np.errstate(all="ignore"):
        try:
            fitter = fit()
        except (ConvergenceError, np.linalg.LinAlgError):
            raise DataRefused(f"{model} finds no maximum of the likelihood in this data: {likely}.") from None
    loose = fitter.standard_errors_ / fitter.params_ > _LARGEST_RELATIVE_ERROR
    loose |= ~np.isfinite(fitter.standard_errors_)
    if loose.any():
        names = ", ".join(fitter.params_.index[loose])
        raise DataRefused(f"{model} cannot tell {names} from this data: {likely}.")
    return fitter


def parameters(fitter: Any) -> pd.DataFrame:  # noqa: ANN401 - any fitter of lifetimes
    """Estimates and standard errors. (The library's covariances are wrong off the diagonal: not used.)"""
    return pd.DataFrame({"estimate": fitter.params_, "standard_error": fitter.standard_errors_})
