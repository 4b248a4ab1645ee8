"""What every customer of a source may still be worth: orders read, models fitted, each customer predicted."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from math import ceil

import numpy as np
import pandas as pd

from safar.errors import DataRefused
from safar.research import gamma_gamma
from safar.research.clv import value_interval
from safar.research.comparison import MODELS, choose
from safar.research.fitters import GammaGammaFitter
from safar.research.forecast import order_range
from safar.research.gamma_gamma import expected_order_value
from safar.research.orders import OrdersModel, expected_orders, log_likelihood, probability_alive
from safar.research.require import require_number, require_share, require_whole
from safar.research.rfm import Observation, observe, rfm_in_weeks
from safar.research.sql import time_zone
from safar.research.stability import drift
from safar.store import Store

BEST = "best"

_MOST_WEEKS, _MOST_MONTHS = 1040, 240

_ENOUGH_TO_CHOOSE = 50_000
"""Customers that tell models and times apart as well as all would; the model taken is then fitted on all."""


@dataclass(frozen=True)
class Terms:
    """What is asked of a valuation.

    `model` is one of `comparison.MODELS`, or `best`: the one that describes these customers best. Orders are expected
    for the next `weeks`; value is revenue of the next `months`, discounted by `monthly_discount_rate`; `level` is that
    of every interval. Days are those of the IANA time zone `tz`; `currency` may be empty when there is only one.
    """

    currency: str = ""
    tz: str = "UTC"
    model: str = BEST
    weeks: int = 52
    months: int = 12
    monthly_discount_rate: float = 0.01
    level: float = 0.9

    def __post_init__(self) -> None:
        """Raise DataRefused for what no run can be made by, InvalidParameter for an unknown time zone."""
        time_zone(self.tz)
        if self.model != BEST and self.model not in MODELS:
            raise DataRefused(f"The model must be {BEST} or one of {', '.join(MODELS)}, not {self.model!r}.")
        require_number("weeks", self.weeks)
        require_whole("months", self.months, at_least=1)
        require_share("monthly_discount_rate", self.monthly_discount_rate)
        require_number("level", self.level)
        if not 1 <= self.weeks <= _MOST_WEEKS or not 1 <= self.months <= _MOST_MONTHS:
            raise DataRefused(f"weeks must be from 1 to {_MOST_WEEKS}, and months from 1 to {_MOST_MONTHS}.")
        if not 0 < self.level < 1:
            raise DataRefused(f"level must be between 0 and 1, not {self.level:g}.")


@dataclass(frozen=True)
class Valuation:
    """Both fitted models, why this model of buying was taken, and one row a customer, indexed by `person`.

    Columns of `customers`: `frequency`, `recency`, `T` and `monetary` of `rfm.rfm_in_weeks`; `p_alive`;
    `expected_orders` with `orders_low` and `orders_high`, the range that what comes will lie in;
    `expected_order_value`; `value` with `value_low` and `value_high`, how far the expectation may be off.
    """

    observation: Observation
    terms: Terms
    model: str
    why: str
    orders: OrdersModel
    spend: GammaGammaFitter
    customers: pd.DataFrame

    @property
    def parameters(self) -> dict[str, float]:
        """Those of both models, time in weeks; `spend_` stands before those of Gamma-Gamma."""
        of_orders = {str(name): float(value) for name, value in self.orders.params_.items()}
        return of_orders | {f"spend_{name}": float(value) for name, value in self.spend.params_.items()}

    @property
    def log_likelihood(self) -> float:
        """Of the model of buying, all customers, in weeks."""
        return log_likelihood(self.orders)


def value_customers(
    store: Store, source: str, terms: Terms | None = None, *, step: Callable[[str], object] = lambda _: None
) -> Valuation:
    """Value every customer of `source` as of the last day that the store knows of.

    `step` is told what begins, for a progress bar. Raises DataRefused when the customers cannot carry the models.
    """
    terms = terms or Terms()
    step("reading orders")
    observation = observe(store, source, currency=terms.currency, tz=terms.tz)
    customers = rfm_in_weeks(store, observation).drop(columns="holdout")
    step("fitting")
    model, orders, why = _model_of_buying(customers, terms.model)
    spend = gamma_gamma.fit(customers)
    step("predicting")
    predicted = _predicted(orders, spend, customers, terms)
    without = int((~np.isfinite(predicted).all(axis=1)).sum())
    if without:
        raise DataRefused(f"{model} and Gamma-Gamma give {without:,} of {len(predicted):,} customers no finite value.")
    return Valuation(observation, terms, model, why, orders, spend, predicted)


def _model_of_buying(customers: pd.DataFrame, model: str) -> tuple[str, OrdersModel, str]:
    some = customers.iloc[:: ceil(len(customers) / _ENOUGH_TO_CHOOSE)]
    if model == BEST:
        choice = choose(some)
        model, why = choice.model, choice.why
    else:
        why = f"{model} was asked for."
    return model, MODELS[model](customers), why + _change(model, some)


def _change(model: str, customers: pd.DataFrame) -> str:
    """What is to be said when customers have changed, if enough came early and late to tell."""
    with suppress(DataRefused):
        found = drift(MODELS[model], customers)
        if found.matters:
            return f" {found.message}"
    return ""


def _predicted(orders: OrdersModel, spend: GammaGammaFitter, customers: pd.DataFrame, terms: Terms) -> pd.DataFrame:
    to_come = order_range(orders, customers, weeks=terms.weeks, level=terms.level)
    value = value_interval(
        orders,
        spend,
        customers,
        months=terms.months,
        monthly_discount_rate=terms.monthly_discount_rate,
        level=terms.level,
    )
    return customers.assign(
        p_alive=probability_alive(orders, customers),
        expected_orders=expected_orders(orders, customers, weeks=terms.weeks),
        orders_low=to_come["low"],
        orders_high=to_come["high"],
        expected_order_value=expected_order_value(spend, customers),
        value=value["lifetime_value"],
        value_low=value["low"],
        value_high=value["high"],
    )
