"""Steps 2 and 3, from a call as sent to the stored event: read it, fill the columns.

One call in, one `Event` or one `EventRejected` out; nothing here knows about HTTP or the log.
"""

import math
import uuid
from datetime import datetime
from decimal import Decimal
from typing import Any

import msgspec
from msgspec.structs import replace

from safar.contract.begin import begun
from safar.contract.calls import Call, Context, Properties, Reading, Receipt
from safar.contract.careful import read_carefully
from safar.contract.channels import channels
from safar.contract.event import Event
from safar.contract.quick import check_quickly, read_quickly, shapes
from safar.contract.schemas import Touchpoint
from safar.contract.validate import contract
from safar.contract.values import corrected, parse_timestamp

__all__ = ["Receipt", "accept", "accept_read", "load_contract"]

_INITIATORS = ("customer", "us")
_SCORES = frozenset({int, float, Decimal, str})


def load_contract() -> None:
    """Read schemas/ now, so that a service with a broken file says so and does not start. Raises ConfigError."""
    contract()
    channels()
    shapes()


def accept(raw: bytes | msgspec.Raw, receipt: Receipt) -> Event:
    """Check the call in `raw` against the contract; the event that is stored.

    Raises EventRejected, naming the field and the rule.
    """
    return event_of(read_quickly(raw, receipt) or read_carefully(raw, receipt), receipt)


def accept_read(call: Call, receipt: Receipt) -> Event | None:
    """The same for a call that was read with its whole batch; None when only `accept` can tell."""
    reading = check_quickly(call, receipt)
    return event_of(reading, receipt) if reading else None


def event_of(reading: Reading, receipt: Receipt) -> Event:
    """What reports filter by becomes a column; everything stays in the details as well."""
    call, properties = reading.call, reading.properties
    original, sent_at = _stamps(call, receipt)
    event = replace(
        begun(reading),
        event_id=call.message_id or str(uuid.uuid4()),
        source=receipt.source,
        timestamp=corrected(original, sent_at, receipt.received_at),
        original_timestamp=original,
        sent_at=sent_at,
        received_at=receipt.received_at,
        revenue=reading.revenue,
        properties=reading.details,
    )
    _fill_ids(event, call, properties, reading.surroundings.context)
    if event.type == "track" and call.event != event.event:
        event.sent_as = call.event or ""
    if event.event:
        _fill_texts(event, properties)
        _fill_figures(event, properties, reading.point, receipt)
        if properties.channel is not None or event.type == "page":
            channels().correct(event, reading.point, properties, reading.surroundings)
    return event


def _fill_ids(event: Event, call: Call, properties: Properties, context: Context) -> None:
    """Whose event it is. Most events have few of these, so each is looked at before it is converted."""
    if call.user_id is not None:
        event.user_id = str(call.user_id)
    if call.anonymous_id is not None:
        event.anonymous_id = str(call.anonymous_id)
    if call.previous_id is not None:
        event.previous_id = str(call.previous_id)
    if call.group_id is not None:
        event.group_id = str(call.group_id)
    session = context.session_id or properties.session_id
    if session is not None:
        event.session_id = _text(session)


def _fill_texts(event: Event, properties: Properties) -> None:
    if properties.order_id is not None:
        event.order_id = _text(properties.order_id)
    if properties.product_id is not None:
        event.product_id = _text(properties.product_id)
    if properties.case_id is not None:
        event.case_id = _text(properties.case_id)
    if properties.agent is not None:
        event.agent = _text(properties.agent)
    if properties.topic is not None:
        event.topic = _text(properties.topic)
    if properties.initiator in _INITIATORS:
        event.initiator = properties.initiator


def _fill_figures(event: Event, properties: Properties, point: Touchpoint | None, receipt: Receipt) -> None:
    """Scores, under the names that the touchpoint gives; money without a currency takes the source's."""
    if point and point.score:
        event.score = _score(properties, point.score)
    if type(properties.currency) is str:
        event.currency = properties.currency.upper()
    elif event.revenue is not None:
        event.currency = receipt.currency


def _stamps(call: Call, receipt: Receipt) -> tuple[datetime | None, datetime | None]:
    """When it happened and when it was sent, by the client's clock."""
    if call.original_timestamp is not None:
        original = parse_timestamp(call.original_timestamp, "originalTimestamp")
    else:
        original = parse_timestamp(call.timestamp, "timestamp")
    return original, receipt.sent_at if call.sent_at is None else parse_timestamp(call.sent_at, "sentAt")


def _score(properties: Properties, names: tuple[str, ...]) -> float | None:
    """The first answer or rating that is there; None for words, and for what no float holds: not all have a rule."""
    for name in names:
        value = getattr(properties, name)
        if type(value) in _SCORES:
            try:
                number = float(value)
            except (ValueError, OverflowError):
                return None
            return number if math.isfinite(number) else None
    return None


def _text(value: Any) -> str:  # noqa: ANN401 - as sent
    if type(value) is str:
        return value
    return str(value) if type(value) is int else ""
