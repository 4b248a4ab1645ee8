"""The fitters of `lifetimes` with an exact search for the maximum of the likelihood, and with right covariances.

The library is archived and good: its models are right on current numpy and pandas. Replaced here is how it looks for
the maximum, which is slow and ends a little beside it, its covariances, which are wrong off the diagonal or not there
at all, and two formulas where they fail. Around it stands what its age costs: a deprecated pandas option at import.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import hyp2f1

from safar.research.likelihood import beta_geometric, pareto
from safar.research.likelihood.gamma_gamma import GammaGamma
from safar.research.likelihood.maximum import Array, LogLikelihood, Maximum, NoMaximum, maximise

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="The 'mode.chained_assignment' option is deprecated")
    import lifetimes

__all__ = ["BetaGeoFitter", "GammaGammaFitter", "ModifiedBetaGeoFitter", "ParetoNBDFitter", "lifetimes"]

# Of many patterns every so manyth shows where about the maximum is.
_MANY, _EVERY = 20_000, 16

_START = 0.1
"""The logarithm that `lifetimes` starts each parameter at, with the longest time rescaled to 1."""


class _Exact:
    """What a fitter of `lifetimes` inherits first: our search in the place of its own."""

    _columns: tuple[str, ...] = ("frequency", "recency", "T", "weights")

    @staticmethod
    def _likelihood(*data: Array) -> LogLikelihood:
        raise NotImplementedError

    def likelihood(self) -> LogLikelihood:
        """Of the parameters, time in weeks: the log-likelihood of the data that was fitted, and its gradient."""
        data: pd.DataFrame = self.data  # type: ignore[attr-defined]
        return self._likelihood(*(data[name].to_numpy(float) for name in self._columns))

    def _fit(self, arguments: tuple[Any, ...], initial: Array | None, size: int, *_: object, **__: object) -> Any:  # noqa: ANN401
        """As the library expects it: logarithms of the parameters, the mean loss, its second derivatives."""
        *data, penalizer = arguments
        if penalizer:
            raise ValueError("penalizer_coef must be 0: a penalised likelihood is none.")
        columns = [np.asarray(column, float) for column in data]
        start = np.exp(np.full(size, _START) if initial is None else initial)
        found = self._maximum(columns, start)
        return np.log(found.parameters), -found.log_likelihood / columns[-1].sum(), found.curvature

    def _maximum(self, columns: Sequence[Array], start: Array) -> Maximum:
        curvature = None
        if len(columns[0]) > _MANY:
            with suppress(NoMaximum):  # of these few; the others may tell more
                of_few = self._maximum([column[::_EVERY] for column in columns], start)
                start, curvature = of_few.parameters, of_few.curvature
        return maximise(self._likelihood(*columns), start, float(columns[-1].sum()), curvature)

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
        return beta_geometric.BetaGeometric(*data, modified=False)

    def conditional_expected_number_of_purchases_up_to_time(
        self,
        t: float | Array,
        frequency: ArrayLike,
        recency: ArrayLike,
        T: ArrayLike,  # noqa: N803
    ) -> Array:
        """E(orders in the next t | x, t_x, T), Fader, Hardie, Lee (2005), eq. 10.

        After Euler's transformation of the hypergeometric function, so that nothing overflows. The library takes its
        logarithm, which it has not where a + b < 1 and x = 0.
        """
        r, alpha, a, b = self.params_
        x, age = np.asarray(frequency, float), np.asarray(T, float)
        within, last = t / (alpha + age + t), a + b + x - 1
        stayed = (1 - within) ** (a - 1) * hyp2f1(a + b - 1 - r, a - 1, last, within)
        alive = self.conditional_probability_alive(frequency, recency, T)
        return np.asarray(last / (a - 1) * (1 - stayed) * alive)

    def orders_to_come(self, frequency: Array, age: Array, weeks: float | Array) -> Iterator[Array]:
        """P(n orders in the next `weeks` | alive) of n = 0, 1, 2, ..."""
        return beta_geometric.orders_to_come(self.params_, frequency, age, weeks, modified=False)


class ModifiedBetaGeoFitter(_Exact, lifetimes.ModifiedBetaGeoFitter):  # type: ignore[misc]
    """`lifetimes.ModifiedBetaGeoFitter` (MBG/NBD) at the exact maximum, with the right `variance_matrix_`."""

    @staticmethod
    def _likelihood(*data: Array) -> LogLikelihood:
        return beta_geometric.BetaGeometric(*data, modified=True)

    def orders_to_come(self, frequency: Array, age: Array, weeks: float | Array) -> Iterator[Array]:
        """P(n orders in the next `weeks` | alive) of n = 0, 1, 2, ..."""
        return beta_geometric.orders_to_come(self.params_, frequency, age, weeks, modified=True)


class ParetoNBDFitter(_Exact, lifetimes.ParetoNBDFitter):  # type: ignore[misc]
    """`lifetimes.ParetoNBDFitter` at the exact maximum.

    With what the library's lacks: a covariance, and a P(alive) that holds for customers with very many orders.
    """

    @staticmethod
    def _likelihood(*data: Array) -> LogLikelihood:
        return pareto.ParetoNBD(*data)

    def fit(self, *columns: Any, **options: Any) -> Any:  # noqa: ANN401
        """As the library's, and with `variance_matrix_`, `standard_errors_` and `confidence_intervals_`."""
        super().fit(*columns, **options)
        self._hessian_ = self._curvature
        self.variance_matrix_ = self._compute_variance_matrix()
        self.standard_errors_ = self._compute_standard_errors()
        self.confidence_intervals_ = self._compute_confidence_intervals()
        return self

    def _fit(self, arguments: tuple[Any, ...], *options: Any, **_: object) -> Any:  # noqa: ANN401
        """The library takes parameters here, and a sum divided by the mean weight."""
        _, initial, size, *_rest = options
        logs, loss, self._curvature = super()._fit(arguments, initial, size)
        return np.exp(logs), loss * np.size(arguments[3])

    def conditional_probability_alive(self, frequency: ArrayLike, recency: ArrayLike, T: ArrayLike) -> Array:  # noqa: N803
        """P(alive | x, t_x, T), Fader and Hardie (2005), eq. 36."""
        columns = np.broadcast_arrays(*(np.asarray(column, float) for column in (frequency, recency, T)))
        alive = pareto.death(self.params_, *(np.ravel(column) for column in columns)).alive
        return alive.reshape(columns[0].shape)

    def conditional_expected_number_of_purchases_up_to_time(
        self,
        t: float | Array,
        frequency: ArrayLike,
        recency: ArrayLike,
        T: ArrayLike,  # noqa: N803
    ) -> Array:
        """E(orders in the next t | x, t_x, T), Fader and Hardie (2005), eq. 41."""
        r, alpha, s, beta = self.params_
        x, age = np.asarray(frequency, float), np.asarray(T, float)
        until_death = (beta + age) / (s - 1) * (1 - ((beta + age) / (beta + age + t)) ** (s - 1))
        alive = self.conditional_probability_alive(frequency, recency, T)
        return np.asarray((r + x) / (alpha + age) * until_death * alive)

    def orders_to_come(self, frequency: Array, age: Array, weeks: float | Array) -> Iterator[Array]:
        """P(n orders in the next `weeks` | alive) of n = 0, 1, 2, ..."""
        return pareto.orders_to_come(self.params_, frequency, age, weeks)


class GammaGammaFitter(_Exact, lifetimes.GammaGammaFitter):  # type: ignore[misc]
    """`lifetimes.GammaGammaFitter` at the exact maximum, with the right `variance_matrix_`."""

    _columns = ("frequency", "monetary_value", "weights")

    @staticmethod
    def _likelihood(*data: Array) -> LogLikelihood:
        return GammaGamma(*data)

    def _fit(
        self, arguments: tuple[Any, ...], initial: Array | None, size: int, *rest: object, **options: object
    ) -> Any:  # noqa: ANN401
        """In units of the middle amount, so that the search is the same for cents and for millions."""
        frequency, monetary, *others = arguments
        unit = float(np.median(monetary))
        shift = np.log([1.0, 1.0, unit])
        start = None if initial is None else initial - shift
        logs, loss, curvature = super()._fit((frequency, monetary / unit, *others), start, size, *rest, **options)
        return logs + shift, loss + np.log(unit), curvature
