"""A call as sent, read into what the contract looks at. What it does not name stays in the text and is not checked.

schemas/envelope.json is where the rules stand; a test holds these types equal to it.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, NamedTuple

import msgspec

from safar.contract.event import EMPTY_OBJECT, CallType, Event
from safar.contract.schemas import Touchpoint

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | int
Instant = Annotated[str, msgspec.Meta(min_length=1)]

PAGE_NAMES: Mapping[str | None, str] = {"page": "Page Viewed", "screen": "Screen Viewed"}
"""The touchpoints that are calls of their own."""


class Receipt(msgspec.Struct, frozen=True, gc=False):
    """What the collector knows about a call: whose it is, when it came and what its request says of it."""

    source: str
    received_at: datetime
    sent_at: datetime | None = None
    strict: bool = False
    currency: str = ""
    call_type: CallType | None = None
    """From the path of a single call; None when each call of a batch says it."""
    plain: bool = False
    """Whether the whole body was found plain (`quick.is_plain`), and the call with it."""
    context: Mapping[str, Any] = {}
    """Of the batch; each call's own goes before it."""


class Page(msgspec.Struct, gc=False):
    """The page that was open."""

    url: str | None = None
    path: str | None = None
    referrer: str | None = None
    title: str | None = None
    search: str | None = None


class Campaign(msgspec.Struct, gc=False):
    """What the link said that led here."""

    name: str | None = None
    source: str | None = None
    medium: str | None = None
    term: str | None = None
    content: str | None = None


class Library(msgspec.Struct, gc=False):
    """What sent the call."""

    name: str | None = None
    version: str | None = None


class Context(msgspec.Struct, rename="camel", gc=False):
    """The circumstances of a call."""

    ip: str | None = None
    user_agent: str | None = None
    locale: str | None = None
    timezone: str | None = None
    session_id: Id | None = None
    page: Page | None = None
    campaign: Campaign | None = None
    library: Library | None = None


class AnyObject(msgspec.Struct, gc=False):
    """Whatever it holds, it must be an object."""


class Call(msgspec.Struct, rename="camel", gc=False):
    """A call of Segment's HTTP tracking API. A null is the same as nothing."""

    type: CallType | None = None
    event: Annotated[str, msgspec.Meta(min_length=1, max_length=255)] | None = None
    name: str | None = None
    user_id: Id | None = None
    anonymous_id: Id | None = None
    previous_id: Id | None = None
    group_id: Id | None = None
    message_id: Annotated[str, msgspec.Meta(min_length=1, max_length=100)] | None = None
    timestamp: Instant | None = None
    original_timestamp: Instant | None = None
    sent_at: Instant | None = None
    properties: msgspec.Raw = EMPTY_OBJECT
    traits: msgspec.Raw = EMPTY_OBJECT
    integrations: AnyObject | None = None
    write_key: str | None = None
    context: msgspec.Raw = EMPTY_OBJECT


class Properties(msgspec.Struct, gc=False):
    """What fills a column from the properties of any event; each touchpoint adds its money and its rules."""

    order_id: Any = None
    product_id: Any = None
    case_id: Any = None
    agent: Any = None
    topic: Any = None
    session_id: Any = None
    initiator: Any = None
    channel: Any = None
    currency: Any = None
    url: Any = None
    referrer: Any = None
    name: Any = msgspec.UNSET


class Landing(NamedTuple):
    """What the channel rules make of a visit."""

    channel: str
    referrer_host: str
    page: str
    source: str
    medium: str
    campaign: str


class Surroundings(msgspec.Struct, gc=False):
    """A context as it is stored, and what follows from it alone: calls that share it share this."""

    text: msgspec.Raw
    context: Context
    landing: Landing
    begun: dict[tuple[CallType, str], Event] = msgspec.field(default_factory=dict)
    """By call and touchpoint: an event that only wants its own columns."""


class Reading(msgspec.Struct, gc=False):
    """A call that keeps the contract."""

    call: Call
    type: CallType
    name: str
    """Of the touchpoint; as sent when it is unmapped, and empty for identify, group and alias."""
    point: Touchpoint | None
    properties: Properties
    revenue: Decimal | None
    details: msgspec.Raw
    """The event's own data as stored."""
    surroundings: Surroundings
