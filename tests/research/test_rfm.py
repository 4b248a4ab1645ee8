from collections.abc import Callable
from datetime import UTC, date, datetime

import pandas as pd
import pytest

from safar.demo.cdnow import cdnow_file
from safar.errors import DataRefused, InvalidParameter
from safar.research.fitting import grouped
from safar.research.rfm import (
    observe,
    patterns_in_weeks,
    repeat_orders_by_week,
    rfm_in_weeks,
    spent,
    spent_by_day,
)
from safar.store import Store
from tests.research.conftest import Call, Cdnow, order

StoreOf = Callable[[list[Call]], Store]

_ORDERS = [
    order("ann", "2026-01-01T10:00:00Z", 100),
    order("ann", "2026-01-01T18:00:00Z", 20),
    order("ann", "2026-01-08T10:00:00Z", 10),
    order("ann", "2026-01-08T11:00:00Z", 5),
    order("ann", "2026-01-11T10:00:00Z", 5),
    order("bob", "2026-01-05T10:00:00Z", 7),
    order("cat", "2026-01-30T10:00:00Z", 7),
]


def test_the_published_totals_of_cdnow_are_met(cdnow: Cdnow) -> None:
    customers = cdnow.customers
    assert len(customers) == 2357
    assert customers["frequency"].sum() == 2457
    assert (customers["frequency"] == 0).sum() == 1411
    assert customers["holdout"].sum() == 1882
    assert cdnow.observation.holdout_weeks == 39
    first = customers.loc["0001"]
    assert (first["frequency"], round(first["recency"], 2), round(first["T"], 2)) == (2, 30.43, 38.86)


def test_sql_and_pandas_agree_on_every_customer_of_cdnow(cdnow: Cdnow) -> None:
    lines = cdnow_file().read_text().splitlines()
    rows = [(customer, pd.Timestamp(day), float(usd)) for _, customer, day, _, usd in map(str.split, lines)]
    days = pd.DataFrame(rows, columns=["person", "day", "usd"]).groupby(["person", "day"])["usd"].sum().reset_index()
    end = pd.Timestamp("1997-09-30")
    seen = days[days["day"] <= end]
    first, last = (seen.groupby("person")["day"].agg(which) for which in ("min", "max"))
    repeats = seen[seen["day"] > seen["person"].map(first)]
    expected = pd.DataFrame(
        {
            "frequency": seen.groupby("person").size() - 1,
            "recency": (last - first).dt.days / 7,
            "T": (end - first).dt.days / 7,
            "monetary": repeats.groupby("person")["usd"].mean().reindex(first.index).fillna(0),
            "holdout": days[days["day"] > end].groupby("person").size().reindex(first.index).fillna(0).astype(int),
        }
    )
    pd.testing.assert_frame_equal(cdnow.customers, expected, check_index_type=False, rtol=1e-12, check_names=False)


def test_days_count_and_not_orders_and_the_first_day_is_no_repeat(store_of: StoreOf) -> None:
    store = store_of(_ORDERS)
    customers = rfm_in_weeks(store, observe(store, "shop"))
    assert customers.loc["ann"].to_dict() == {
        "frequency": 2,
        "recency": 10 / 7,
        "T": 29 / 7,
        "monetary": 10,
        "holdout": 0,
    }
    assert customers.loc["bob"].to_dict() == {"frequency": 0, "recency": 0, "T": 25 / 7, "monetary": 0, "holdout": 0}


def test_the_holdout_counts_days_after_the_calibration_and_leaves_newcomers_out(store_of: StoreOf) -> None:
    store = store_of(_ORDERS)
    observation = observe(store, "shop", calibration_until=date(2026, 1, 8))
    customers = rfm_in_weeks(store, observation)
    assert customers["holdout"].to_dict() == {"ann": 1, "bob": 0}
    assert customers.loc["ann", "frequency"] == 1
    assert customers.loc["ann", "monetary"] == 15


def test_what_comes_after_until_is_not_looked_at(store_of: StoreOf) -> None:
    store = store_of(_ORDERS)
    customers = rfm_in_weeks(store, observe(store, "shop", until=date(2026, 1, 8)))
    assert customers["T"].to_dict() == {"ann": 1, "bob": 3 / 7}
    assert customers["holdout"].sum() == 0


def test_a_day_is_a_day_of_the_time_zone(store_of: StoreOf) -> None:
    store = store_of([order("ann", "2026-01-01T20:00:00Z", 1), order("ann", "2026-01-01T21:00:00Z", 1)])
    assert rfm_in_weeks(store, observe(store, "shop")).loc["ann", "frequency"] == 0
    # In Tehran, three and a half hours ahead, midnight lies between the two.
    assert rfm_in_weeks(store, observe(store, "shop", tz="Asia/Tehran")).loc["ann", "frequency"] == 1


def test_an_event_stored_twice_changes_nothing(store_of: StoreOf) -> None:
    calls = [{**call, "messageId": f"m-{number}"} for number, call in enumerate(_ORDERS)]
    store = store_of(calls + calls)
    once = rfm_in_weeks(store, observe(store, "shop"))
    assert once.loc["ann"].to_dict() == {"frequency": 2, "recency": 10 / 7, "T": 29 / 7, "monetary": 10, "holdout": 0}


def test_an_order_sent_by_the_page_and_by_the_server_counts_once_as_it_was_first(store_of: StoreOf) -> None:
    first, repeat = order("ann", "2026-01-01T10:00:00Z", 100), order("ann", "2026-01-08T23:59:59Z", 10)
    by_the_server = {**repeat, "timestamp": "2026-01-09T00:00:05Z"}
    store = store_of([first, by_the_server, repeat])
    ann = rfm_in_weeks(store, observe(store, "shop", until=date(2026, 1, 15))).loc["ann"]
    assert (ann["frequency"], ann["recency"], ann["monetary"]) == (1, 1, 10)


def back(of: Call, event: str, at: str, revenue: float | None = None, currency: str = "USD") -> Call:
    """What became of an order."""
    money = {} if revenue is None else {"revenue": revenue, "currency": currency}
    properties = {"order_id": of["properties"]["order_id"], **money}
    return {"type": "track", "event": event, "userId": "the shop", "timestamp": at, "properties": properties}


_REPEAT = order("ann", "2026-01-08T10:00:00Z", 50)


@pytest.mark.parametrize(
    ("what", "left"),
    [
        ([back(_REPEAT, "Order Refunded", "2026-01-09T10:00:00Z", 20)], (1, 30)),
        ([back(_REPEAT, "Order Refunded", f"2026-01-{day}T10:00:00Z", 20) for day in ("09", "10")], (1, 10)),
        ([back(_REPEAT, "Order Refunded", "2026-01-09T10:00:00Z", 20, "EUR")], (1, 50)),
        ([back(_REPEAT, "Order Refunded", f"2026-01-{day}T10:00:00Z", 25) for day in ("09", "10")], (0, 0)),
        ([back(_REPEAT, "Order Refunded", "2026-01-09T10:00:00Z")], (0, 0)),
        ([back(_REPEAT, "Order Cancelled", "2026-01-09T10:00:00Z")], (0, 0)),
        ([back(_REPEAT, "Order Cancelled", "2026-01-31T10:00:00Z")], (1, 50)),
        ([{**back(_REPEAT, "Order Refunded", "2026-01-09T10:00:00Z", 20), "messageId": "one"}] * 2, (1, 30)),
    ],
    ids=["a part", "two parts", "other money", "all", "no amount", "cancelled", "after the end", "sent twice"],
)
def test_what_was_paid_back_comes_off_and_an_order_of_which_nothing_is_left_is_none(
    store_of: StoreOf, what: list[Call], left: tuple[int, float]
) -> None:
    store = store_of([order("ann", "2026-01-01T10:00:00Z", 100), _REPEAT, *what])
    ann = rfm_in_weeks(store, observe(store, "shop", until=date(2026, 1, 30))).loc["ann"]
    assert (ann["frequency"], ann["monetary"]) == left


def test_a_calibration_stands_as_it_was_known_then(store_of: StoreOf) -> None:
    first, later = order("ann", "2026-01-01T10:00:00Z", 100), order("ann", "2026-01-20T10:00:00Z", 5)
    undone = [back(of, "Order Cancelled", "2026-01-25T10:00:00Z") for of in (_REPEAT, later)]
    store = store_of([first, _REPEAT, later, *undone])
    ann = rfm_in_weeks(store, observe(store, "shop", calibration_until=date(2026, 1, 15))).loc["ann"]
    assert (ann["frequency"], ann["monetary"], ann["holdout"]) == (1, 50, 0)


def test_a_customer_of_cancelled_orders_only_is_none(store_of: StoreOf) -> None:
    store = store_of([*_ORDERS, back(_ORDERS[-1], "Order Cancelled", "2026-01-30T11:00:00Z")])
    observation = observe(store, "shop")
    assert list(rfm_in_weeks(store, observation).index) == ["ann", "bob"]
    assert patterns_in_weeks(store, observation)["customers"].sum() == 2


def test_orders_without_a_user_are_their_devices(store_of: StoreOf) -> None:
    as_guest = {**order("", "2026-01-01T10:00:00Z", 5), "anonymousId": "laptop"}
    named = {**order("ann", "2026-01-08T10:00:00Z", 5), "anonymousId": "laptop"}
    unknown = {**order("", "2026-01-08T10:00:00Z", 5), "anonymousId": "phone"}
    for call in (as_guest, unknown):
        del call["userId"]
    store = store_of([as_guest, named, unknown])
    customers = rfm_in_weeks(store, observe(store, "shop"))
    assert customers["frequency"].to_dict() == {"ann": 1, "anonymous:phone": 0}


def test_other_events_do_not_make_customers_but_carry_the_observation_on(store_of: StoreOf) -> None:
    view = {"type": "page", "userId": "dan", "timestamp": "2026-02-04T10:00:00Z"}
    store = store_of([*_ORDERS, view])
    customers = rfm_in_weeks(store, observe(store, "shop"))
    assert list(customers.index) == ["ann", "bob", "cat"]
    assert customers.loc["bob", "T"] == 30 / 7


def test_currencies_are_never_mixed(store_of: StoreOf) -> None:
    store = store_of([*_ORDERS, order("eve", "2026-01-06T10:00:00Z", 9, "EUR")])
    with pytest.raises(DataRefused, match=r"^Source 'shop' has orders in USD, EUR: choose one with currency=\.$"):
        observe(store, "shop")
    assert list(rfm_in_weeks(store, observe(store, "shop", currency="EUR")).index) == ["eve"]


@pytest.mark.parametrize(
    ("source", "asked", "sentence"),
    [
        ("nobody", {}, "Source 'nobody' has no orders."),
        ("shop", {"currency": "IRR"}, "Source 'shop' has no orders in IRR."),
        (
            "shop",
            {"until": date(2026, 1, 8), "calibration_until": date(2026, 1, 9)},
            "calibration_until, 2026-01-09, must not be after until, 2026-01-08.",
        ),
    ],
)
def test_what_cannot_be_observed_is_refused_in_words(
    store_of: StoreOf, source: str, asked: dict, sentence: str
) -> None:
    store = store_of(_ORDERS)
    with pytest.raises(DataRefused) as refusal:
        observe(store, source, **asked)
    assert str(refusal.value) == sentence


def test_an_unknown_time_zone_is_refused(store_of: StoreOf) -> None:
    store = store_of(_ORDERS)
    for tz in ("Tehran Standard", "localtime", "Factory"):
        with pytest.raises(InvalidParameter, match="tz must be an IANA time zone"):
            observe(store, "shop", tz=tz)


def test_an_observation_before_the_first_order_is_refused(store_of: StoreOf) -> None:
    store = store_of(_ORDERS)
    with pytest.raises(
        DataRefused, match=r"until 2025-12-31, the first came on 2026-.*: choose a later calibration_until"
    ):
        rfm_in_weeks(store, observe(store, "shop", calibration_until=date(2025, 12, 31)))


def test_one_wrong_clock_does_not_stretch_the_observation(store_of: StoreOf) -> None:
    store = store_of([*_ORDERS, order("late", "2298-01-01T00:00:00Z", 1.0)])
    assert observe(store, "shop").until == datetime.now(UTC).date()


def test_patterns_are_the_same_customers_counted_by_the_store(bundled: Store, cdnow: Cdnow) -> None:
    patterns = patterns_in_weeks(bundled, cdnow.observation)
    pd.testing.assert_frame_equal(patterns, grouped(cdnow.customers), check_dtype=False)
    assert patterns["customers"].sum() == len(cdnow.customers)


def test_patterns_of_nobody_are_refused_as_customers_are(store_of: StoreOf) -> None:
    store = store_of(_ORDERS)
    with pytest.raises(DataRefused, match="has no orders until 2025-12-31"):
        patterns_in_weeks(store, observe(store, "shop", calibration_until=date(2025, 12, 31)))


def test_what_was_spent_is_all_of_it_before_and_after_the_end_of_the_calibration(store_of: StoreOf) -> None:
    store = store_of(_ORDERS)
    observation = observe(store, "shop", calibration_until=date(2026, 1, 8))
    table = spent(store, observation)
    assert table.to_dict("index") == {
        "ann": {"spent": 135, "holdout_spent": 5},
        "bob": {"spent": 7, "holdout_spent": 0},
    }
    assert table.index.equals(rfm_in_weeks(store, observation).index)


def test_what_cdnow_spent_adds_up_to_its_revenue_and_agrees_with_its_repeat_days(bundled: Store, cdnow: Cdnow) -> None:
    table = spent(bundled, cdnow.observation)
    assert table.to_numpy().sum() == pytest.approx(244_091.94)
    first_days = table["spent"] - cdnow.customers["frequency"] * cdnow.customers["monetary"]
    assert (first_days > -1e-9).all()


def test_what_was_paid_back_was_not_spent(store_of: StoreOf) -> None:
    first = order("ann", "2026-01-01T10:00:00Z", 50)
    store = store_of([first, _REPEAT, back(_REPEAT, "Order Refunded", "2026-01-10T10:00:00Z", 20)])
    observation = observe(store, "shop")
    assert spent(store, observation).loc["ann", "spent"] == 80
    assert spent_by_day(store, observation, "ann").to_dict() == {
        pd.Timestamp("2026-01-01"): 50,
        pd.Timestamp("2026-01-08"): 30,
    }


def test_orders_after_the_first_are_counted_by_whole_weeks_since_the_first_customer_came(store_of: StoreOf) -> None:
    store = store_of(_ORDERS)  # ann came on the 1st and again on the 8th and 11th; cat, on the 30th, is in the holdout
    weekly = repeat_orders_by_week(store, observe(store, "shop", calibration_until=date(2026, 1, 20)))
    assert weekly.to_dict() == {1: 1, 2: 1, 3: 0, 4: 0}


def test_one_customer_is_told_day_by_day_through_the_holdout(store_of: StoreOf) -> None:
    store = store_of(_ORDERS)
    days = spent_by_day(store, observe(store, "shop", calibration_until=date(2026, 1, 8)), "ann")
    assert [(day.day, amount) for day, amount in days.items()] == [(1, 120), (8, 15), (11, 5)]


def test_a_customer_that_there_is_not_is_refused(store_of: StoreOf) -> None:
    store = store_of(_ORDERS)
    with pytest.raises(DataRefused, match="has no orders of 'zoe': take a person of rfm_in_weeks"):
        spent_by_day(store, observe(store, "shop"), "zoe")
