"""The bundled data, read once, and small stores of a test's own.

A process can have one embedded store open at a time: the fixtures here close theirs before the next may open.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd
import pytest

from safar.research.bundled import stored_lines
from safar.research.connect import connect
from safar.research.rfm import Observation, observe, repeat_orders_by_week, rfm_in_weeks
from safar.store import Store, migrate, open_store

mpl.use("Agg")

Call = dict[str, Any]


@dataclass(frozen=True)
class Cdnow:
    """The 1/10 sample, calibrated to the middle of its 78 weeks as in the paper."""

    observation: Observation
    customers: pd.DataFrame
    weekly: pd.Series


@pytest.fixture(scope="session")
def cdnow() -> Cdnow:
    store = connect()
    observation = observe(store, "cdnow", calibration_until=date(1997, 9, 30))
    customers, weekly = rfm_in_weeks(store, observation), repeat_orders_by_week(store, observation)
    store.close()
    return Cdnow(observation, customers, weekly)


@pytest.fixture
def bundled() -> Iterator[Store]:
    store = connect()
    yield store
    store.close()


@pytest.fixture
def store_of(tmp_path: Path) -> Iterator[Callable[[Iterable[Call]], Store]]:
    """Make the one store of a test: the calls of source `shop`."""
    with ExitStack() as stack:

        def make(calls: Iterable[Call]) -> Store:
            store = open_store(f"chdb://{tmp_path}/store")
            stack.callback(store.close)
            migrate(store)
            store.insert_lines("events", b"\n".join(stored_lines("shop", calls)), token="test")
            return store

        yield make


def order(person: str, at: str, revenue: float, currency: str = "USD", **more: Any) -> Call:
    """An `Order Completed` call; `at` is ISO 8601, UTC unless it says otherwise."""
    properties = {"order_id": f"{person}-{at}-{revenue}", "revenue": revenue, "currency": currency}
    call = {"type": "track", "event": "Order Completed", "userId": person, "timestamp": at}
    return {**call, "properties": properties, **more}
