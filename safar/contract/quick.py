"""Step 2, the quick way to read a call: typed, checked in the same pass, its texts kept as they came.

Whatever does not fit at first sight gives None, and the careful way has the last word. What is taken here is taken
there too, with the same columns; only what is not stored, such as members that nobody knows, is not looked into here.
"""

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

import msgspec

from safar.contract.calls import PAGE_NAMES, Call, Context, Properties, Reading, Receipt, Surroundings
from safar.contract.channels import channels
from safar.contract.event import EMPTY_OBJECT, CallType
from safar.contract.schemas import Touchpoint, touchpoints
from safar.contract.typed import ANY_SHAPE, Shape, shape_of
from safar.contract.validate import contract
from safar.contract.values import MAX_DEPTH, UNREADABLE, cut_ip, is_deeper

_REMEMBERED_NAMES = 4096
_REMEMBERED_CONTEXTS = 2048
_REMEMBERED_BYTES = 1024
_REMEMBERED_AMOUNTS = 4096

# Below 1e15, as every schema wants its money; no sign, no exponent.
_is_amount = re.compile(rb"(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,6})?").fullmatch

# More digits than Python reads as an int need a longer text.
_MOST_BYTES = 4000

_read_call = msgspec.json.Decoder(Call).decode
_read_context = msgspec.json.Decoder(Context).decode


@lru_cache(_REMEMBERED_NAMES)
def _known(name: str) -> tuple[str, Touchpoint | None, Shape | None]:
    """The canonical name, its touchpoint and how its properties are read: None when only the schema can check them."""
    point = contract().touchpoint(name) if name else None
    return (point.name, point, shapes()[point.name]) if point else (name, None, ANY_SHAPE)


@cache
def shapes() -> Mapping[str, Shape | None]:
    """By touchpoint; None for one that only its schema can check."""
    return {point.name: shape_of(point) for point in touchpoints()}


def read_quickly(raw: bytes | msgspec.Raw, receipt: Receipt) -> Reading | None:
    """The call in `raw`, when it plainly keeps the contract."""
    try:
        call = _read_call(raw)
    except UNREADABLE:
        return None
    return check_quickly(call, receipt)


def check_quickly(call: Call, receipt: Receipt) -> Reading | None:
    """A call that was read before, when it plainly keeps the contract."""
    if receipt.context:
        return None
    try:
        kind = receipt.call_type or call.type
        if not kind or not _is_complete(call, kind):
            return None
        sent_as = call.event if kind == "track" else PAGE_NAMES.get(kind)
        name, point, shape = _known(sent_as or "")
        if not shape or (receipt.strict and name and not point):
            return None
        properties = shape.read(call.properties)
        revenue = _revenue(properties, point.revenue) if point and point.revenue else None
        if revenue is None and shape.needs_revenue:
            return None
        if shape.alternatives and not _has_alternatives(properties, shape):
            return None
        details = call.properties if kind == "track" else _details(call, kind, properties)
        if details is None or not _is_object(call.traits) or not _is_sound(bytes(details), plain=receipt.plain):
            return None
        surroundings = _surroundings(bytes(call.context))
    except UNREADABLE:
        return None
    return Reading(call, kind, name, point, properties, revenue, details, surroundings) if surroundings else None


def _is_complete(call: Call, kind: CallType) -> bool:
    """What schemas/envelope.json requires, by the type of the call."""
    if call.user_id is None and (call.anonymous_id is None or kind == "alias"):
        return False
    if kind == "track":
        return call.event is not None
    if kind == "group":
        return call.group_id is not None
    return kind != "alias" or call.previous_id is not None


def _revenue(properties: Properties, names: tuple[str, ...]) -> Decimal | None:
    """The first amount that is there. ArithmeticError when any is not plainly written."""
    first = None
    for name in names:
        text = getattr(properties, name)
        if text is not None:
            amount = _amount(bytes(text))
            if first is None:
                first = amount
    return first


@lru_cache(_REMEMBERED_AMOUNTS)
def _amount(text: bytes) -> Decimal:
    """Prices come again and again."""
    if not _is_amount(text):
        raise ArithmeticError
    return Decimal(text.decode())


def _has_alternatives(properties: Properties, shape: Shape) -> bool:
    """Whether of each group of properties that the schema names one is there."""
    for names in shape.alternatives:
        for name in names:
            if getattr(properties, name) is not None:
                break
        else:
            return False
    return True


def _details(call: Call, kind: CallType, properties: Properties) -> msgspec.Raw | None:
    """The own data of anything but a track call as one text, when it needs no merging."""
    if kind not in PAGE_NAMES:
        return call.traits if call.properties is EMPTY_OBJECT or bytes(call.properties) == b"{}" else None
    if call.name is None:
        return call.properties
    return _named(call.name, bytes(call.properties)) if properties.name is msgspec.UNSET else None


def _named(name: str, properties: bytes) -> msgspec.Raw | None:
    """The properties of a page with its name in front."""
    start = b'{"name":%b' % msgspec.json.encode(name)
    if properties == b"{}":
        return msgspec.Raw(start + b"}")
    return msgspec.Raw(b"%b,%b" % (start, properties[1:])) if properties[1:2] == b'"' else None


def _surroundings(text: bytes) -> Surroundings | None:
    """Many calls come from the same place: a whole batch, or all of a server's."""
    return _remembered_surroundings(text) if len(text) <= _REMEMBERED_BYTES else _read_surroundings(text)


def _read_surroundings(text: bytes) -> Surroundings | None:
    context = _read_context(text)
    if not _is_sound(text, plain=False):
        return None
    landing = channels().landing(context)
    if context.ip is not None:
        members: dict[str, Any] = msgspec.json.decode(text, type=dict[str, msgspec.Raw])
        text = msgspec.json.encode({**members, "ip": cut_ip(context.ip)})
    return Surroundings(msgspec.Raw(text), context, landing)


_remembered_surroundings = lru_cache(_REMEMBERED_CONTEXTS)(_read_surroundings)


def _is_object(value: msgspec.Raw) -> bool:
    return value is EMPTY_OBJECT or bytes(value).startswith(b"{")


def is_plain(text: bytes) -> bool:
    """Whether `text`, a call or a whole batch, may be kept as it came without a closer look."""
    return text.isascii() and b"\n" not in text


def _is_sound(text: bytes, *, plain: bool) -> bool:
    """Whether a text kept as it came can stand in a line that every reader reads: one line, not too deep.

    UnicodeDecodeError when it is no UTF-8.
    """
    size = len(text)
    if size > _MOST_BYTES or not (plain or _is_one_line(text)):
        return False
    if size < 2 * MAX_DEPTH or text.count(b"{") + text.count(b"[") < MAX_DEPTH:  # the call itself is one more
        return True
    return not is_deeper(msgspec.json.decode(text), MAX_DEPTH - 1)


def _is_one_line(text: bytes) -> bool:
    return b"\n" not in text and bool(text.decode())
