"""The answer of a door: sent in blocks from the worker thread that runs the statement, or a failure as ClickHouse words it."""

import asyncio
import json
import re
import secrets
import string
from collections.abc import Coroutine, Iterator, Mapping

from aiohttp import web
from chdb import ChdbError

from safar.errors import (
    BodyTooLarge,
    MalformedRequest,
    QueryRefused,
    SafarError,
    StoreUnavailable,
    TokenRequired,
    UnsupportedEncoding,
)

_WRITE_TIMEOUT_S = 60
_SUMMARY = {
    name: "0"
    for name in ("read_rows", "read_bytes", "written_rows", "written_bytes", "total_rows_to_read", "result_rows", "result_bytes")
}
_CONTENT_TYPES = {"Tab": "text/tab-separated-values", "TSV": "text/tab-separated-values", "CSV": "text/csv", "JSON": "application/json"}

# ClickHouse's error codes for our own refusals.
_CODES: dict[type[SafarError], tuple[int, str]] = {
    QueryRefused: (497, "ACCESS_DENIED"),
    TokenRequired: (516, "AUTHENTICATION_FAILED"),
    StoreUnavailable: (202, "TOO_MANY_SIMULTANEOUS_QUERIES"),
    BodyTooLarge: (307, "TOO_MANY_BYTES"),
    MalformedRequest: (36, "BAD_ARGUMENTS"),
    UnsupportedEncoding: (48, "NOT_IMPLEMENTED"),
}
# The HTTP status that ClickHouse gives with its error codes; 500 for the others.
_STATUSES = {
    **dict.fromkeys((46, 47, 50, 56, 60, 73, 81, 115), 404),
    **dict.fromkeys((6, 26, 27, 36, 38, 41, 42, 43, 53, 62, 69, 70, 72, 167, 168, 306, 386, 456, 457), 400),
    159: 408,
    164: 403,
}  # fmt: skip


class Answer:
    """Where a worker thread puts what it has to say. It may wait for a slow client, up to a minute a block."""

    def __init__(self, request: web.Request, query_id: str, max_bytes: int) -> None:
        self._request = request
        self._loop = asyncio.get_running_loop()
        self._room = max_bytes
        self._max_bytes = max_bytes
        self._headers = {"X-ClickHouse-Query-Id": query_id or secrets.token_hex(16)}
        self._tag = "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
        self._stream: web.StreamResponse | None = None
        self.response: web.StreamResponse = web.Response()

    def send(self, output: str | None, chunks: Iterator[bytes], counts: Mapping[str, int]) -> None:
        """Send an answer in the format `output`; None when the statement gives no rows, like an INSERT."""
        self._headers["X-ClickHouse-Summary"] = json.dumps(_SUMMARY | {name: str(count) for name, count in counts.items()})
        if output:
            self._headers["X-ClickHouse-Format"] = output
            self._headers["Content-Type"] = content_type(output)
        first, second = next(chunks, b""), next(chunks, None)
        if second is None:
            self.response = web.Response(body=first, headers=self._headers)
            return
        self._wait(self._start())
        self._write(first)
        self._write(second)
        for chunk in chunks:
            self._write(chunk)

    def break_off(self, error: Exception) -> bool:
        """Tell a client that already has a part of the answer; False when it has nothing yet.

        The connection is closed without the end of the answer, so no client takes the part for the whole.
        """
        if self._stream is None:
            return False
        text = error_text(error)
        tail = f"\r\n__exception__\r\n{self._tag}\r\n{text}\n{len(text.encode()) + 1} {self._tag}\r\n__exception__\r\n"
        self._wait(self._abandon(self._stream, tail.encode()))
        return True

    def _write(self, chunk: bytes) -> None:
        self._room -= len(chunk)
        if self._room < 0:
            raise QueryRefused(f"The answer is over {self._max_bytes} bytes: ask for fewer rows or columns.")
        self._wait(self._send(chunk))

    def _wait(self, sending: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(sending, self._loop).result(_WRITE_TIMEOUT_S)

    async def _start(self) -> None:
        self._headers["X-ClickHouse-Exception-Tag"] = self._tag
        self.response = self._stream = web.StreamResponse(headers=self._headers)
        await self._stream.prepare(self._request)

    async def _send(self, chunk: bytes) -> None:
        await self.response.write(chunk)

    async def _abandon(self, stream: web.StreamResponse, tail: bytes) -> None:
        await stream.write(tail)
        if self._request.transport:
            self._request.transport.close()


def content_type(output: str) -> str:
    """The Content-Type that ClickHouse gives to a format."""
    for start, kind in _CONTENT_TYPES.items():
        if output.startswith(start):
            return f"{kind}; charset=UTF-8"
    return "application/octet-stream" if output in ("Native", "Arrow", "ArrowStream", "Parquet") else "text/plain; charset=UTF-8"


def failure(error: Exception) -> web.Response:
    """The answer to a statement that failed before anything was sent."""
    text = error_text(error)
    code = _code(text)
    status = error.status if isinstance(error, SafarError) else _STATUSES.get(code, 500)
    headers = {"X-ClickHouse-Exception-Code": str(code), "Content-Type": "text/plain; charset=UTF-8"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Safar"'
    if status == 503:
        headers["Retry-After"] = "1"
    return web.Response(status=status, body=f"{text}\n".encode(), headers=headers)


def error_text(error: Exception) -> str:
    """`Code: N. DB::Exception: what happened. (NAME)`, as every ClickHouse client reads it."""
    if isinstance(error, SafarError):
        code, name = _CODES.get(type(error), (1001, "STD_EXCEPTION"))
        return f"Code: {code}. DB::Exception: {error} ({name})"
    text = str(error)
    start = text.find("Code: ")
    # The guard asks the engine to parse; that question is ours and only hides the client's mistake.
    return re.sub(r":? In scope SELECT (?:formatQuery|parseQuery).*(?= \(\w+\)$)", ".", text[max(start, 0) :], flags=re.DOTALL)


def _code(text: str) -> int:
    found = re.match(r"Code: (\d+)", text)
    return int(found.group(1)) if found else 1001


FAILURES = (ChdbError, SafarError)
"""What running a statement can raise on purpose."""
