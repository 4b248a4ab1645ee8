from collections.abc import Callable
from itertools import chain, combinations

import pytest

from safar.research.rfm import observe, rfm_in_weeks, spent
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
