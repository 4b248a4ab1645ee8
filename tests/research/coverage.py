"""Do intervals hold the truth as often as they say? Fits many simulated data sets with known parameters.

example: python -m tests.research.coverage --sets 1000
"""

import argparse
import copy
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from scipy.stats import binom
from tqdm import tqdm

from safar.research import bgnbd, clv, gamma_gamma, mbgnbd, pareto_nbd
from safar.research.fitters import GammaGammaFitter
from safar.research.forecast import order_range, total_orders
from safar.research.likelihood.maximum import Array
from safar.research.orders import OrdersModel, expected_orders, probability_alive
from safar.research.uncertainty import POSITIVE, PROBABILITY, Fitter, Link, interval, likelihood_interval, parameters
from safar.research.value_range import value_range
from tests.research.simulate import Spend, customers_of, pareto_customers_of

LEVEL, BAND = 0.95, 0.99
MONTHS = 6
WEEKS = MONTHS * clv.WEEKS_A_MONTH
SPEND = Spend(p=6.25, q=5.0, gamma=15.0, monthly_discount_rate=0.01)
TERMS: dict[str, Any] = {"months": MONTHS, "monthly_discount_rate": SPEND.monthly_discount_rate}

Held = Iterator[tuple[str, bool]]
"""What each kind of interval is, and whether it holds the truth."""


def a_share(values: "pd.Series[float]") -> float:
    return float(values["a"] / (values["a"] + values["b"]))


def a_rate(values: "pd.Series[float]") -> float:
    return float(values["s"] / values["beta"])


class Model(NamedTuple):
    """How to draw customers and to fit them; and what says how many leave, with its name and its link."""

    draw: Callable[..., pd.DataFrame]
    fit: Callable[[pd.DataFrame], OrdersModel]
    truth: dict[str, float]
    leaving: tuple[str, Callable[["pd.Series[float]"], float], Link]


_BETA_GEOMETRIC = {"r": 0.6, "alpha": 5.0, "a": 0.8, "b": 2.5}
_PARETO = {"r": 0.8, "alpha": 2.5, "s": 1.5, "beta": 20.0}
_STOPS = ("a / (a + b)", a_share, PROBABILITY)

MODELS = {
    "bgnbd": Model(customers_of, bgnbd.fit, _BETA_GEOMETRIC, _STOPS),
    "mbgnbd": Model(partial(customers_of, modified=True), mbgnbd.fit, _BETA_GEOMETRIC, _STOPS),
    "pareto": Model(pareto_customers_of, pareto_nbd.fit, _PARETO, ("s / beta", a_rate, POSITIVE)),
}


def held(model: Model, size: int, seed: int) -> Held:
    """Of all intervals of one data set. One customer stands for all."""
    customers = model.draw(size, **model.truth, holdout_weeks=WEEKS, seed=seed, spend=SPEND)
    one = customers[customers["frequency"] > 0].sample(1, random_state=seed)
    fitted, spend = model.fit(customers), gamma_gamma.fit(customers)
    true = with_parameters(fitted, model.truth)
    true_spend = with_parameters(spend, {"p": SPEND.p, "q": SPEND.q, "v": SPEND.gamma})
    yield from of_parameters(fitted, true)
    yield from of_expectations(model, fitted, true, customers, one)
    yield from of_orders(fitted, customers, one)
    yield from of_parameters(spend, true_spend)
    yield from of_value((fitted, spend), (true, true_spend), one)
    yield from of_revenue(fitted, spend, customers)


def with_parameters(fitted: Fitter, truth: dict[str, float]) -> Fitter:
    true = copy.copy(fitted)
    true.params_ = pd.Series(truth)
    return true


def of_parameters(fitted: Fitter, true: Fitter) -> Held:
    table = parameters(fitted, level=LEVEL)
    for name, value in true.params_.items():
        yield str(name), table.loc[name, "low"] <= value <= table.loc[name, "high"]


def of_expectations(
    model: Model, fitted: OrdersModel, true: OrdersModel, customers: pd.DataFrame, one: pd.DataFrame
) -> Held:
    def expectation(of: OrdersModel) -> Array:
        return expected_orders(of, one, weeks=WEEKS).to_numpy()

    def alive(of: OrdersModel) -> Array:
        return probability_alive(of, one).to_numpy()

    def everybody(of: OrdersModel) -> Array:
        return np.array([expected_orders(of, customers, weeks=WEEKS).sum()])

    leaving, share, its_link = model.leaving
    low, high = likelihood_interval(fitted, share, its_link, level=LEVEL)
    yield leaving, low <= share(true.params_) <= high
    for name, statistic, link in (
        ("P(alive) of a customer", alive, PROBABILITY),
        ("expected orders of a customer", expectation, POSITIVE),
        ("expected orders of all", everybody, POSITIVE),
    ):
        lows, highs = interval([fitted], statistic, link, level=LEVEL)
        yield name, bool(lows[0] <= statistic(true)[0] <= highs[0])


def of_orders(fitted: OrdersModel, customers: pd.DataFrame, one: pd.DataFrame) -> Held:
    total = total_orders(fitted, customers, weeks=WEEKS, level=LEVEL)
    yield "orders of all that came", total.low <= customers["holdout"].sum() <= total.high
    bounds = order_range(fitted, one, weeks=WEEKS, level=LEVEL).iloc[0]
    yield "at least: orders of a customer that came", bounds["low"] <= one["holdout"].iloc[0] <= bounds["high"]


def of_value(
    fitted: tuple[OrdersModel, GammaGammaFitter], true: tuple[OrdersModel, GammaGammaFitter], one: pd.DataFrame
) -> Held:
    value = clv.value_interval(*fitted, one, **TERMS, level=LEVEL).iloc[0]
    truth = clv.lifetime_value(*true, one, **TERMS).iloc[0]
    yield "expected value of a customer", value["low"] <= truth <= value["high"]
    came = value_range(*fitted, one, **TERMS, level=LEVEL).iloc[0]
    yield "at least: revenue of a customer that came", came["low"] <= one["revenue"].iloc[0] <= came["high"]


def of_revenue(fitted: OrdersModel, spend: GammaGammaFitter, customers: pd.DataFrame) -> Held:
    """The customers are drawn independently of each other: every tenth is as good as a tenth at random."""
    segment = pd.Series("nine tenths", customers.index)
    segment[::10] = "a tenth"
    came = customers["revenue"].groupby(segment).sum()
    table = clv.value_by(fitted, spend, customers, segment, **TERMS, level=LEVEL)
    for name in ("a tenth", "nine tenths"):
        holds = table.loc[name, "low"] <= came[name] <= table.loc[name, "high"]
        yield f"revenue of {name} of all that came", holds


def main() -> int:
    """Exit code 0: every share lies in the band that chance leaves it, or above where an interval says at least."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=1000, help="data sets (default: 1000)")
    parser.add_argument("--size", type=int, default=2000, help="customers of each (default: 2000)")
    parser.add_argument("--model", choices=tuple(MODELS), default="bgnbd")
    options = parser.parse_args()
    counts: dict[str, int] = defaultdict(int)
    for seed in tqdm(range(options.sets), unit=" sets", disable=None):
        for name, holds in held(MODELS[options.model], options.size, seed):
            counts[name] += holds
    low, high = (int(bound) for bound in binom.interval(BAND, options.sets, LEVEL))
    print(f"{options.model}, {options.size} customers; a share of {LEVEL} may be {low} to {high} of {options.sets}")  # noqa: T201
    bad = 0
    for name, count in counts.items():
        fine = low <= count and (count <= high or name.startswith("at least"))
        bad += not fine
        print(f"  {count:5d}  {'' if fine else 'NOT '}held  {name}")  # noqa: T201
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
