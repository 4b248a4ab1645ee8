"""After the order: delivery, cancellation, refund, return, support case, complaint, repair.

Each function writes what happened and notes in the order's `Experience` what matters for coming back.
"""

from datetime import timedelta
from typing import Any

from numpy.random import Generator

from safar.demo.shop import model
from safar.demo.shop.browse import money
from safar.demo.shop.checkout import Order
from safar.demo.shop.journal import Journal
from safar.demo.shop.model import pick

_CHANNELS = {"phone": 0.2, "chat": 0.3, "email": 0.4, "social": 0.1}
_PROMISED_DAYS = 3.0


def look_after(journal: Journal, rng: Generator, order: Order) -> None:
    """All that follows an order that has to be sent."""
    if rng.random() < model.CANCELLED_SHARE:
        _cancel(journal, order, {"reason": "changed my mind"})
        return
    _deliver(journal, rng, order)
    if rng.random() < _contact_share(order):
        _support(journal, rng, order)
    if (order.experience.trouble or order.experience.slow) and rng.random() < model.COMPLAINT_SHARE:
        _complain(journal, rng, order)
    if not order.experience.failed and rng.random() < model.RETURN_SHARE:
        _return(journal, order)
    _repair(journal, rng, order)


def _cancel(journal: Journal, order: Order, why: dict[str, str]) -> None:
    order.settled_at += timedelta(hours=5)
    journal.track(order.settled_at, "Order Cancelled", {"order_id": order.order_id, **why})
    order.settled_at += timedelta(days=1)
    journal.track(order.settled_at, "Order Refunded", order.money | {"reason": "cancelled"})


def _deliver(journal: Journal, rng: Generator, order: Order) -> None:
    fate = rng.random()
    order.experience.failed = fate < model.FAILED_SHARE
    order.experience.late = not order.experience.failed and fate < model.FAILED_SHARE + model.LATE_SHARE
    if order.experience.failed:
        order.settled_at += timedelta(days=8)
        _cancel(journal, order, {"reason": "parcel lost", "initiator": "us"})
        return
    days_late = 1 + rng.exponential(3.0) if order.experience.late else rng.uniform(-1.5, 0.0)
    order.settled_at += timedelta(days=_PROMISED_DAYS + days_late)
    delivered = {"order_id": order.order_id, "carrier": "post", "days_late": round(days_late, 1)}
    journal.track(order.settled_at, "Order Delivered", delivered)


def _contact_share(order: Order) -> float:
    if order.experience.failed:
        return model.CONTACT_SHARE_FAILED
    return model.CONTACT_SHARE_LATE if order.experience.late else model.CONTACT_SHARE


def _support(journal: Journal, rng: Generator, order: Order) -> None:
    """A case: opened by the customer, answered by a person, solved; the last two may never come."""
    case = _case(rng, order, "case", "delivery" if order.experience.trouble else "product")
    opened = order.settled_at + timedelta(hours=rng.exponential(10))
    order.settled_at = opened
    journal.track(opened, "Support Contacted", case)
    order.experience.unresolved = bool(rng.random() < model.UNRESOLVED_SHARE)
    order.experience.response_hours = model.draw_response_hours(rng, case["channel"], opened)
    answered = opened + timedelta(hours=order.experience.response_hours)
    case = case | {"agent": f"agent-{rng.integers(1, 7)}"}
    journal.track(answered, "Support First Response Sent", case)
    order.settled_at = answered
    if not order.experience.unresolved:
        order.settled_at += timedelta(hours=rng.exponential(12))
        journal.track(order.settled_at, "Support Resolved", case)


def _complain(journal: Journal, rng: Generator, order: Order) -> None:
    topic = "delivery" if order.experience.trouble else "service"
    case = _case(rng, order, "complaint", topic)
    order.settled_at += timedelta(hours=rng.exponential(20))
    journal.track(order.settled_at, "Complaint Filed", case)
    order.experience.complaint_resolved = bool(rng.random() < model.COMPLAINT_RESOLVED_SHARE)
    if order.experience.complaint_resolved:
        order.settled_at += timedelta(days=rng.exponential(2))
        amends = {"outcome": "voucher", "compensation": money(5), "currency": order.currency}
        journal.track(order.settled_at, "Complaint Resolved", case | amends)


def _return(journal: Journal, order: Order) -> None:
    line = order.lines[0]
    back = {"order_id": order.order_id, "case_id": f"return-{order.order_id}", "reason": "does not please"}
    order.settled_at += timedelta(days=2)
    journal.track(order.settled_at, "Return Requested", back | {"products": [line]})
    order.settled_at += timedelta(days=6)
    refunded = {"revenue": min(line["price"], order.revenue), "currency": order.currency}
    journal.track(order.settled_at, "Order Refunded", back | refunded)


def _repair(journal: Journal, rng: Generator, order: Order) -> None:
    if any(line["category"] == "tools" for line in order.lines) and rng.random() < model.REPAIR_SHARE:
        case = _case(rng, order, "repair", "quality") | {"kind": "warranty"}
        journal.track(order.settled_at + timedelta(days=rng.exponential(60)), "Repair Case Opened", case)


def _case(rng: Generator, order: Order, kind: str, topic: str) -> dict[str, Any]:
    case_id = f"{kind}-{order.order_id}"
    return {"case_id": case_id, "order_id": order.order_id, "topic": topic, "channel": pick(rng, _CHANNELS)}
