"""Lifetime value of many customers: from orders in the store to fitted models and predictions, beside `lifetimes`.

`python -m bench.clv --customers 1000000` prints seconds, and how many times faster than the library it was on the same
orders; `--without-library` leaves that out, which takes minutes at a million customers.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable
from typing import Any, TypeVar

import pandas as pd

from bench.customers import FIRST_DAY, fill, names_of, orders_of
from safar.clock import system_clock
from safar.research import bgnbd, gamma_gamma, runs
from safar.research.clv import lifetime_value
from safar.research.fitters import lifetimes
from safar.research.forecast import order_range
from safar.research.orders import expected_orders, probability_alive
from safar.research.rfm import Observation, observe, patterns_in_weeks, rfm_in_weeks
from safar.research.valuation import Terms, value_customers
from safar.store import Store, open_store

_Result = TypeVar("_Result")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.clv", description=__doc__)
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--without-library", action="store_true")
    options = parser.parse_args()
    print(f"{options.customers:,} customers\n{'what':<58}{'s':>8}", flush=True)
    with tempfile.TemporaryDirectory(prefix="safar-bench-") as directory:
        ours, parameters = _ours(f"{directory}/store", options.customers)
    if not options.without_library:
        library, its_parameters = _library(orders_of(options.customers))
        off = (parameters / its_parameters - 1).abs().max()
        print(f"{'times faster, from orders to the fitted BG/NBD':<58}{library / ours:>8.1f}")
        print(f"{'largest relative difference of a parameter':<58}{off:>8.0e}")


def _ours(directory: str, customers: int) -> tuple[float, pd.Series]:
    # In a process of its own, so that the memory it takes is not counted.
    filling = multiprocessing.get_context("spawn").Process(target=fill, args=(directory, customers))
    filling.start()
    filling.join()
    store = open_store(f"chdb://{directory}")
    try:
        _timed("the engine opens the store", lambda: store.query("SELECT 1"))
        summary, (observation, patterns) = _timed(
            "patterns of the customers, counted by the store", lambda: _patterns(store)
        )
        fitting, model = _timed(f"BG/NBD on {len(patterns):,} patterns", lambda: bgnbd.fit(patterns))
        _print_memory("so far")
        _predict(store, observation, model)
        _print_memory("and with a row a customer")
        terms = Terms(model="BG/NBD")
        _, valuation = _timed(
            "a run of `safar clv`, all but the writing", lambda: value_customers(store, "shop", terms)
        )
        _timed("writing it", lambda: runs.save(store, valuation, system_clock()))
        _print_memory("in all")
    finally:
        store.close()
    return summary + fitting, model.params_


def _print_memory(when: str) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{f'most memory {when}, GiB':<58}{peak:>8.1f}", flush=True)


def _predict(store: Store, observation: Observation, model: Any) -> None:  # noqa: ANN401
    _, customers = _timed("one row a customer", lambda: rfm_in_weeks(store, observation))
    _, spend = _timed("Gamma-Gamma", lambda: gamma_gamma.fit(customers))
    _timed("P(alive) of each", lambda: probability_alive(model, customers))
    _timed("expected orders of each", lambda: expected_orders(model, customers, weeks=39))
    _timed("the range of orders of each", lambda: order_range(model, customers, weeks=39))
    _timed(
        "lifetime value of each, 12 months",
        lambda: lifetime_value(model, spend, customers, months=12, monthly_discount_rate=0.01),
    )


def _patterns(store: Store) -> tuple[Observation, pd.DataFrame]:
    observation = observe(store, "shop")
    return observation, patterns_in_weeks(store, observation)


def _library(orders: pd.DataFrame) -> tuple[float, pd.Series]:
    at = FIRST_DAY + pd.to_timedelta(orders["day"], "D") + pd.to_timedelta(orders["second"], "s")
    orders = orders.assign(at=at.dt.tz_localize(None), customer=names_of(orders["customer"]))
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
