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
_USER_NAMED = "AND lower(user_id) NOT IN (SELECT arrayJoin(nobody) FROM identity_rules)"
_NO_USER_NAMED = _USER_NAMED.replace("NOT IN", "IN")

_BY_USERS = _ORDERS.format(person="user_id", table="events") + _USER_NAMED
_BY_ALIASED_USERS = _ORDERS.format(person="person", table="user_touchpoints")
_BY_DEVICES = _ORDERS.format(person="person", table="touchpoints") + _NO_USER_NAMED

_FOUND = f"""
SELECT 'aliases' AS found FROM user_aliases WHERE source = {{source:String}} LIMIT 1
UNION ALL
SELECT 'money back' AS found
FROM events
WHERE source = {{source:String}} AND event IN ('Order Refunded', 'Order Cancelled')
LIMIT 1
UNION ALL
SELECT 'no user named' AS found
FROM events
WHERE source = {{source:String}} AND event = 'Order Completed' AND currency = {{currency:String}} {_NO_USER_NAMED}
LIMIT 1
"""


_COUNT = """
SELECT count() AS orders
FROM events
WHERE source = {source:String} AND event = 'Order Completed' AND currency = {currency:String}
"""

_AT_ONCE = 5_000_000
"""Orders of about a million customers: as many as the engine can gather in the memory that a reader is given."""


def query_orders(store: Store, sql: str, parameters: Mapping[str, str]) -> Iterator[pd.DataFrame]:
    """Run `sql`, which reads the table customer_orders: a row a customer, on which `days` and for which `amounts`.

    One row stands for each person with an order that holds; an order is its order_id, and what was paid back is off.
    Where orders are very many it is run for one part of the customers after the other, each with a table of its own;
    nobody is in two. `parameters` are source, currency, tz, calibration_until, until, and those of `sql`.
    """
    asked = _with_customer_orders(store, sql, parameters)
    parts = ceil(store.query(_COUNT, parameters)[0]["orders"] / _AT_ONCE) or 1
    for part in tqdm(range(parts), "reading orders", leave=False, disable=None if parts > 1 else True):
        yield store.query_df(asked, {**parameters, "parts": parts, "part": part})


def query_orders_of(store: Store, sql: str, parameters: Mapping[str, str]) -> pd.DataFrame:
    """The same for an `sql` that asks for one person, whose orders are looked up among all."""
    return store.query_df(_with_customer_orders(store, sql, parameters), {**parameters, "parts": 1, "part": 0})


def _with_customer_orders(store: Store, sql: str, parameters: Mapping[str, str]) -> str:
    found = {row["found"] for row in store.query(_FOUND, parameters)}
    order_events = _BY_ALIASED_USERS if "aliases" in found else _BY_USERS
    if "no user named" in found:
        order_events += f"UNION ALL {_BY_DEVICES}"
    tables = {"order_events": order_events, "customer_orders": statement("orders_once")}
    if "money back" in found:
        tables["orders_once"] = tables.pop("customer_orders")
        tables["customer_orders"] = statement("orders_less_paid_back")
    return f"WITH {', '.join(f'{name} AS ({text})' for name, text in tables.items())} SELECT * FROM ({sql})"
