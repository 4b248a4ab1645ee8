"""What happens around a customer's orders: newsletters, talks, a subscription, and the end of the account."""

from datetime import datetime, timedelta
from typing import Any

from numpy.random import Generator

from safar.demo.shop import model
from safar.demo.shop.browse import money
from safar.demo.shop.journal import Journal
from safar.demo.shop.model import END, Experience

_MONTH = timedelta(days=30)


def rest_of_life(journal: Journal, rng: Generator, first_at: datetime, gone_at: datetime, last: Experience) -> None:
    """Everything between the first order and the end; who is still a customer has END as `gone_at`."""
    closed_at = END
    if gone_at < END and last.trouble and rng.random() < model.CLOSES_ACCOUNT:
        closed_at = gone_at + timedelta(days=15 + rng.exponential(20))
        journal.track(closed_at, "Account Closed", {"reason": "delivery"})
    _open_newsletters(journal, rng, first_at, gone_at, closed_at)
    _talk(journal, rng, first_at, gone_at)
    if rng.random() < model.SUBSCRIBES:
        _subscribe(journal, first_at + timedelta(days=5), gone_at)


def _open_newsletters(
    journal: Journal, rng: Generator, first_at: datetime, gone_at: datetime, closed_at: datetime
) -> None:
    at = first_at + _MONTH
    while at < closed_at:
        share = model.OPENED_WHILE_ACTIVE if at < gone_at else model.OPENED_AFTER
        if rng.random() < share:
            opened = at + timedelta(hours=rng.exponential(8))
            email = {"email_id": f"newsletter-{at:%Y-%m}", "campaign_name": "newsletter"}
            journal.track(opened, "Email Opened", email)
        at += _MONTH


def _talk(journal: Journal, rng: Generator, first_at: datetime, gone_at: datetime) -> None:
    """A call from us, or advice in a meeting or in the store: they go with nothing."""
    if rng.random() < 0.08:
        call = {
            "channel": "phone",
            "initiator": "us",
            "topic": "advice",
            "agent": "agent-2",
            "duration_s": 240,
        }
        journal.track(_between(rng, first_at, gone_at), "Contact Made", call)
    if rng.random() < 0.03:
        meeting = {"agent": "agent-3", "topic": "advice", "duration_s": 1500}
        journal.track(_between(rng, first_at, gone_at), "Meeting Held", meeting)
    if rng.random() < 0.06:
        journal.track(_between(rng, first_at, gone_at), "Store Visited", {"store_id": "store-2"})


def _between(rng: Generator, start: datetime, end: datetime) -> datetime:
    return start + timedelta(hours=1) + (end - start) * rng.random()


def _subscribe(journal: Journal, at: datetime, gone_at: datetime) -> None:
    """A box of tea every month until the customer stops."""
    plan: dict[str, Any] = {"subscription_id": f"box-{journal.key}", "plan": "tea box"}
    paid = plan | {"revenue": money(model.BOX_PRICE), "currency": "EUR"}
    journal.track(at, "Subscription Started", paid)
    while (at := at + _MONTH) < gone_at:
        journal.track(at, "Subscription Renewed", paid)
    if gone_at < END:
        journal.track(at, "Subscription Cancelled", plan)
