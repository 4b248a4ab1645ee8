from collections.abc import Callable
from datetime import date
from itertools import chain, combinations

import pandas as pd
import pytest

from safar.research import customer_orders
from safar.research.rfm import (
    observe,
    patterns_in_weeks,
    repeat_orders_by_week,
    rfm_in_weeks,
    spent,
    spent_by_day,
)
from safar.store import Store
from safar.store.identity import refresh_aliases
from tests.research.conftest import Call, order

StoreOf = Callable[[list[Call]], Store]

_REPEAT = order("ann", "2026-01-08T10:00:00Z", 10)
_OF_ANN = [order("ann", "2026-01-01T10:00:00Z", 100), _REPEAT, {**_REPEAT, "timestamp": "2026-01-09T00:00:05Z"}]

_OF_OTHERS: dict[str, list[Call]] = {
    "aliases": [
        order("bob", "2026-01-05T10:00:00Z", 7),
        {"type": "alias", "userId": "bob", "previousId": "robert", "timestamp": "2026-01-05T10:00:00Z"},
    ],
    "money back": [
        {
            "type": "track",
            "event": "Order Refunded",
            "userId": "bob",
            "timestamp": "2026-01-06T10:00:00Z",
            "properties": {"order_id": "of nobody", "revenue": 7, "currency": "USD"},
        }
    ],
    "no user named": [{**order("", "2026-01-05T10:00:00Z", 5), "userId": None, "anonymousId": "phone"}],
}
_KINDS = list(chain.from_iterable(combinations(_OF_OTHERS, size) for size in range(len(_OF_OTHERS) + 1)))


@pytest.mark.parametrize("kinds", _KINDS, ids=lambda kinds: " and ".join(kinds) or "none")
def test_a_customer_is_the_same_whatever_tables_the_orders_of_others_need(
    store_of: StoreOf, kinds: tuple[str, ...]
) -> None:
    others = [
        {name: value for name, value in call.items() if value is not None}
        for kind in kinds
        for call in _OF_OTHERS[kind]
    ]
    store = store_of([*_OF_ANN, *others])
    refresh_aliases(store)
    observation = observe(store, "shop")
    customers = rfm_in_weeks(store, observation)
    assert customers.loc["ann", ["frequency", "recency", "monetary"]].to_list() == [1, 1, 10]
    assert spent(store, observation).loc["ann", "spent"] == 110
    named = {"aliases": "bob", "no user named": "anonymous:phone"}
    assert set(customers.index) == {"ann"} | {named[kind] for kind in kinds if kind in named}


def _alias(user: str, previous: str) -> Call:
    return {"type": "alias", "userId": user, "previousId": previous, "timestamp": "2026-01-10T10:00:00Z"}


def test_an_order_sent_under_both_ids_of_a_customer_counts_once_and_is_paid_back_once(store_of: StoreOf) -> None:
    by_the_page = {**_REPEAT, "userId": "ann@example.org"}
    refund = {**_REPEAT, "event": "Order Refunded", "timestamp": "2026-01-10T10:00:00Z"}
    refund["properties"] = {**_REPEAT["properties"], "revenue": 4}
    store = store_of([*_OF_ANN, by_the_page, refund, _alias("ann", "ann@example.org")])
    refresh_aliases(store)
    customers = rfm_in_weeks(store, observe(store, "shop"))
    assert customers[["frequency", "recency", "monetary"]].to_dict("index") == {
        "ann": {"frequency": 1, "recency": 1, "monetary": 6}
    }


def _everything(store: Store) -> list[pd.DataFrame]:
    observation = observe(store, "shop", calibration_until=date(2026, 1, 20))
    found = [rfm_in_weeks(store, observation), spent(store, observation)]
    return [
        *(table.sort_index() for table in found),
        patterns_in_weeks(store, observation),
        repeat_orders_by_week(store, observation).to_frame(),
        spent_by_day(store, observation, "c3").to_frame(),
    ]


def test_customers_read_in_parts_are_the_customers_read_at_once(
    store_of: StoreOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [(customer, day) for customer in range(12) for day in (1, 3 + customer % 3, 20 + customer % 5)]
    orders = [order(f"c{customer}", f"2026-01-{day:02}T10:00:00Z", 5) for customer, day in days]
    refund = {**orders[1], "event": "Order Refunded", "timestamp": "2026-01-10T10:00:00Z"}
    store = store_of(
        [*orders, {**orders[1], "timestamp": "2026-01-11T10:00:00Z"}, refund, *_OF_OTHERS["no user named"]]
    )
    at_once = _everything(store)
    assert len(at_once[2]) < len(at_once[0]), "customers of the same pattern would show a pattern told twice"
    monkeypatch.setattr(customer_orders, "_AT_ONCE", 5)
    for in_parts, expected in zip(_everything(store), at_once, strict=True):
        pd.testing.assert_frame_equal(in_parts, expected)
