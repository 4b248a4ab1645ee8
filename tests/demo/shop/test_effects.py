"""The written-down effects can be read back off the calls alone, in a larger sample than the default."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from statistics import mean

import pytest

from safar.demo.shop import shop_calls
from safar.demo.shop.model import END, SLOW_HOURS, SUPPORT_CHANGE

_VISITORS = 4000
_WITHIN = timedelta(days=120)


@dataclass
class Seen:
    """What the calls tell of orders, without a look at the model."""

    orders: dict[str, list[tuple[datetime, str]]] = field(default_factory=lambda: defaultdict(list))
    first_source: dict[str, str] = field(default_factory=dict)
    late: dict[str, bool] = field(default_factory=dict)
    lost: set[str] = field(default_factory=set)
    opened: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    hours: dict[str, float] = field(default_factory=dict)
    nps: dict[str, int] = field(default_factory=dict)

    def come_back(self, which: Callable[[str], object]) -> float:
        """Share of those orders that the same customer follows by another one in time."""
        back = []
        for orders in self.orders.values():
            for (at, order), following in zip(orders, [*orders[1:], None], strict=True):
                if at < END - _WITHIN and which(order):
                    back.append(following is not None and following[0] - at <= _WITHIN)
        return mean(back)

    def promoters_less_detractors(self, which: Callable[[str], object]) -> float:
        """The NPS of those orders."""
        scores = [score for order, score in self.nps.items() if which(order)]
        return 100 * mean((score >= 9) - (score <= 6) for score in scores)

    def orders_per_buyer(self, source: str) -> float:
        """Mean orders of the buyers whose browser first came from there."""
        return mean(
            len(orders)
            for user, orders in self.orders.items()
            if self.first_source.get(user.replace("shop-", "browser-")) == source
        )


@pytest.fixture(scope="module")
def seen() -> Seen:
    found = Seen()
    for call in shop_calls(_VISITORS, seed=11):
        at, event, properties = (
            datetime.fromisoformat(call["timestamp"]),
            call.get("event"),
            call.get("properties", {}),
        )
        order = properties.get("order_id", "")
        if call["type"] == "page":
            source = call["context"].get("campaign", {}).get("source", "")
            found.first_source.setdefault(call["anonymousId"], source)
        elif event == "Order Completed":
            found.orders[call["userId"]].append((at, order))
        elif event == "Order Delivered":
            found.late[order] = properties["days_late"] > 0
        elif event == "Order Cancelled" and properties.get("initiator") == "us":
            found.lost.add(order)
        elif event == "Support Contacted":
            found.opened[order] = (at, properties["channel"])
        elif event == "Support First Response Sent":
            found.hours[order] = (at - found.opened[order][0]) / timedelta(hours=1)
        elif event == "Survey Answered" and properties["kind"] == "nps":
            found.nps[order] = properties["score"]
    return found


def test_customers_come_back_less_after_a_late_parcel_and_least_after_a_lost_one(seen):
    on_time = seen.come_back(lambda order: seen.late.get(order) is False)
    late = seen.come_back(lambda order: seen.late.get(order))
    lost = seen.come_back(lambda order: order in seen.lost)
    assert on_time - late > 0.11
    assert on_time - lost > 0.18


def test_customers_come_back_less_after_a_slow_answer(seen):
    fast = seen.come_back(lambda order: order in seen.hours and seen.hours[order] <= SLOW_HOURS)
    slow = seen.come_back(lambda order: seen.hours.get(order, 0) > SLOW_HOURS)
    assert fast - slow > 0.12


def test_late_parcels_and_slow_answers_lower_nps(seen):
    smooth = seen.promoters_less_detractors(lambda order: seen.late.get(order) is False and order not in seen.opened)
    late = seen.promoters_less_detractors(lambda order: seen.late.get(order))
    fast = seen.promoters_less_detractors(lambda order: order in seen.hours and seen.hours[order] <= SLOW_HOURS)
    slow = seen.promoters_less_detractors(lambda order: seen.hours.get(order, 0) > SLOW_HOURS)
    assert smooth - late > 50
    assert fast - slow > 15


def test_buyers_from_paid_search_order_less_than_those_who_come_by_themselves(seen):
    assert seen.orders_per_buyer("") - seen.orders_per_buyer("google") > 0.5


def test_answers_became_faster_by_email_and_not_by_phone(seen):
    hours = defaultdict(list)
    for order, (opened, channel) in seen.opened.items():
        if order in seen.hours:
            hours[channel, opened >= SUPPORT_CHANGE].append(seen.hours[order])
    assert mean(hours["email", True]) < 0.6 * mean(hours["email", False])
    assert mean(hours["phone", True]) > 0.6 * mean(hours["phone", False])
