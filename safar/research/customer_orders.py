"""The orders of a source's customers, as the table `customer_orders` that the queries of the kit read.

It is composed of no more than the data need: most sources have orders that name their user, few aliases, few refunds;
and what is not there is not joined with.
"""

from collections.abc import Iterator, Mapping
from math import ceil

import pandas as pd
from tqdm import tqdm

from safar.research.sql import statement
from safar.store import Store

_ORDERS = """
SELECT {person} AS person, cityHash64(if(order_id = '', event_id, order_id)) AS order_key, timestamp, revenue
FROM {table}
WHERE source = {{source:String}} AND event = 'Order Completed' AND currency = {{currency:String}}
"""
_NOBODY = "(SELECT arrayJoin(nobody) FROM identity_rules)"

_BY_USERS = _ORDERS.format(person="user_id", table="events") + f"AND lower(user_id) NOT IN {_NOBODY}"
_BY_ALIASED_USERS = _ORDERS.format(person="person", table="user_touchpoints")
_BY_DEVICES = _ORDERS.format(person="person", table="touchpoints") + f"AND lower(user_id) IN {_NOBODY}"

_FOUND = f"""
SELECT
    count() AS orders,
    countIf(lower(user_id) IN {_NOBODY}) AS without_user,
    (SELECT count() FROM user_aliases WHERE source = {{source:String}}) AS aliases,
    (
        SELECT count()
        FROM events
        WHERE source = {{source:String}} AND event IN ('Order Refunded', 'Order Cancelled')
    ) AS paid_back
FROM events
WHERE source = {{source:String}} AND event = 'Order Completed' AND currency = {{currency:String}}
"""

_AT_ONCE = 5_000_000
"""Orders of about a million customers: as many as the engine can gather in the memory that a reader is given."""


def query_orders(store: Store, sql: str, parameters: Mapping[str, str]) -> Iterator[pd.DataFrame]:
    """Run `sql`, which reads the table customer_orders: a row a customer, on which `days` and for which `amounts`.

    One row stands for each person with an order that holds; an order is its order_id, and what was paid back is off.
    Where orders are very many it is run for one part of the customers after the other, each with a table of its own;
    nobody is in two. `parameters` are source, currency, tz, calibration_until, until, and those of `sql`.
    """
    found = _found(store, parameters)
    asked = _with_customer_orders(sql, found)
    parts = max(1, ceil(found["orders"] / _AT_ONCE))
    for part in tqdm(range(parts), "reading orders", leave=False, disable=None if parts > 1 else True):
        yield store.query_df(asked, {**parameters, "parts": parts, "part": part})


def query_orders_of(store: Store, sql: str, parameters: Mapping[str, str]) -> pd.DataFrame:
    """The same for an `sql` that asks for one person, whose orders are looked up among all."""
    asked = _with_customer_orders(sql, _found(store, parameters))
    return store.query_df(asked, {**parameters, "parts": 1, "part": 0})


def _found(store: Store, parameters: Mapping[str, str]) -> dict[str, int]:
    return store.query(_FOUND, parameters)[0]


def _with_customer_orders(sql: str, found: Mapping[str, int]) -> str:
    order_events = _BY_ALIASED_USERS if found["aliases"] else _BY_USERS
    if found["without_user"]:
        order_events += f"UNION ALL {_BY_DEVICES}"
    tables = {"order_events": order_events, "customer_orders": statement("orders_once")}
    if found["paid_back"]:
        tables["orders_once"] = tables.pop("customer_orders")
        tables["customer_orders"] = statement("orders_less_paid_back")
    return f"WITH {', '.join(f'{name} AS ({text})' for name, text in tables.items())} SELECT * FROM ({sql})"
