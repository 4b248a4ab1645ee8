"""From a call as sent to the stored event: the ordered steps are `accept`.

One call in, one `Event` or one `EventRejected` out; nothing here knows about HTTP or the log.
"""

import math
import uuid
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from safar.contract.channels import channels
from safar.contract.event import CONTRACT_VERSION, Event
from safar.contract.schemas import Touchpoint
from safar.contract.validate import contract
from safar.contract.values import corrected, cut_ip, parse_money, parse_timestamp
from safar.errors import EventRejected, RejectionTag

Call = dict[str, Any]

_CALL_TYPES = frozenset({"track", "page", "screen", "identify", "group", "alias"})
_DEFAULT_NAMES = {"page": "Page Viewed", "screen": "Screen Viewed"}
_SCORES = frozenset({int, float, Decimal, str})
_TEXT_COLUMNS = frozenset({"order_id", "product_id", "case_id", "agent", "topic"})
_INITIATORS = ("customer", "us")
_NESTED = ("properties", "traits", "context")


@dataclass(frozen=True)
class Receipt:
    """What the collector knows about a call: whose it is and when it came."""

    source: str
    received_at: datetime
    sent_at: datetime | None = None
    strict: bool = False
    currency: str = ""


def accept(call: Any, receipt: Receipt) -> Event:  # noqa: ANN401 - anything may be sent
    """Check `call` against the contract and build the event that is stored."""
    tidy = _without_nulls(call)
    name, point = _touchpoint(tidy, receipt)
    contract().check(tidy, point)
    event = _identified(tidy, receipt)
    _name(event, tidy, name, point)
    _stamp(event, tidy, receipt)
    _fill_columns(event, tidy, point, receipt)
    return event


def _without_nulls(call: Any) -> Call:  # noqa: ANN401
    """SDKs send explicit nulls for what they do not know: absent, as far as the contract goes."""
    if not isinstance(call, dict):
        raise EventRejected(RejectionTag.MALFORMED_EVENT, "", "must be a JSON object")
    tidy: Call = dict(call)
    tidy.setdefault("properties", {})
    context = tidy.get("context")
    if type(context) is dict:
        nested = {key: _present(value) for key, value in context.items() if _has_nulls(value)}
        if nested:
            tidy["context"] = {**context, **nested}
    for key in _NESTED:
        if _has_nulls(tidy.get(key)):
            tidy[key] = _present(tidy[key])
    if None in tidy.values():
        tidy = {"properties": {}, **_present(tidy)}
    return tidy


def _has_nulls(value: Any) -> bool:  # noqa: ANN401
    return type(value) is dict and None in value.values()


def _present(value: Call) -> Call:
    return {key: item for key, item in value.items() if item is not None}


def _touchpoint(call: Call, receipt: Receipt) -> tuple[str, Touchpoint | None]:
    """The canonical name and the touchpoint; unknown names pass as unmapped unless the source is strict."""
    kind = call.get("type")
    if not isinstance(kind, str) or kind not in _CALL_TYPES:
        rule = "is required" if kind is None else f"must be one of {', '.join(sorted(_CALL_TYPES))}"
        raise EventRejected(RejectionTag.MISSING_FIELD if kind is None else RejectionTag.INVALID_FIELD, "type", rule)
    name = _DEFAULT_NAMES.get(kind) or (call.get("event") if kind == "track" else "")
    if not name or not isinstance(name, str):
        return "", None
    point = contract().touchpoint(name)
    if point is None and receipt.strict:
        raise EventRejected(
            RejectionTag.UNKNOWN_EVENT,
            "event",
            "is not a touchpoint of the contract, and the source is strict",
        )
    return (point.name if point else name), point


def _identified(call: Call, receipt: Receipt) -> Event:
    return Event(
        contract=CONTRACT_VERSION,
        event_id=call.get("messageId") or str(uuid.uuid4()),
        source=receipt.source,
        type=call["type"],
        user_id=str(call.get("userId", "")),
        anonymous_id=str(call.get("anonymousId", "")),
        previous_id=str(call.get("previousId", "")),
        group_id=str(call.get("groupId", "")),
        timestamp=receipt.received_at,
        received_at=receipt.received_at,
    )


def _name(event: Event, call: Call, name: str, point: Touchpoint | None) -> None:
    event.event = name
    if point:
        event.stage = point.stage
        event.initiator = point.initiator
        event.sent_as = call["event"] if event.type == "track" and call["event"] != name else ""
    elif name:
        event.stage = "unmapped"


def _stamp(event: Event, call: Call, receipt: Receipt) -> None:
    field = "originalTimestamp" if "originalTimestamp" in call else "timestamp"
    event.original_timestamp = parse_timestamp(call.get(field), field)
    event.sent_at = parse_timestamp(call["sentAt"], "sentAt") if "sentAt" in call else receipt.sent_at
    event.timestamp = corrected(event.original_timestamp, event.sent_at, receipt.received_at)


def _fill_columns(event: Event, call: Call, point: Touchpoint | None, receipt: Receipt) -> None:
    """What reports filter by becomes a column; everything stays in properties as well."""
    properties, context = _details(event, call), call.get("context", {})
    event.session_id = _text(context.get("sessionId") or properties.get("session_id"))
    if event.event:
        for column in _TEXT_COLUMNS & properties.keys():
            setattr(event, column, _text(properties[column]))
        if properties.get("initiator") in _INITIATORS:
            event.initiator = properties["initiator"]
        _figures(event, properties, point, receipt)
        channels().fill(event, properties, context, point)
    if "ip" in context:
        context = {**context, "ip": cut_ip(context["ip"])}
    event.properties, event.context = properties, context


def _details(event: Event, call: Call) -> Call:
    """The event's own data: properties with a page's name, or the traits of identify and group."""
    properties: Call = call["properties"]
    if not event.event:
        return {**properties, **call.get("traits", {})}
    if event.type != "track" and "name" in call:
        return {"name": call["name"], **properties}
    return properties


def _figures(event: Event, properties: Call, point: Touchpoint | None, receipt: Receipt) -> None:
    """Money and scores, under the names that the touchpoint gives; ratings come as text too."""
    if point:
        for name in point.revenue:
            if name in properties:
                event.revenue = parse_money(properties[name], f"properties.{name}")
                break
        for name in point.score:
            if type(properties.get(name)) in _SCORES:
                event.score = _number(properties[name])
                break
    currency = properties.get("currency")
    if type(currency) is str:
        event.currency = currency.upper()
    elif event.revenue is not None:
        event.currency = receipt.currency


def _number(value: Any) -> float | None:  # noqa: ANN401 - one of _SCORES
    """As a float; None for words, and for what no float holds: only some touchpoints have rules for their score."""
    try:
        number = float(value)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def _text(value: Any) -> str:  # noqa: ANN401
    if type(value) is str:
        return value
    return str(value) if type(value) is int else ""
