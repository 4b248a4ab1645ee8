"""The stored line: what the collector writes to the log and the aggregator inserts, unchanged.

Field for field these structs are the columns of schemas/tables (a test compares them), so that one packed line
needs no translation on its way into ClickHouse. The position columns are added by the aggregator.
"""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Literal

import msgspec

CONTRACT_VERSION = 1
"""Version of the stored line. Changes are additive: lines of every earlier version still load."""

EMPTY_OBJECT = msgspec.Raw(b"{}")

CallType = Literal["track", "page", "screen", "identify", "group", "alias"]


class Event(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False, tag_field="kind", tag="event"):
    """One accepted event. Absent texts are empty, absent numbers and stamps are null; neither is written out."""

    contract: int
    event_id: str
    source: str
    type: CallType
    event: str = ""
    sent_as: str = ""
    stage: str = ""
    user_id: str = ""
    anonymous_id: str = ""
    previous_id: str = ""
    group_id: str = ""
    session_id: str = ""
    timestamp: datetime
    original_timestamp: datetime | None = None
    sent_at: datetime | None = None
    received_at: datetime
    acquisition_channel: str = ""
    touch_channel: str = ""
    initiator: str = ""
    campaign: str = ""
    campaign_source: str = ""
    campaign_medium: str = ""
    referrer: str = ""
    url: str = ""
    order_id: str = ""
    product_id: str = ""
    case_id: str = ""
    agent: str = ""
    topic: str = ""
    score: float | None = None
    revenue: Decimal | None = None
    currency: str = ""
    properties: msgspec.Raw = EMPTY_OBJECT
    """JSON text, as sent wherever it could stay as it was; so is `context`."""
    context: msgspec.Raw = EMPTY_OBJECT


class FailedEvent(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False, tag_field="kind", tag="failed"):
    """One refused event, kept with its bytes so that it can be listed and replayed after a fix."""

    contract: int
    failed_id: str
    source: str
    received_at: datetime
    tag: str
    field: str = ""
    rule: str = ""
    event_id: str = ""
    event: str = ""
    body: str = ""
    body_encoding: Literal["utf8", "base64"]
    endpoint: str = ""


_encoder = msgspec.json.Encoder(decimal_format="number")


def to_line(item: Event | FailedEvent) -> bytes:
    """The stored line: one JSON object without a newline. Money keeps its decimal digits."""
    return _encoder.encode(item)


def to_lines(items: Sequence[Event | FailedEvent]) -> bytes:
    """The stored lines, with a newline between each two: a third less work than one by one."""
    return _encoder.encode_lines(items)[:-1]
