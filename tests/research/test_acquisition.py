from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from safar.errors import DataRefused
from safar.research.acquisition import acquired, attribute
from safar.research.rfm import observe
from safar.store import Store
from tests.research.conftest import Call, order

StoreOf = Callable[[list[Call]], Store]


def visit(at: str, person: str = "ann", **campaign: str) -> Call:
    context: dict[str, Any] = {"campaign": campaign} if campaign else {"page": {"referrer": ""}}
    return {"type": "page", "userId": person, "timestamp": at, "context": context}


_ADVERT = visit("2026-01-01T10:00:00Z", name="winter", source="google", medium="cpc")
_LETTER = visit("2026-01-02T10:00:00Z", name="news", source="crm", medium="email")
_AFTER = visit("2026-02-01T10:00:00Z", name="spring", source="google", medium="cpc")
_ORDERS = [order("ann", "2026-01-03T10:00:00Z", 5), order("ann", "2026-02-03T10:00:00Z", 5)]


def test_the_first_contact_that_names_a_channel_has_won_the_customer(store_of: StoreOf) -> None:
    store = store_of([_LETTER, _ADVERT, _AFTER, *_ORDERS])
    ann = acquired(store, observe(store, "shop")).loc["ann"]
    assert ann.to_dict() == {"channel": "paid_search", "campaign": "winter", "cohort": "2026-01"}


def test_or_the_last_one_before_the_first_order_and_none_after_it(store_of: StoreOf) -> None:
    store = store_of([_LETTER, _ADVERT, _AFTER, *_ORDERS])
    ann = acquired(store, observe(store, "shop"), touch="last").loc["ann"]
    assert ann.to_dict() == {"channel": "email", "campaign": "news", "cohort": "2026-01"}


def test_what_the_device_met_before_it_was_known_counts(store_of: StoreOf) -> None:
    before = {**_ADVERT, "anonymousId": "phone"}
    del before["userId"]
    bought = {**_ORDERS[0], "anonymousId": "phone"}
    store = store_of([before, bought])
    assert acquired(store, observe(store, "shop"))["channel"].to_dict() == {"ann": "paid_search"}


def test_only_customers_are_listed_and_those_of_no_known_channel_too(store_of: StoreOf) -> None:
    store = store_of([visit("2026-01-01T10:00:00Z", "bob", name="winter", source="google", medium="cpc"), *_ORDERS])
    found = acquired(store, observe(store, "shop"))
    assert found.index.to_list() == ["ann"]
    assert found.loc["ann", ["channel", "campaign"]].to_list() == ["unknown", "(none)"]


def test_the_cohort_is_a_month_of_the_time_zone(store_of: StoreOf) -> None:
    store = store_of([order("ann", "2026-01-31T22:00:00Z", 5)])
    assert acquired(store, observe(store, "shop"))["cohort"].to_list() == ["2026-01"]
    assert acquired(store, observe(store, "shop", tz="Asia/Tehran"))["cohort"].to_list() == ["2026-02"]


def test_an_unknown_touch_is_refused(store_of: StoreOf) -> None:
    store = store_of(_ORDERS)
    with pytest.raises(DataRefused, match=r"^touch must be first or last, not 'middle'\.$"):
        acquired(store, observe(store, "shop"), touch="middle")  # type: ignore[arg-type]


def identify(at: str, **traits: Any) -> Call:
    return {"type": "identify", "userId": "ann", "timestamp": at, "traits": traits}


def test_a_trait_is_what_the_newest_call_that_has_it_says(store_of: StoreOf) -> None:
    told = [identify("2026-01-02T10:00:00Z", city="Shiraz", age=30), identify("2026-01-01T10:00:00Z", city="Tehran")]
    store = store_of([*told, identify("2026-01-03T10:00:00Z", city=None), *_ORDERS])
    observation = observe(store, "shop")
    assert attribute(store, observation, "city").to_dict() == {"ann": "Shiraz"}
    assert attribute(store, observation, "age").to_dict() == {"ann": "30"}
    early = observe(store, "shop", until=date(2026, 1, 5), calibration_until=date(2026, 1, 1))
    assert attribute(store, early, "city").to_dict() == {"ann": "Tehran"}


def test_a_trait_that_nobody_has_is_refused(store_of: StoreOf) -> None:
    store = store_of(_ORDERS)
    with pytest.raises(DataRefused, match=r"^No identify call of source 'shop' has a trait 'shoe size'\.$"):
        attribute(store, observe(store, "shop"), "shoe size")
