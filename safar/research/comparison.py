"""Which model of buying to use here, and why: all of them fitted on the same customers and held against what came."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from safar.errors import DataRefused
from safar.research import bgnbd, mbgnbd, pareto_nbd
from safar.research.calibration import chi_square, repeat_orders
from safar.research.forecast import probability_of
from safar.research.orders import OrdersModel, expected_orders, log_likelihood
from safar.research.require import require_customers, require_number, require_one_a_row

MODELS: Mapping[str, Callable[[pd.DataFrame], OrdersModel]] = {
    "BG/NBD": bgnbd.fit,
    "MBG/NBD": mbgnbd.fit,
    "Pareto/NBD": pareto_nbd.fit,
}
"""The simplest first: of two that are about as good, it is taken."""

_ABOUT_AS_GOOD = 2.0
"""A difference of log-likelihoods, of as many parameters, that says little (Burnham, Anderson 2002, section 2.6: half
of the "substantial support" of an AIC difference of 4)."""

_UNLIKELY = 0.01


@dataclass(frozen=True)
class Choice:
    """The model to use: its name, its fit, why, and the table of all of them.

    `fitted` are all that these customers can carry, the simplest first; why they cannot carry the others says
    `refused`, by the names of those, and `why` repeats it.
    """

    model: str
    fitter: OrdersModel
    why: str
    table: pd.DataFrame
    fitted: Mapping[str, OrdersModel]
    refused: Mapping[str, str]


def compare(customers: pd.DataFrame, *, holdout_weeks: float = 0.0) -> pd.DataFrame:
    """One row a model that the customers can carry.

    - `log_likelihood`, in the calibration; all models have four parameters;
    - `p_value` of the chi-square test on customers by number of repeat orders: small where the model does not fit;

    and with a holdout, from the forecasts of each customer's orders in it:

    - `log_score`: the sum of ln P(orders that came), by the model's own forecast: higher is better;
    - `total`: expected orders of all as a share of those that came;
    - `mae` and `rmse` of the expectation, in orders a customer.

    Raises DataRefused when no model can be fitted, with the reason of the first.
    """
    fitted, _ = _fitted(customers, holdout_weeks)
    return _table(fitted, customers, holdout_weeks)


def choose(customers: pd.DataFrame, *, holdout_weeks: float = 0.0) -> Choice:
    """The model that forecast the holdout best or, without one, that describes the calibration best.

    Of those that are about as good as the best the simplest is taken. Raises DataRefused as `compare` does.
    """
    fitted, refused = _fitted(customers, holdout_weeks)
    table = _table(fitted, customers, holdout_weeks)
    measure = "log_score" if holdout_weeks > 0 else "log_likelihood"
    scores = {str(name): float(score) for name, score in table[measure].items()}
    name = next(name for name, score in scores.items() if max(scores.values()) - score <= _ABOUT_AS_GOOD)
    why = (
        _why(name, scores, measure) + _doubt(float(table["p_value"][name])) + "".join(f" {r}" for r in refused.values())
    )
    return Choice(name, fitted[name], why, table, fitted, refused)


def _fitted(customers: pd.DataFrame, holdout_weeks: float) -> tuple[dict[str, OrdersModel], dict[str, str]]:
    """The models that can be fitted, and of each other one the reason why not."""
    require_number("holdout_weeks", holdout_weeks, at_least=0)
    require_one_a_row(customers)
    require_customers(customers, *(("holdout",) if holdout_weeks else ()))
    fitted, refused = {}, {}
    for name, fit in MODELS.items():
        try:
            fitted[name] = fit(customers)
        except DataRefused as refusal:
            refused[name] = str(refusal)
    if not fitted:
        raise DataRefused(next(iter(refused.values())))
    return fitted, refused


def _table(fitted: Mapping[str, OrdersModel], customers: pd.DataFrame, weeks: float) -> pd.DataFrame:
    rows = {name: _row(fitter, customers, weeks) for name, fitter in fitted.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("model")


def _row(fitter: OrdersModel, customers: pd.DataFrame, weeks: float) -> dict[str, float]:
    row = {
        "log_likelihood": log_likelihood(fitter),
        "p_value": chi_square(repeat_orders(fitter, customers)).p_value,
    }
    if weeks > 0:
        came, expected = customers["holdout"], expected_orders(fitter, customers, weeks=weeks)
        off = expected - came
        row["log_score"] = float(np.log(probability_of(fitter, customers, came, weeks=weeks)).sum())
        row["total"] = float(expected.sum() / came.sum()) if came.any() else np.nan
        row["mae"], row["rmse"] = float(off.abs().mean()), float(np.sqrt((off**2).mean()))
    return row


def _why(name: str, scores: Mapping[str, float], measure: str) -> str:
    what = {
        "log_score": "forecasts what each customer ordered in the holdout",
        "log_likelihood": "describes what each customer did",
    }[measure]
    if len(scores) == 1:
        return f"{name} is the only model that these customers can carry."
    best, second = sorted(scores, key=scores.__getitem__, reverse=True)[:2]
    if name == best:
        return f"{name} {what} best, {scores[best] - scores[second]:.1f} in log-likelihood before {second}."
    behind = scores[best] - scores[name]
    return f"{name} {what} about as well as {best}, {behind:.1f} in log-likelihood behind it, and is simpler."


def _doubt(p_value: float) -> str:
    if p_value >= _UNLIKELY:
        return ""
    return f" Yet it does not describe how many repeat orders customers place (chi-square, p = {p_value:.4f})."
