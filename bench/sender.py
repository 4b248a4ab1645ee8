"""The load generator: bodies made beforehand, posted over a few connections, each answer checked to be 200.

It shares the cores with what it measures, so it speaks just enough HTTP: requests written whole, answers found by their
Content-Length.
"""

import asyncio
import re
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import uvloop

_CONNECTIONS = 32
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def post_all(url: str, write_key: str, bodies: Sequence[bytes]) -> float:
    """Post every body; seconds until the last answer."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_post_all(url, write_key, bodies))


async def _post_all(url: str, write_key: str, bodies: Sequence[bytes]) -> float:
    address = urlsplit(url)
    basic = b64encode(f"{write_key}:".encode()).decode()
    head = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Basic {basic}\r\n".encode()
    waiting = iter(bodies)
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    made = [
        await loop.create_connection(lambda: _Connection(head, waiting), address.hostname, address.port)
        for _ in range(_CONNECTIONS)
    ]
    await asyncio.gather(*(connection.done for _, connection in made))
    return time.perf_counter() - started


class _Connection(asyncio.Protocol):
    """Posts the next waiting body as soon as the last is answered."""

    def __init__(self, head: bytes, waiting: Iterator[bytes]) -> None:
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._head = head
        self._waiting = waiting
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._post_next()

    def _post_next(self) -> None:
        body = next(self._waiting, None)
        if body is None:
            self.done.set_result(None)
            self._transport.close()
        else:
            self._transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body))

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if not end or (length and len(body) < int(length[1])):
            return
        if not head.startswith(b"HTTP/1.1 200 ") or not length:
            self.done.set_exception(RuntimeError(f"answered {self._answer[:500]!r}"))
            self._transport.close()
            return
        self._answer = b""
        self._post_next()

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError("the server closed the connection"))
