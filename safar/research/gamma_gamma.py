"""Gamma-Gamma: what a customer spends an order, given the few orders seen.

Amounts vary around a customer's own mean, which does not change with time; means vary between customers and are
independent of how often they buy. An order's amount is Gamma(p, nu), nu is Gamma(q, gamma) over customers.

Fader, Hardie (2013), "The Gamma-Gamma Model of Monetary Value", brucehardie.com/notes/025. Money is in the currency
of the observation.
"""

import numpy as np
import pandas as pd

from safar.errors import DataRefused
from safar.research.fitters import GammaGammaFitter
from safar.research.fitting import fit_or_refuse, require_repeaters
from safar.research.likelihood.maximum import Array
from safar.research.require import require_spend_model, require_spending

_STRONG = 0.3
"""A correlation of frequency and spend that the model should not be asked to overlook; in CDNOW it is 0.11."""

_LIKELY = "amounts vary too little, or a few are far above the rest"


def spenders(customers: pd.DataFrame) -> pd.DataFrame:
    """The customers who bought again and paid something: those the model can be fitted on.

    Raises DataRefused for patterns, and for customers without `frequency` and `monetary`.
    """
    require_spending(customers)
    return customers[(customers["frequency"] > 0) & (customers["monetary"] > 0)]


def fit(customers: pd.DataFrame) -> GammaGammaFitter:
    """Maximise the likelihood (eq. 1a) over `spenders` and return the fitter of `lifetimes` itself.

    The library calls gamma `v`. Raises DataRefused when the data cannot carry three parameters; when q <= 1, for then
    the mean over customers is infinite; and when amounts clearly depend on how often customers buy, which the model
    takes to be independent.
    """
    repeaters = spenders(customers)
    paid = customers["frequency"].where(customers["monetary"] > 0, 0)
    require_repeaters(customers.assign(frequency=paid), "Gamma-Gamma", "paid something")
    _require_independence(repeaters)
    fitter: GammaGammaFitter = fit_or_refuse(
        lambda: GammaGammaFitter().fit(repeaters["frequency"], repeaters["monetary"]), "Gamma-Gamma", _LIKELY
    )
    if fitter.params_["q"] <= 1:
        raise DataRefused(
            f"Gamma-Gamma finds q = {fitter.params_['q']:.3f}: with q <= 1 the mean order has no finite value."
        )
    return fitter


def _require_independence(repeaters: pd.DataFrame) -> None:
    found, size = spend_frequency_correlation(repeaters), len(repeaters)
    # By Fisher's transformation: a few customers can look correlated by chance.
    with np.errstate(divide="ignore"):  # of a perfect correlation
        surely = np.tanh(np.arctanh(abs(found)) - 1.96 / np.sqrt(size - 3))
    if surely > _STRONG:
        raise DataRefused(
            f"Customers who buy more often spend {'more' if found > 0 else 'less'} an order (correlation {found:.2f}), "
            "and Gamma-Gamma takes the two to be independent. Value groups of similar frequency apart, or take each "
            "customer's own mean for the value of an order."
        )


def log_likelihood(fitter: GammaGammaFitter) -> float:
    """The log-likelihood of all spenders (`lifetimes` keeps a mean per customer)."""
    require_spend_model(fitter)
    return float(-fitter._negative_log_likelihood_ * fitter.data["weights"].sum())


def expected_order_value(fitter: GammaGammaFitter, customers: pd.DataFrame) -> pd.Series:
    """E(amount of an order | x, mean seen) of each customer (eq. 5): between their own mean and everybody's.

    Raises DataRefused for patterns, and for customers without `frequency` and `monetary`.
    """
    require_spend_model(fitter)
    require_spending(customers)
    return pd.Series(mean_amount(fitter, customers), customers.index, name="expected_order_value")


def mean_amount(fitter: GammaGammaFitter, customers: pd.DataFrame) -> Array:
    """`expected_order_value` of what was checked before."""
    columns = (customers[name].to_numpy(float) for name in ("frequency", "monetary"))
    return np.asarray(fitter.conditional_expected_average_profit(*columns))


def spend_square(fitter: GammaGammaFitter, customers: pd.DataFrame, orders: Array, orders_square: Array) -> pd.Series:
    """E(Z^2) of what each customer spends in Y orders, of which E(Y) and E(Y^2) are given, of what was checked before.

    With nu known, an amount has mean p / nu and variance p / nu^2, so E(Z^2 | nu) = (p E(Y) + p^2 E(Y^2)) / nu^2; and
    nu given the past is Gamma(p x + q, gamma + x m) (section 2). Raises DataRefused when q <= 2.
    """
    p, q, gamma = fitter.params_
    if q <= 2:
        raise DataRefused(f"Gamma-Gamma finds q = {q:.3f}: with q <= 2 amounts vary without bound between customers.")
    x = customers["frequency"]
    shape, rate = p * x + q, gamma + x * customers["monetary"]
    square: pd.Series = (p * orders + p**2 * orders_square) * rate**2 / ((shape - 1) * (shape - 2))
    return square


def spend_frequency_correlation(customers: pd.DataFrame) -> float:
    """Pearson correlation of mean amount and frequency over `spenders`; the model assumes it is near 0.

    It is NaN where all are alike. Raises DataRefused as `spenders` does.
    """
    repeaters = spenders(customers)
    return float(repeaters["frequency"].corr(repeaters["monetary"]))
