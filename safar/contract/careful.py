"""Step 2, the careful way to read a call: as plain values, checked against the JSON Schemas, the broken rule named."""

from decimal import Decimal
from functools import cache
from typing import Any

import msgspec

from safar.contract.calls import (
    PAGE_NAMES,
    Call,
    Campaign,
    Context,
    Library,
    Page,
    Properties,
    Reading,
    Receipt,
    Surroundings,
)
from safar.contract.channels import channels
from safar.contract.event import EMPTY_OBJECT, CallType
from safar.contract.schemas import Touchpoint, touchpoints
from safar.contract.validate import contract
from safar.contract.values import MAX_DEPTH, UNREADABLE, cut_ip, exact_number, is_deeper, parse_money
from safar.errors import EventRejected, RejectionTag

Json = dict[str, Any]

_TOO_DEEP = f"must not be nested more than {MAX_DEPTH} deep"

_CALL_TYPES = frozenset(CallType.__args__)  # type: ignore[attr-defined]
_NESTED = ("properties", "traits", "context")
_PARTS: dict[str, type[Any]] = {"page": Page, "campaign": Campaign, "library": Library}
_IDS = ("userId", "anonymousId", "previousId", "groupId")

# Money must keep the digits of the JSON text.
_decode = msgspec.json.Decoder(float_hook=exact_number).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


def read_json(raw: bytes | msgspec.Raw) -> Any:  # noqa: ANN401 - anything may be sent
    """A call, or a batch's context, as Python values. Raises EventRejected when it is no JSON, or nested too deep."""
    try:
        value = _decode(raw)
    except RecursionError:
        raise EventRejected(RejectionTag.MALFORMED_EVENT, "", _TOO_DEEP) from None
    except msgspec.ValidationError:  # all that a reader of any value refuses of valid JSON
        rule = "must hold no integer of more than 4300 digits"
        raise EventRejected(RejectionTag.MALFORMED_EVENT, "", rule) from None
    except UNREADABLE:
        raise EventRejected(RejectionTag.MALFORMED_EVENT, "", "must be valid JSON in UTF-8") from None
    text = bytes(raw)
    # Counting brackets is quick, and nearly always enough.
    if text.count(b"{") + text.count(b"[") > MAX_DEPTH and is_deeper(value):
        raise EventRejected(RejectionTag.MALFORMED_EVENT, "", _TOO_DEEP)
    return value


def read_carefully(raw: bytes | msgspec.Raw, receipt: Receipt) -> Reading:
    """The call, or EventRejected with the first rule that it breaks."""
    sent = read_json(raw)
    if not isinstance(sent, dict):
        raise EventRejected(RejectionTag.MALFORMED_EVENT, "", "must be a JSON object")
    sent = _in_its_request(sent, receipt)
    call = _without_nulls(sent)
    name, point = _touchpoint(call, receipt.strict)
    contract().check(call, point)
    return Reading(
        _call(call),
        call["type"],
        name,
        point,
        _columns(call["properties"]),
        _revenue(call["properties"], point),
        msgspec.Raw(_encode(_details(sent, name))),
        _surroundings(sent.get("context") or {}, _context(call.get("context", {}))),
    )


def _in_its_request(call: Json, receipt: Receipt) -> Json:
    """The path of a single call says its type; a batch's context stands behind each event's own."""
    if receipt.call_type:
        call = {**call, "type": receipt.call_type}
    own = call.get("context")
    if receipt.context and isinstance(own, dict | None):
        call = {**call, "context": {**receipt.context, **(own or {})}}
    return call


def _without_nulls(call: Json) -> Json:
    """SDKs send explicit nulls for what they do not know: absent, as far as the contract goes."""
    tidy = {"properties": {}, **_present(call)}
    for key in _NESTED:
        if isinstance(tidy.get(key), dict):
            tidy[key] = _present(tidy[key])
    if isinstance(tidy.get("context"), dict):
        context = tidy["context"]
        tidy["context"] = {key: _present(item) if isinstance(item, dict) else item for key, item in context.items()}
    return tidy


def _present(value: Json) -> Json:
    return {key: item for key, item in value.items() if item is not None}


def _touchpoint(call: Json, strict: bool) -> tuple[str, Touchpoint | None]:
    """The canonical name and the touchpoint; unknown names pass as unmapped unless the source is strict."""
    kind = call.get("type")
    if not isinstance(kind, str) or kind not in _CALL_TYPES:
        rule = "is required" if kind is None else f"must be one of {', '.join(sorted(_CALL_TYPES))}"
        raise EventRejected(RejectionTag.MISSING_FIELD if kind is None else RejectionTag.INVALID_FIELD, "type", rule)
    name = PAGE_NAMES.get(kind) or (call.get("event") if kind == "track" else "")
    if not name or not isinstance(name, str):
        return "", None
    point = contract().touchpoint(name)
    if point is None and strict:
        raise EventRejected(
            RejectionTag.UNKNOWN_EVENT,
            "event",
            "is not a touchpoint of the contract, and the source is strict",
        )
    return (point.name if point else name), point


def _details(call: Json, name: str) -> Json:
    """The event's own data, as sent: properties with a page's name, or the traits of identify and group."""
    properties = call.get("properties") or {}
    if not name:
        return {**properties, **(call.get("traits") or {})}
    if call["type"] != "track" and call.get("name") is not None and properties.get("name") is None:
        return {**properties, "name": call["name"]}
    return properties


def _surroundings(sent: Json, context: Context) -> Surroundings:
    stored = {**sent, "ip": cut_ip(sent["ip"])} if sent.get("ip") is not None else sent
    return Surroundings(msgspec.Raw(_encode(stored)), context, channels().landing(context))


def _call(call: Json) -> Call:
    """The envelope; its texts are not looked at again."""
    ids = {key: str(call[key]) for key in _IDS if key in call}
    return Call(properties=EMPTY_OBJECT, **_members(Call, {**call, **ids}, but=(*_NESTED, "integrations")))


def _columns(properties: Json) -> Properties:
    """As plain values, money and scores included."""
    kind = _any_columns()
    columns: Properties = kind(**_members(kind, properties))
    return columns


def _revenue(properties: Json, point: Touchpoint | None) -> Decimal | None:
    """The first amount that is there, of those that the touchpoint names."""
    for name in point.revenue if point else ():
        if name in properties:
            return parse_money(properties[name], f"properties.{name}")
    return None


@cache
def _any_columns() -> type[Any]:
    """A place for whatever fills a column from the properties of any touchpoint."""
    figures = {name for point in touchpoints() for name in (*point.revenue, *point.score)}
    return msgspec.defstruct("Columns", [(name, Any, None) for name in sorted(figures)], bases=(Properties,))


def _context(context: Json) -> Context:
    parts = {name: kind(**_members(kind, context[name])) for name, kind in _PARTS.items() if name in context}
    return Context(**_members(Context, context, but=tuple(_PARTS)), **parts)


def _members(kind: type[Any], values: Json, but: tuple[str, ...] = ()) -> Json:
    """What of `values` the struct `kind` has a place for."""
    places = zip(kind.__struct_encode_fields__, kind.__struct_fields__, strict=True)
    return {name: values[sent_as] for sent_as, name in places if sent_as in values and sent_as not in but}
