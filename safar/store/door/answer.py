"""What goes out at a SQL door: one answer, sent block by block from the worker thread that runs the statement."""

import asyncio
import json
import secrets
import string
from collections.abc import Coroutine, Iterator, Mapping

from aiohttp import web

from safar.errors import QueryRefused
from safar.store.door.blocks import in_blocks
from safar.store.door.failures import error_text
from safar.store.door.request import Ask

_WRITE_TIMEOUT_S = 60
_COUNTS = ("read_rows", "read_bytes", "written_rows", "written_bytes", "result_rows", "result_bytes")
_CONTENT_TYPES = {
    "Tab": "text/tab-separated-values; charset=UTF-8",
    "TSV": "text/tab-separated-values; charset=UTF-8",
    "CSV": "text/csv; charset=UTF-8",
    "JSON": "application/json; charset=UTF-8",
    "Native": "application/octet-stream",
    "RowBinary": "application/octet-stream",
    "Arrow": "application/octet-stream",
    "Parquet": "application/octet-stream",
    "": "text/plain; charset=UTF-8",
}


class Answer:
    """Where a worker thread puts what it has to say. It waits for a slow client, up to a minute a block.

    `mark` is this answer's alone, by which its statement can be found in the engine.
    """

    def __init__(self, request: web.Request, ask: Ask, max_bytes: int) -> None:
        self._request = request
        self._in_blocks = ask.in_blocks
        self._loop = asyncio.get_running_loop()
        self._max_bytes = max_bytes
        self._sent_bytes = 0
        self.mark = secrets.token_hex(16)
        self._headers = {"X-ClickHouse-Query-Id": ask.query_id or self.mark}
        self._tag = "".join(secrets.choice(string.ascii_lowercase) for _ in range(16))
        self._stream: web.StreamResponse | None = None
        self._broken = False
        self.response: web.StreamResponse = web.Response()

    @property
    def unwanted(self) -> bool:
        """Whether the client has left."""
        transport = self._request.transport
        return transport is None or transport.is_closing()

    def send(self, output: str | None, chunks: Iterator[bytes], counts: Mapping[str, int]) -> None:
        """Send an answer in the format `output`; None when the statement gives no rows, like an INSERT."""
        summary = {name: str(counts.get(name, 0)) for name in _COUNTS}
        self._headers["X-ClickHouse-Summary"] = json.dumps(summary)
        if output:
            self._headers["X-ClickHouse-Format"] = output
            self._headers["Content-Type"] = _content_type(output)
        if self._in_blocks:
            chunks = map(in_blocks, chunks)
        first, second = next(chunks, b""), next(chunks, None)
        if second is None:
            self._count(first)
            self.response = web.Response(body=first, headers=self._headers)
            return
        self._wait(self._start())
        self._write(first)
        self._write(second)
        for chunk in chunks:
            self._write(chunk)

    def break_off(self, error: Exception) -> bool:
        """Tell a client that already has a part of the answer; False when it has nothing yet."""
        if self._stream is None:
            return False
        text = error_text(error)
        length = len(text.encode()) + 1
        tail = f"\r\n__exception__\r\n{self._tag}\r\n{text}\n{length} {self._tag}\r\n__exception__\r\n"
        self._wait(self._stream.write(tail.encode()))
        self._broken = True
        return True

    def close_if_broken(self) -> None:
        """Close the connection without the end of the answer, so that no client takes the part for the whole.

        On the loop, when the worker is free again: a client may ask the next thing as soon as it sees this.
        """
        if self._broken and self._request.transport:
            self._request.transport.close()

    def abandon(self) -> None:
        """Cut the connection, whatever has not been taken yet."""
        if self._request.transport:
            self._loop.call_soon_threadsafe(self._request.transport.abort)

    def _write(self, chunk: bytes) -> None:
        self._count(chunk)
        self._wait(self.response.write(chunk))

    def _count(self, chunk: bytes) -> None:
        self._sent_bytes += len(chunk)
        if self._sent_bytes > self._max_bytes:
            raise QueryRefused(f"The answer is over {self._max_bytes} bytes: ask for fewer rows or columns.")

    def _wait(self, sending: Coroutine[None, None, None]) -> None:
        future = asyncio.run_coroutine_threadsafe(sending, self._loop)
        try:
            future.result(_WRITE_TIMEOUT_S)
        except TimeoutError:
            future.cancel()
            raise ConnectionAbortedError("The client does not take its answer.") from None

    async def _start(self) -> None:
        self._headers["X-ClickHouse-Exception-Tag"] = self._tag
        self.response = self._stream = web.StreamResponse(headers=self._headers)
        await self._stream.prepare(self._request)


def _content_type(output: str) -> str:
    return next(kind for start, kind in _CONTENT_TYPES.items() if output.startswith(start))
