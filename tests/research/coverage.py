"""Do intervals hold the truth as often as they say? Fits many simulated data sets with known parameters.

example: python -m tests.research.coverage --sets 1000
"""

import argparse
import copy
import sys
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
import pandas as pd
from scipy.stats import binom
from tqdm import tqdm

from safar.research import bgnbd, mbgnbd
from safar.research.forecast import order_range, total_orders
from safar.research.orders import OrdersModel, expected_orders, probability_alive
from safar.research.uncertainty import POSITIVE, PROBABILITY, interval, parameters
from tests.research.simulate import customers_of

TRUTH = {"r": 0.6, "alpha": 5.0, "a": 0.8, "b": 2.5}
LEVEL, BAND = 0.95, 0.99
WEEKS = 26.0


def held(model: str, size: int, seed: int) -> Iterator[tuple[str, bool]]:
    """What each kind of interval of one data set is, and whether it holds the truth. One customer stands for all."""
    modified = model == "mbgnbd"
    customers = customers_of(size, **TRUTH, holdout_weeks=WEEKS, modified=modified, seed=seed)
    fitted: OrdersModel = (mbgnbd if modified else bgnbd).fit(customers)
    true = copy.copy(fitted)
    true.params_ = pd.Series(TRUTH)
    table = parameters(fitted, level=LEVEL)
    for name, value in TRUTH.items():
        yield name, table.loc[name, "low"] <= value <= table.loc[name, "high"]
    one = customers[customers["frequency"] > 0].sample(1, random_state=seed)

    def expectation(of: OrdersModel) -> np.ndarray:
        return expected_orders(of, one, weeks=WEEKS).to_numpy()

    def alive(of: OrdersModel) -> np.ndarray:
        return probability_alive(of, one).to_numpy()

    def everybody(of: OrdersModel) -> np.ndarray:
        return expected_orders(of, customers, weeks=WEEKS).to_numpy().sum(keepdims=True)

    def leaving(of: OrdersModel) -> np.ndarray:
        return np.array([of.params_["a"] / (of.params_["a"] + of.params_["b"])])

    for name, statistic, link in (
        ("a / (a + b)", leaving, PROBABILITY),
        ("P(alive) of a customer", alive, PROBABILITY),
        ("expected orders of a customer", expectation, POSITIVE),
        ("expected orders of all", everybody, POSITIVE),
    ):
        low, high = interval([fitted], statistic, link, level=LEVEL)
        yield name, bool(low[0] <= statistic(true)[0] <= high[0])
    came = customers["holdout"]
    total = total_orders(fitted, customers, weeks=WEEKS, level=LEVEL)
    yield "orders of all that came", total.low <= came.sum() <= total.high
    bounds = order_range(fitted, one, weeks=WEEKS, level=LEVEL).iloc[0]
    yield "at least: orders of a customer that came", bounds["low"] <= came[one.index[0]] <= bounds["high"]


def main() -> int:
    """Exit code 0: every share lies in the band that chance leaves it, or above where an interval says at least."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sets", type=int, default=1000, help="data sets (default: 1000)")
    parser.add_argument("--size", type=int, default=2000, help="customers of each (default: 2000)")
    parser.add_argument("--model", choices=("bgnbd", "mbgnbd"), default="bgnbd")
    options = parser.parse_args()
    counts: dict[str, int] = defaultdict(int)
    for seed in tqdm(range(options.sets), unit=" sets", disable=None):
        for name, holds in held(options.model, options.size, seed):
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
