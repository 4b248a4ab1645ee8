"""The simulated shop as calls: reproducible, inside the contract, with identities to be sorted out."""

from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from safar.contract import Event, touchpoints
from safar.contract.accept import Receipt, accept
from safar.demo.shop import VISITORS, shop_calls
from safar.demo.shop.model import CHANNELS

_encode = msgspec.json.Encoder(decimal_format="number").encode

Calls = list[dict[str, Any]]


@pytest.fixture(scope="module")
def calls() -> Calls:
    return list(shop_calls())


@pytest.fixture(scope="module")
def events(calls: Calls) -> list[Event]:
    """The calls as a strict collector takes them: a name or a field outside the contract would raise."""
    receipt = Receipt("demo-shop", datetime(2026, 7, 1, tzinfo=UTC), strict=True)
    return [accept(_encode(call), receipt) for call in calls]


def test_the_same_seed_gives_the_same_bytes():
    assert _encode(list(shop_calls(60, seed=5))) == _encode(list(shop_calls(60, seed=5)))


def test_another_seed_gives_other_people_and_other_message_ids():
    one, other = list(shop_calls(60, seed=5)), list(shop_calls(60, seed=6))
    assert not {call["messageId"] for call in one} & {call["messageId"] for call in other}
    assert [call["timestamp"] for call in one] != [call["timestamp"] for call in other]


def test_more_visitors_add_calls_and_change_none():
    few, more = list(shop_calls(40)), list(shop_calls(80))
    by_id = {call["messageId"]: call for call in more}
    assert len(more) > len(few)
    assert all(by_id[call["messageId"]] == call for call in few)


def test_calls_come_in_the_order_of_time_within_eighteen_months(calls):
    times = [call["timestamp"] for call in calls]
    assert times == sorted(times)
    assert times[0] >= "2025-01-01"
    assert "2026-06-29" < times[-1] < "2026-07-01"


def test_message_ids_and_order_ids_are_unique(calls, events):
    assert len({call["messageId"] for call in calls}) == len(calls)
    orders = [event.order_id for event in events if event.event == "Order Completed"]
    assert len(set(orders)) == len(orders)


def test_the_default_size_loads_in_seconds(calls):
    assert VISITORS == 1500
    assert 30_000 < len(calls) < 45_000


def test_every_touchpoint_of_the_contract_occurs(events):
    assert {point.name for point in touchpoints()} == {event.event for event in events if event.event}


def test_visits_come_from_every_channel_of_the_model(events):
    channels = {event.acquisition_channel for event in events if event.type == "page"}
    assert channels == {*CHANNELS, "display", ""}


def test_the_first_visit_has_the_channel_that_was_drawn(events):
    """Shares of the first page of each browser, friends aside, are those of the model."""
    first: dict[str, str] = {}
    for event in events:
        if event.type == "page" and event.anonymous_id.startswith("browser-") and "f" not in event.anonymous_id:
            first.setdefault(event.anonymous_id, event.acquisition_channel)
    shares = Counter(first.values())
    for name, channel in CHANNELS.items():
        assert shares[name] / len(first) == pytest.approx(channel.share, abs=0.035)


def test_only_the_landing_page_counts_as_an_arrival(events):
    """Later pages of a visit are reached from the shop's own: they carry no channel."""
    pages = defaultdict(list)
    for event in events:
        if event.type == "page":
            pages[event.session_id].append(event.acquisition_channel)
    assert all(visit[0] != "" and set(visit[1:]) <= {""} for visit in pages.values())


def test_touches_happen_in_every_place(events):
    channels = {event.touch_channel for event in events if event.event}
    assert channels == {"site", "app", "store", "phone", "chat", "email", "social", "meeting", "server"}


def test_most_visitors_stay_unknown(calls):
    known = {call["anonymousId"] for call in calls if call["type"] == "identify"}
    everybody = {call["anonymousId"] for call in calls if "anonymousId" in call}
    assert 0.25 < len(known) / len(everybody) < 0.5


def test_an_anonymous_journey_is_later_identified(calls):
    """Buyers looked around without a name first, on the device and before the call that names them."""
    named: dict[str, str] = {}
    for call in calls:
        if call["type"] == "identify":
            named.setdefault(call["anonymousId"], call["timestamp"])
    before = {
        call["anonymousId"]
        for call in calls
        if call["type"] == "page" and "userId" not in call and call["timestamp"] < named.get(call["anonymousId"], "")
    }
    assert len(before) > 0.5 * len(named)


def test_orders_are_always_somebodys(events):
    assert all(event.user_id for event in events if event.event == "Order Completed")


def test_some_customers_use_two_devices_and_some_devices_are_shared(calls):
    devices, users = defaultdict(set), defaultdict(set)
    for call in calls:
        if "anonymousId" in call and call.get("userId", "null") != "null":
            devices[call["userId"]].add(call["anonymousId"])
            users[call["anonymousId"]].add(call["userId"])
    assert sum(len(seen) > 1 for seen in devices.values()) > 50
    shared = {device: len(seen) for device, seen in users.items() if device.startswith("library-computer")}
    assert len(shared) == 2
    assert min(shared.values()) > 3


def test_a_shared_device_forgets_who_was_there(calls):
    """Each visit on it starts without a name, whoever was there before."""
    first: dict[str, dict[str, Any]] = {}
    for call in calls:
        if call.get("anonymousId", "").startswith("library-computer"):
            first.setdefault(call["context"]["sessionId"], call)
    assert len(first) > 10
    assert not [call for call in first.values() if "userId" in call]


def test_a_few_guests_are_joined_to_their_account_by_alias(calls):
    aliases = [call for call in calls if call["type"] == "alias"]
    buyers = {call["userId"] for call in calls if call.get("event") == "Order Completed"}
    assert 1 <= len(aliases) < 15
    for alias in aliases:
        assert alias["previousId"] in buyers
        assert alias["userId"] == alias["previousId"].replace("guest", "shop")


def test_a_broken_page_sends_the_user_id_null(calls):
    devices = {call["anonymousId"] for call in calls if call.get("userId") == "null"}
    assert 3 < len(devices) < 40


def test_a_small_share_pays_in_a_second_currency(events):
    orders = Counter(event.currency for event in events if event.event == "Order Completed")
    assert set(orders) == {"EUR", "USD"}
    assert 0.01 < orders["USD"] / orders.total() < 0.12


def test_the_lines_of_an_order_add_up_to_what_is_paid(calls):
    for call in calls:
        if call.get("event") == "Order Completed":
            order = call["properties"]
            assert sum(line["price"] for line in order["products"]) == order["revenue"] + order.get("discount", 0)


def test_refunds_never_exceed_the_order(events):
    paid = {event.order_id: event.revenue for event in events if event.event == "Order Completed"}
    refunds = [event for event in events if event.event == "Order Refunded"]
    assert refunds
    assert all(0 < event.revenue <= paid[event.order_id] for event in refunds)


def test_cases_open_before_they_are_answered_and_solved(events):
    steps = ("Support Contacted", "Support First Response Sent", "Support Resolved")
    cases = defaultdict(list)
    for event in events:
        if event.event in steps:
            cases[event.case_id].append(event.event)
    assert all(tuple(seen) == steps[: len(seen)] for seen in cases.values())
    assert any(len(seen) < 3 for seen in cases.values())


def test_people_write_in_persian_and_in_english(calls):
    texts = {call["properties"]["text"] for call in calls if "text" in call.get("properties", {})}
    persian = {text for text in texts if "ا" in text}
    assert len(persian) > 4
    assert len(texts - persian) > 4


def test_staff_and_partners_answer_the_questions_customers_answer(calls):
    answers = [call["properties"] for call in calls if call.get("event") == "Survey Answered"]
    dimensions = defaultdict(set)
    for answer in answers:
        if answer["kind"] == "perception":
            dimensions[answer["respondent"]].add(answer["dimension"])
    assert set(dimensions) == {"customer", "staff", "partner"}
    assert len(set(map(frozenset, dimensions.values()))) == 1


def test_an_accepted_invitation_names_who_sent_it(calls):
    sent = {call["properties"]["referral_id"]: call["userId"] for call in calls if call.get("event") == "Referral Sent"}
    accepted = [call for call in calls if call.get("event") == "Referral Accepted"]
    assert len(accepted) > 20
    for call in accepted:
        assert sent[call["properties"]["referral_id"]] == call["properties"]["referrer_id"] != call["userId"]
