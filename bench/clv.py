"""Lifetime value of many customers: from orders in the store to fitted models and predictions, beside `lifetimes`.

`python -m bench.clv --customers 1000000` prints seconds, and how many times faster than the library it was on the same
orders; `--without-library` leaves that out, which takes minutes at a million customers.
"""

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pandas as pd

from bench.customers import FIRST_DAY, fill, orders_of
from safar.research import bgnbd, gamma_gamma
from safar.research.clv import lifetime_value
from safar.research.fitters import lifetimes
from safar.research.forecast import order_range
from safar.research.orders import expected_orders, probability_alive
from safar.research.rfm import Observation, observe, patterns_in_weeks, rfm_in_weeks
from safar.store import Store, migrate, open_store

_Result = TypeVar("_Result")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.clv", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--without-library", action="store_true")
    options = parser.parse_args()
    orders = orders_of(options.customers)
    print(f"{options.customers:,} customers, {len(orders):,} orders\n{'what':<58}{'s':>8}", flush=True)
    ours, parameters = _ours(orders)
    if not options.without_library:
        library, its_parameters = _library(orders)
        off = (parameters / its_parameters - 1).abs().max()
        print(f"{'times faster, from orders to the fitted BG/NBD':<58}{library / ours:>8.1f}")
        print(f"{'largest relative difference of a parameter':<58}{off:>8.0e}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{'most memory, GiB':<58}{peak:>8.1f}")


def _ours(orders: pd.DataFrame) -> tuple[float, pd.Series]:
    with tempfile.TemporaryDirectory(prefix="safar-bench-") as directory:
        store = open_store(f"chdb://{directory}/store")
        try:
            migrate(store)
            fill(store, orders)
            summary, (observation, patterns) = _timed(
                "patterns of the customers, counted by the store", lambda: _patterns(store)
            )
            fitting, model = _timed(f"BG/NBD on {len(patterns):,} patterns", lambda: bgnbd.fit(patterns))
            _, customers = _timed("one row a customer", lambda: rfm_in_weeks(store, observation))
        finally:
            store.close()
    _, spend = _timed("Gamma-Gamma", lambda: gamma_gamma.fit(customers))
    _timed("P(alive) and expected orders of each", lambda: _predictions(model, customers))
    _timed("the range of orders of each", lambda: order_range(model, customers, weeks=39))
    _timed(
        "lifetime value of each, 12 months",
        lambda: lifetime_value(model, spend, customers, months=12, monthly_discount_rate=0.01),
    )
    return summary + fitting, model.params_


def _patterns(store: Store) -> tuple[Observation, pd.DataFrame]:
    observation = observe(store, "shop")
    return observation, patterns_in_weeks(store, observation)


def _predictions(model: Any, customers: pd.DataFrame) -> None:  # noqa: ANN401
    probability_alive(model, customers)
    expected_orders(model, customers, weeks=39)


def _library(orders: pd.DataFrame) -> tuple[float, pd.Series]:
    at = FIRST_DAY + pd.to_timedelta(orders["day"], "D") + pd.to_timedelta(orders["second"], "s")
    orders = orders.assign(at=at.dt.tz_localize(None))
    end = orders["at"].max()
    summarise = lifetimes.utils.summary_data_from_transaction_data
    summary, table = _timed(
        "lifetimes: one row a customer",
        lambda: summarise(orders, "customer", "at", "amount", observation_period_end=end),
    )
    columns = (table["frequency"], table["recency"] / 7, table["T"] / 7)
    fitting, model = _timed("lifetimes: BG/NBD", lambda: lifetimes.BetaGeoFitter().fit(*columns, tol=1e-8))
    return summary + fitting, model.params_


def _timed(what: str, work: Callable[[], _Result]) -> tuple[float, _Result]:
    started = time.perf_counter()
    result = work()
    seconds = time.perf_counter() - started
    print(f"{what:<58}{seconds:>8.2f}", flush=True)
    return seconds, result


if __name__ == "__main__":
    main()
