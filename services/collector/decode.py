"""Step 1: from the bytes of a request to calls, each still raw, so that one bad event never fails its neighbours."""

import base64
import zlib
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec
from aiohttp import web

from safar.contract.values import exact_number
from safar.errors import BodyTooLarge, EventRejected, MalformedRequest, RejectionTag, UnsupportedEncoding

_T = TypeVar("_T")

_MAX_DEPTH = 64
_NULL = msgspec.Raw(b"null")

# Money must keep the digits of the JSON text.
_decode_call = msgspec.json.Decoder(float_hook=exact_number).decode
# What a value can do to the decoder: no JSON, no UTF-8, no end of nesting, an exponent beyond Decimal's.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ArithmeticError)


class Batch(msgspec.Struct, rename="camel"):
    """The body of POST /v1/batch. Its context is merged into each event's."""

    batch: list[msgspec.Raw]
    sent_at: Any = None
    write_key: Any = None
    context: msgspec.Raw = _NULL


class Single(msgspec.Struct, rename="camel"):
    """What is read of a single call before its source is known."""

    write_key: Any = None


_batch_decoder = msgspec.json.Decoder(Batch)
_single_decoder = msgspec.json.Decoder(Single)


@dataclass(frozen=True)
class Body:
    """A request's calls, raw, and what stood around them."""

    calls: list[msgspec.Raw] | list[bytes]
    write_key: str
    sent_at: Any
    context: dict[str, Any]


async def read_body(request: web.Request, limit: int) -> bytes:
    """The body, inflated; BodyTooLarge as soon as either form passes `limit` bytes."""
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise UnsupportedEncoding(f"Content-Encoding {encoding[:40]!r} is not read; send plain or gzip.")
    body = bytearray()
    try:
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > limit:
                raise BodyTooLarge(f"The body is over {limit} bytes.")
    except ConnectionError:
        raise MalformedRequest("The connection ended before the body did.") from None
    return inflate(bytes(body), limit) if encoding == "gzip" else bytes(body)


def inflate(body: bytes, limit: int) -> bytes:
    """Gunzip at most `limit` bytes: a small body that would inflate without end costs no more than that."""
    inflater = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        plain = inflater.decompress(body, limit + 1)
    except zlib.error:
        raise MalformedRequest("The body is not valid gzip.") from None
    if len(plain) > limit:
        raise BodyTooLarge(f"The body inflates to more than {limit} bytes.")
    if not inflater.eof:
        raise MalformedRequest("The gzip body is cut short.")
    if inflater.unused_data:
        raise MalformedRequest("The gzip body goes on after its end.")
    return plain


def header_key(request: web.Request) -> str:
    """The write key from HTTP Basic: the user name, with an empty password."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[0]
    except ValueError:
        raise MalformedRequest("The Authorization header is not valid HTTP Basic.") from None


def split_batch(body: bytes, max_events: int, max_event_bytes: int) -> Body:
    """The calls of a batch, undecoded, and its context, which may be as large as one event."""
    batch = _read(_batch_decoder, body)
    if len(batch.batch) > max_events:
        raise BodyTooLarge(f"batch: holds {len(batch.batch)} events, at most {max_events} are taken.")
    try:
        context = decode_call(batch.context)
        check_size(batch.context, max_event_bytes)
    except EventRejected as error:
        raise MalformedRequest(f"context: {error}.") from None
    if not isinstance(context, dict | None):
        raise MalformedRequest("context: must be an object.")
    return Body(batch.batch, _text(batch.write_key), batch.sent_at, context or {})


def single(body: bytes) -> Body:
    """The one call of /v1/track and its like."""
    return Body([body], _text(_read(_single_decoder, body).write_key), None, {})


def _read(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    try:
        return decoder.decode(body)
    except _UNREADABLE as error:
        raise MalformedRequest(f"The body cannot be read: {error}.") from None


def _text(value: Any) -> str:  # noqa: ANN401 - anything may be sent
    return value if isinstance(value, str) else ""


def decode_call(raw: bytes | msgspec.Raw) -> Any:  # noqa: ANN401 - anything may be sent
    """One call as Python values."""
    try:
        call = _decode_call(raw)
    except _UNREADABLE:
        raise EventRejected(RejectionTag.MALFORMED_EVENT, "", "must be valid JSON in UTF-8") from None
    text = bytes(raw)
    # Counting brackets is quick, and nearly always enough.
    if text.count(b"{") + text.count(b"[") > _MAX_DEPTH and _is_deeper(call, _MAX_DEPTH):
        raise EventRejected(RejectionTag.MALFORMED_EVENT, "", f"must not be nested more than {_MAX_DEPTH} deep")
    return call


def _is_deeper(value: Any, levels: int) -> bool:  # noqa: ANN401 - anything may be sent
    """Whether objects and lists stand in each other more than `levels` deep."""
    layer = [value]
    for _ in range(levels + 1):
        outer = [one for one in layer if isinstance(one, dict | list)]
        if not outer:
            return False
        layer = [inner for one in outer for inner in (one.values() if isinstance(one, dict) else one)]
    return True


def check_size(raw: bytes | msgspec.Raw, max_bytes: int) -> None:
    """Refuse a call that is too large."""
    size = len(memoryview(raw))
    if size > max_bytes:
        raise EventRejected(RejectionTag.EVENT_TOO_LARGE, "", f"is {size} bytes, at most {max_bytes} are taken")
