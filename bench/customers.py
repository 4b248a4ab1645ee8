"""Orders of customers who buy and stop as the BG/NBD says, as rows and as events in a store."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from safar.store import Store, migrate, open_store

FIRST_DAY = pd.Timestamp("2024-01-01", tz="UTC")
DAYS = 728
_TRUTH = {"r": 0.6, "alpha": 35.0, "a": 0.8, "b": 2.5}  # alpha in days
_AT_ONCE = 500_000


def orders_of(customers: int, seed: int = 1) -> pd.DataFrame:
    """One row an order: `customer`, `day` (since the first), `second` of that day, `amount`.

    The first orders fall into the first year.
    """
    rng = np.random.default_rng(seed)
    rate = rng.gamma(_TRUTH["r"], 1 / _TRUTH["alpha"], customers)
    stops = rng.beta(_TRUTH["a"], _TRUTH["b"], customers)
    usual = rng.gamma(4.0, 1 / 15.0, customers)
    buying, clock = np.arange(customers), rng.uniform(0, 365, customers)
    found: list[tuple[np.ndarray, np.ndarray]] = []
    while buying.size:
        found.append((buying, clock[buying].astype(np.int64)))
        if len(found) > 1:
            buying = buying[rng.random(buying.size) >= stops[buying]]
        clock[buying] += rng.exponential(1 / rate[buying])
        buying = buying[clock[buying] < DAYS]
    customer, day = (np.concatenate(columns) for columns in zip(*found, strict=True))
    amount = rng.gamma(6.0, 1 / usual[customer]).round(2) + 1
    second = rng.integers(0, 86_400, len(day))
    return pd.DataFrame({"customer": customer, "day": day, "second": second, "amount": amount})


def names_of(customers: "pd.Series[int]") -> "pd.Series[str]":
    """What a shop calls them."""
    return "u" + customers.astype(str)


def fill(directory: str, customers: int) -> None:
    """Put their orders into a new store as events of the source `shop`, with its parts merged."""
    store = open_store(f"chdb://{directory}")
    try:
        migrate(store)
        _fill(store, orders_of(customers))
    finally:
        store.close()


def _fill(store: Store, orders: pd.DataFrame) -> None:
    for start, table in _events(orders):
        store.client().insert_df("events", table.assign(log_offset=np.arange(start, start + len(table))))
    store.command("OPTIMIZE TABLE events FINAL")


def _events(orders: pd.DataFrame) -> Iterator[tuple[int, pd.DataFrame]]:
    for start in range(0, len(orders), _AT_ONCE):
        part = orders.iloc[start : start + _AT_ONCE]
        at = FIRST_DAY + pd.to_timedelta(part["day"], "D") + pd.to_timedelta(part["second"], "s")
        yield (
            start,
            pd.DataFrame(
                {
                    "contract": 1,
                    "event_id": [f"o{number}" for number in range(start, start + len(part))],
                    "source": "shop",
                    "type": "track",
                    "event": "Order Completed",
                    "stage": "purchase",
                    "order_id": [f"o{number}" for number in range(start, start + len(part))],
                    "user_id": names_of(part["customer"]),
                    "timestamp": at,
                    "received_at": at,
                    "revenue": part["amount"].astype(str),
                    "currency": "USD",
                    "log_id": "bench",
                    "log_count": 1,
                }
            ),
        )
