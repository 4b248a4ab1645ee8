"""How far estimates may be off: parameters, and whatever follows from them, with an interval each.

One number, such as a parameter, has a likelihood-ratio interval: every value that the data do not speak against
(`likelihood.ratio`). It holds the truth as often as it says for few customers too.

What follows for many customers at once is worked out again at one standard error from the estimates in each of the k
independent directions of their logarithms; the squares of the changes add up to a variance (the delta method, Davison
2003, "Statistical Models", section 4.2.2, with steps as long as the uncertainty itself, which takes some of the
curvature along). These intervals are normal on the scale of a link: logarithm for what is positive, logit for
probabilities.
"""

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import norm

from safar.errors import DataRefused
from safar.research.fitters import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter, ParetoNBDFitter
from safar.research.likelihood import ratio
from safar.research.likelihood.maximum import Array
from safar.research.require import require_any_model, require_number

Fitter = TypeVar("Fitter", BetaGeoFitter, ModifiedBetaGeoFitter, ParetoNBDFitter, GammaGammaFitter)


@dataclass(frozen=True)
class Link:
    """A scale on which an estimate may be taken to be normal, and the way back."""

    to: Callable[[Any], Any]
    back: Callable[[Any], Any]


POSITIVE = Link(np.log, np.exp)
PROBABILITY = Link(logit, expit)


_ENOUGH = 50_000
"""Of more distinct customers both kinds of interval are the same to a fiftieth of their length."""


def parameters(fitter: Any, *, level: float = 0.95) -> pd.DataFrame:  # noqa: ANN401 - any fitter of `fitting`
    """`estimate`, `standard_error`, and `low` and `high` of an interval that holds the truth `level` of the time.

    It is that of `likelihood_interval`; of more than 50,000 distinct customers the normal one in the logarithm, which
    is the same then and quicker. Raises DataRefused for anything but a fitted model.
    """
    require_any_model(fitter)
    estimates, errors = fitter.params_, fitter.standard_errors_
    if len(fitter.data) > _ENOUGH:
        half = np.exp(quantile(level) * errors / estimates)
        low, high = estimates / half, estimates * half
    else:
        found = [likelihood_interval(fitter, itemgetter(name), POSITIVE, level=level) for name in estimates.index]
        low, high = np.transpose(found)
    return pd.DataFrame({"estimate": estimates, "standard_error": errors, "low": low, "high": high})


def likelihood_interval(
    fitter: Any,  # noqa: ANN401 - any fitter of `fitting`
    statistic: Callable[["pd.Series[float]"], float],
    link: Link,
    *,
    level: float = 0.95,
) -> tuple[float, float]:
    """`low` and `high` of one number that follows from the parameters, such as a / (a + b) of `fitter.params_`.

    It is worked out on the scale of `link`, and open (0, 1 or infinite) on a side where the data set no bound. A search
    over the parameters: about 100 looks at all distinct customers. Raises DataRefused for anything but a fitted model,
    and for a number that does not fit the link.
    """
    require_any_model(fitter)
    names = fitter.params_.index
    with np.errstate(all="ignore"):
        estimate = link.to(statistic(fitter.params_))
    if not np.isfinite(estimate):
        raise DataRefused("The number is none, or is outside of the link's range, at the estimates: take another link.")
    low, high = ratio.bounds(
        fitter.likelihood(),
        fitter.params_.to_numpy(float),
        directions(fitter),
        lambda values: float(link.to(statistic(pd.Series(values, names)))),
        quantile(level) ** 2 / 2,
    )
    return float(link.back(low)), float(link.back(high))


def interval(
    models: Sequence[Any], statistic: Callable[..., Array], link: Link, *, level: float = 0.95
) -> tuple[Array, Array]:
    """`low` and `high` of what `statistic(*models)` gives for each row: how far the parameters may be off, no more.

    The models were fitted independently of each other. Where there is nothing to be off, as for a probability of 1,
    both are the estimate. Raises DataRefused for models that were not fitted.
    """
    with np.errstate(all="ignore"):
        middle = link.to(statistic(*models))
        off = quantile(level) * np.sqrt(sum(change**2 for change in changes(models, statistic, link)))
        off = np.where(np.isfinite(middle), off, 0)
        return link.back(middle - off), link.back(middle + off)


def changes(models: Sequence[Any], statistic: Callable[..., Array], link: Link) -> list[Array]:
    """What one standard error in each direction changes, on the scale of `link`; their squares add up to a variance."""
    found = []
    for place, model in enumerate(models):
        for step in directions(model):
            up, down = (
                link.to(statistic(*models[:place], moved(model, side * step), *models[place + 1 :])) for side in (1, -1)
            )
            found.append((up - down) / 2)
    return found


def directions(fitter: Fitter) -> Array:
    """k independent steps of one standard error, one a row, in the logarithms of the k parameters."""
    require_any_model(fitter)
    estimates = fitter.params_.to_numpy()
    return np.asarray(np.linalg.cholesky(fitter.variance_matrix_.to_numpy() / np.outer(estimates, estimates)).T)


def representatives(fitter: Fitter) -> Iterator[Fitter]:
    """2 k sets of parameters with the mean and the covariance of the estimates (Julier, Uhlmann 1997, eq. 12)."""
    steps = directions(fitter)
    for step in steps * np.sqrt(len(steps)):
        yield moved(fitter, step)
        yield moved(fitter, -step)


def moved(fitter: Fitter, step: Array) -> Fitter:
    """The same model with other parameters, for predictions only."""
    other = copy.copy(fitter)
    other.params_ = fitter.params_ * np.exp(step)
    return other


def quantile(level: float) -> float:
    """How many standard errors an interval of that level goes to each side. Raises DataRefused outside of 0 to 1."""
    require_number("level", level)
    if not 0 < level < 1:
        raise DataRefused(f"level must be between 0 and 1, such as 0.95, not {level:g}.")
    return float(norm.ppf((1 + level) / 2))
