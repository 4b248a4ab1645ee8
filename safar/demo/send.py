"""Post calls to a collector: what `safar send` and `safar demo` stand on.

Calls go out in rounds of a few requests in flight. A person's calls share a lane, and a lane sends one batch
after the other, so their order is kept. What may succeed later (a busy collector, a lost connection) is tried
again a bounded number of times; messageIds make a call count once however often it arrives. What is no call at
all is counted as rejected and not sent; its neighbours go on.
"""

import asyncio
import gzip
from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, NamedTuple, NoReturn
from uuid import uuid4

import aiohttp
import msgspec

from safar.errors import ConfigError, RejectionTag, RequestError, ServiceUnreachable, UnknownWriteKey

BATCH_SIZE = 500
_LANES = 4
_BATCH_BYTES = 400_000
"""Below the 500 KB that Segment's clients keep to; a single larger call goes alone."""
_ATTEMPTS = 10
_RETRIED = frozenset({429, 502, 503, 504})
_EXAMPLES = 20

_encode = msgspec.json.Encoder(decimal_format="number").encode
_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
# What a line can do to the decoder: no JSON, no UTF-8, no end of nesting.
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

Call = Mapping[str, Any] | msgspec.Raw
"""A call as a mapping (Decimals keep their digits), or as the JSON text itself; an empty text is no call."""


class Rejected(NamedTuple):
    """A call that was refused: its number in the input (from 1) and why."""

    number: int
    message_id: str
    tag: str
    field: str
    rule: str

    @property
    def reason(self) -> str:
        """Tag, field and rule, as far as there are any."""
        return ": ".join(filter(None, (self.tag, self.field, self.rule)))


@dataclass(frozen=True)
class SendResult:
    """How many calls were taken and refused, and the first of the refused."""

    accepted: int = 0
    rejected: int = 0
    examples: tuple[Rejected, ...] = ()

    def plus(self, other: "SendResult") -> "SendResult":
        """Both together."""
        examples = (*self.examples, *other.examples)[:_EXAMPLES]
        return SendResult(self.accepted + other.accepted, self.rejected + other.rejected, examples)


def read_calls(stream: BinaryIO) -> Iterator[msgspec.Raw]:
    """The lines of newline-delimited JSON, passed on byte for byte; an empty one counts as a line and is no call."""
    return (msgspec.Raw(line.strip()) for line in stream)


async def send_calls(
    calls: Iterable[Call],
    *,
    url: str,
    write_key: str,
    batch_size: int = BATCH_SIZE,
    on_progress: Callable[[int], object] = lambda _: None,
) -> SendResult:
    """Post every call to the collector at `url`; `on_progress` hears how many calls each answer settled.

    Raises UnknownWriteKey for a key without a source, RequestError when the collector refuses a whole request,
    ServiceUnreachable when it stays busy or silent.
    """
    lines = _lines(calls)
    poster = _Poster(url, write_key, on_progress)
    total = SendResult()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        # In a thread, for the calls may come from a pipe that blocks.
        while chunk := await asyncio.to_thread(lambda: list(islice(lines, _LANES * batch_size))):
            ready = [line for line in chunk if isinstance(line, _Line)]
            total = total.plus(_kept_back([line for line in chunk if isinstance(line, Rejected)], on_progress))
            lanes = [poster.send(session, _batches(lane, batch_size)) for lane in _by_person(ready)]
            for outcome in await asyncio.gather(*lanes, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome
                total = total.plus(outcome)
    return total


def retry_delay_s(attempt: int, retry_after: str | None) -> float:
    """Seconds before retry `attempt` (from 1): what is asked for, at most 60, else doubling from 0.1 to 5."""
    if retry_after and retry_after.isdigit():
        return min(float(retry_after), 60.0)
    return min(0.05 * 2.0**attempt, 5.0)


class _Line(NamedTuple):
    """One call, encoded, with its number in the input and the person it belongs to."""

    number: int
    person: bytes
    body: bytes


class _Ids(msgspec.Struct, rename="camel"):
    """What the sender itself reads of a call, whatever JSON it is: judging it is the collector's part."""

    message_id: msgspec.Raw = msgspec.Raw(b"null")
    anonymous_id: msgspec.Raw = msgspec.Raw(b"null")
    user_id: msgspec.Raw = msgspec.Raw(b"null")


def _lines(calls: Iterable[Call]) -> Iterator[_Line | Rejected]:
    for number, call in enumerate(calls, start=1):
        body = bytes(call) if isinstance(call, msgspec.Raw) else _encode(call)
        if body:
            yield _line(number, body)


def _line(number: int, body: bytes) -> _Line | Rejected:
    try:
        ids = msgspec.json.decode(body, type=_Ids)
        if bytes(ids.message_id) == b"null":
            # As the SDKs do: a call that has to be tried again must be known again.
            body = _encode({**_members(body), "messageId": str(uuid4())})
    except _UNREADABLE:
        return Rejected(number, "", RejectionTag.MALFORMED_EVENT, "", "must be a JSON object in UTF-8; it was not sent")
    anonymous = bytes(ids.anonymous_id)
    return _Line(number, bytes(ids.user_id) if anonymous == b"null" else anonymous, body)


def _kept_back(rejected: list[Rejected], on_progress: Callable[[int], object]) -> SendResult:
    on_progress(len(rejected))
    return SendResult(0, len(rejected), tuple(rejected[:_EXAMPLES]))


def _by_person(lines: Iterable[_Line]) -> list[list[_Line]]:
    lanes: list[list[_Line]] = [[] for _ in range(_LANES)]
    for line in lines:
        lanes[hash(line.person) % _LANES].append(line)
    return lanes


def _batches(lines: Iterable[_Line], most: int) -> Iterator[list[_Line]]:
    batch: list[_Line] = []
    size = 0
    for line in lines:
        if batch and (len(batch) == most or size + len(line.body) > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += len(line.body)
    if batch:
        yield batch


class _Refusal(msgspec.Struct, rename="camel"):
    index: int
    message_id: str | None = None
    tag: str = ""
    field: str = ""
    rule: str = ""


class _Answer(msgspec.Struct):
    accepted: int
    rejected: list[_Refusal]


class _Refused(msgspec.Struct):
    """What every error answer of a collector says."""

    message: str


class _Poster:
    """Posts batches to one collector with one write key."""

    def __init__(self, url: str, write_key: str, on_progress: Callable[[int], object]) -> None:
        self._url = url.rstrip("/")
        self._on_progress = on_progress
        self._headers = {
            "Authorization": "Basic " + b64encode(f"{write_key}:".encode()).decode(),
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
        }

    async def send(self, session: aiohttp.ClientSession, batches: Iterable[list[_Line]]) -> SendResult:
        """Send the batches one after the other."""
        total = SendResult()
        for batch in batches:
            total = total.plus(await self._settle(session, batch))
            self._on_progress(len(batch))
        return total

    async def _settle(self, session: aiohttp.ClientSession, batch: list[_Line]) -> SendResult:
        body = gzip.compress(b'{"batch":[' + b",".join(line.body for line in batch) + b"]}", compresslevel=1)
        retry_after, reason = None, ""
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(retry_delay_s(attempt, retry_after))
            try:
                status, retry_after, answer = await self._post(session, body)
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError):
                retry_after, reason = None, "gives no answer"
                continue
            if status not in _RETRIED:
                return _outcome(batch, answer) if status == 200 else self._refuse(status, answer)
            reason = f"answers {status}"
        raise ServiceUnreachable(f"The collector at {self._url} {reason}, {_ATTEMPTS} times in a row: is it running?")

    async def _post(self, session: aiohttp.ClientSession, body: bytes) -> tuple[int, str | None, bytes]:
        try:
            async with session.post(f"{self._url}/v1/batch", data=body, headers=self._headers) as response:
                return response.status, response.headers.get("Retry-After"), await response.read()
        except aiohttp.InvalidURL:
            raise ConfigError(f"{self._url!r} is not the address of a collector.") from None

    def _refuse(self, status: int, answer: bytes) -> NoReturn:
        said = _message(answer)
        if status == 401:
            raise UnknownWriteKey(f"The collector at {self._url} does not know this write key: {said}")
        raise RequestError(f"The collector at {self._url} refuses the request with {status}: {said}")


def _outcome(batch: list[_Line], body: bytes) -> SendResult:
    try:
        answer = msgspec.json.decode(body, type=_Answer)
        examples = [
            Rejected(batch[it.index].number, it.message_id or "", it.tag, it.field, it.rule) for it in answer.rejected
        ]
    except (msgspec.DecodeError, IndexError):
        raise RequestError("This address answers, but not like a collector of Safar.") from None
    return SendResult(answer.accepted, len(answer.rejected), tuple(examples[:_EXAMPLES]))


def _message(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Refused).message
    except msgspec.DecodeError:
        return "no reason given"
