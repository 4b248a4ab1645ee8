"""Step 1: from the bytes of a request to calls, each still raw, so that one bad event never fails its neighbours."""

import base64
import zlib
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import msgspec
from aiohttp import web

from safar.errors import BodyTooLarge, EventRejected, MalformedRequest, RejectionTag, UnsupportedEncoding

# Money must keep the digits of the JSON text: numbers with a point become Decimal, never float.
_decode_call = msgspec.json.Decoder(float_hook=Decimal).decode


class Batch(msgspec.Struct, rename="camel"):
    """The body of POST /v1/batch. Its context is merged into each event's."""

    batch: list[msgspec.Raw]
    sent_at: str | None = None
    write_key: str | None = None
    context: dict[str, Any] | None = None


_decode_batch = msgspec.json.Decoder(Batch).decode


@dataclass(frozen=True)
class Body:
    """A request's calls, raw, and what stood around them."""

    calls: list[msgspec.Raw] | list[bytes]
    write_key: str
    sent_at: str | None
    context: dict[str, Any] | None


async def read_body(request: web.Request, limit: int) -> bytes:
    """The body, inflated; BodyTooLarge as soon as either form passes `limit` bytes."""
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise UnsupportedEncoding(f"Content-Encoding {encoding[:40]!r} is not read; send plain or gzip.")
    body = bytearray()
    async for chunk in request.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise BodyTooLarge(f"The body is over {limit} bytes.")
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
    return plain


def header_key(request: web.Request) -> str:
    """The write key from HTTP Basic: the user name, with an empty password."""
    header = request.headers.get("Authorization", "")
    if not header.startswith("Basic "):
        return ""
    try:
        return base64.b64decode(header.removeprefix("Basic "), validate=True).decode().partition(":")[0]
    except ValueError:
        raise MalformedRequest("The Authorization header is not valid HTTP Basic.") from None


def split_batch(body: bytes, max_events: int) -> Body:
    """The calls of a batch, undecoded."""
    try:
        batch = _decode_batch(body)
    except msgspec.DecodeError as error:
        raise MalformedRequest(f"The batch cannot be read: {error}.") from None
    if len(batch.batch) > max_events:
        raise BodyTooLarge(f"batch: holds {len(batch.batch)} events, at most {max_events} are taken.")
    return Body(batch.batch, batch.write_key or "", batch.sent_at, batch.context)


class _Single(msgspec.Struct, rename="camel"):
    sent_at: str | None = None
    write_key: str | None = None


_decode_single = msgspec.json.Decoder(_Single).decode


def single(body: bytes) -> Body:
    """The one call of /v1/track and its like."""
    try:
        around = _decode_single(body)
    except msgspec.DecodeError as error:
        raise MalformedRequest(f"The body cannot be read: {error}.") from None
    return Body([body], around.write_key or "", around.sent_at, None)


def decode_call(raw: bytes | msgspec.Raw, max_bytes: int) -> Any:  # noqa: ANN401 - anything may be sent
    """One call as Python values."""
    size = len(memoryview(raw))
    if size > max_bytes:
        raise EventRejected(RejectionTag.EVENT_TOO_LARGE, "", f"is {size} bytes, at most {max_bytes} are taken")
    try:
        return _decode_call(raw)
    except (msgspec.DecodeError, RecursionError, ArithmeticError):
        raise EventRejected(RejectionTag.MALFORMED_EVENT, "", "must be valid JSON") from None
