"""Step 1: from the bytes of a request to calls, each still raw, so that one bad event never fails its neighbours."""

import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec
from aiohttp import StreamReader, web

from safar.contract.calls import Call
from safar.contract.careful import read_json
from safar.contract.values import UNREADABLE
from safar.errors import BodyTooLarge, EventRejected, MalformedRequest, RejectionTag, UnsupportedEncoding
from services.collector.torn_batch import items_of, members_of

_T = TypeVar("_T")

_NULL = msgspec.Raw(b"null")

# Twice what Segment's clients send at most. A call that is read takes fifty times the memory of the text `{}`.
_READ_AT_ONCE_BYTES = 1024 * 1024


class Around(msgspec.Struct, rename="camel"):
    """What stands around the calls of a batch. Its context is merged into each event's."""

    sent_at: Any = None
    write_key: Any = None
    context: msgspec.Raw = _NULL


class Batch(Around, kw_only=True):
    """The body of POST /v1/batch."""

    batch: list[msgspec.Raw]


class ReadBatch(Around, kw_only=True):
    """The same, with its calls read in the same go: half a microsecond less an event, when all can be read."""

    batch: list[Call]


class Single(msgspec.Struct, rename="camel"):
    """What is read of a single call that is not as it should be, before its source is known."""

    write_key: Any = None


_batch_decoder = msgspec.json.Decoder(Batch)
_read_batch_decoder = msgspec.json.Decoder(ReadBatch)
_single_decoder = msgspec.json.Decoder(Single)
_call_decoder = msgspec.json.Decoder(Call)


@dataclass
class Body:
    """A request's calls and what stood around them."""

    text: bytes
    count: int
    write_key: str
    sent_at: Any = None
    context: dict[str, Any] = field(default_factory=dict)
    read: Sequence[Call] | None = None
    """The calls, when all could be read in one go."""
    split: Sequence[msgspec.Raw | bytes] | None = None
    """The calls as sent, when they were taken apart already."""

    @property
    def raw(self) -> Sequence[msgspec.Raw | bytes]:
        """The calls as sent; few batches need them."""
        if self.split is None:
            self.split = _split(self.text).batch
        return self.split


async def read_body(request: web.BaseRequest, limit: int) -> bytes:
    """The body, inflated; BodyTooLarge as soon as either form passes `limit` bytes."""
    if (request.content_length or 0) > limit:
        raise BodyTooLarge(f"The body is over {limit} bytes.")
    if request.headers.get("Expect", "").lower() == "100-continue":  # curl waits a second for it
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    encoding = request.headers.get("Content-Encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise UnsupportedEncoding(f"Content-Encoding {encoding[:40]!r} is not read; send plain or gzip.")
    try:
        body = await _whole(request.content, limit)
    except ConnectionError:
        raise MalformedRequest("The connection ended before the body did.") from None
    if len(body) > limit:
        raise BodyTooLarge(f"The body is over {limit} bytes.")
    return inflate(body, limit) if encoding == "gzip" else body


async def _whole(content: StreamReader, limit: int) -> bytes:
    """All of `content`, or a little more than `limit` bytes. What came in one piece is not copied."""
    body = await content.readany()
    if content.at_eof():
        return body
    pieces = bytearray(body)
    while len(pieces) <= limit and (piece := await content.readany()):
        pieces += piece
    return bytes(pieces)


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


def header_key(request: web.BaseRequest) -> str:
    """The write key from HTTP Basic: the user name, with an empty password."""
    scheme, _, credentials = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(credentials.strip(), validate=True).decode().partition(":")[0]
    except ValueError:
        raise MalformedRequest("The Authorization header is not valid HTTP Basic.") from None


def split_batch(body: bytes, max_events: int, max_event_bytes: int) -> Body:
    """The calls of a batch, and its context, which may be as large as one event."""
    whole = _read_whole(body)
    batch = whole or _split(body)
    count = len(batch.batch)
    if count > max_events:
        raise BodyTooLarge(f"batch: holds {count} events, at most {max_events} are taken.")
    try:
        context = read_json(batch.context)
        check_size(batch.context, max_event_bytes)
    except EventRejected as error:
        raise MalformedRequest(f"context: {error}.") from None
    if not isinstance(context, dict | None):
        raise MalformedRequest("context: must be an object.")
    around = (count, _text(batch.write_key), batch.sent_at, context or {})
    if isinstance(batch, ReadBatch):
        return Body(body, *around, read=batch.batch)
    return Body(body, *around, split=batch.batch)


def _read_whole(body: bytes) -> ReadBatch | None:
    """The batch with all its calls read, when they are as they should be, and not so many as to fill the memory."""
    try:
        return _read_batch_decoder.decode(body) if len(body) <= _READ_AT_ONCE_BYTES else None
    except UNREADABLE:
        return None


def _split(body: bytes) -> Batch:
    """The batch with its calls as sent, told apart even when some are no JSON."""
    try:
        return _read(_batch_decoder, body)
    except MalformedRequest as error:
        return _told_apart(body, error)


def _told_apart(body: bytes, error: MalformedRequest) -> Batch:
    """The batch with calls of which some are no JSON; `error` is raised when it is the batch itself that is none."""
    members = members_of(body) or {}
    calls = items_of(members.get(b"batch", b""))
    if not calls or any(not call for call in calls):
        raise error
    around = {name: text for name, text in members.items() if name in (b"writeKey", b"sentAt", b"context")}
    batch = _read(_batch_decoder, b"{%b}" % b",".join([b'"batch":[]', *(b'"%b":%b' % one for one in around.items())]))
    batch.batch = [msgspec.Raw(call) for call in calls]
    return batch


def single(body: bytes) -> Body:
    """The one call of /v1/track and its like."""
    try:
        call = _call_decoder.decode(body)
    except UNREADABLE:
        return Body(body, 1, _text(_read(_single_decoder, body).write_key), split=[body])
    return Body(body, 1, call.write_key or "", read=[call], split=[body])


def _read(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    try:
        return decoder.decode(body)
    except RecursionError:
        raise MalformedRequest("The body cannot be read: it is nested too deep.") from None
    except UNREADABLE as error:
        raise MalformedRequest(f"The body cannot be read: {error}.") from None


def _text(value: Any) -> str:  # noqa: ANN401 - anything may be sent
    return value if isinstance(value, str) else ""


def check_size(raw: bytes | msgspec.Raw, max_bytes: int) -> None:
    """Refuse a call that is too large."""
    size = len(raw) if type(raw) is bytes else len(memoryview(raw))
    if size > max_bytes:
        raise EventRejected(RejectionTag.EVENT_TOO_LARGE, "", f"is {size} bytes, at most {max_bytes} are taken")
