"""The load generator: bodies made beforehand, posted over a few connections, each answer checked to be 200.

It shares the cores with what it measures, so it speaks just enough HTTP: requests written whole, answers found by their
Content-Length.
"""

import asyncio
import re
import time
from base64 import b64encode
from collections import deque
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import uvloop

_BUSY_CONNECTIONS = 32
_PACED_CONNECTIONS = 64
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


def post_all(url: str, write_key: str, bodies: Sequence[bytes]) -> float:
    """Post every body, as fast as the answers come; seconds until the last answer."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_post_all(url, write_key, bodies))


def post_at_pace(url: str, write_key: str, bodies: Sequence[bytes], every_s: float) -> list[float]:
    """Post one body every so many seconds, whatever the answers take; seconds from when each was due to its answer."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_post_at_pace(url, write_key, bodies, every_s))


async def _post_all(url: str, write_key: str, bodies: Sequence[bytes]) -> float:
    waiting = iter(bodies)

    def post_next(connection: _Connection) -> None:
        body = next(waiting, None)
        if body is None:
            connection.end()
        else:
            connection.post(body)

    started = time.perf_counter()
    connections = await _connected(url, write_key, _BUSY_CONNECTIONS, post_next)
    for connection in connections:
        post_next(connection)
    await asyncio.gather(*(connection.ended for connection in connections))
    return time.perf_counter() - started


async def _post_at_pace(url: str, write_key: str, bodies: Sequence[bytes], every_s: float) -> list[float]:
    taken: list[float] = []
    waiting: deque[tuple[float, bytes]] = deque()
    idle: list[_Connection] = []
    due_at: dict[_Connection, float] = {}

    def post_next(connection: _Connection) -> None:
        if waiting:
            due_at[connection], body = waiting.popleft()
            connection.post(body)
        else:
            idle.append(connection)

    def answered(connection: _Connection) -> None:
        taken.append(time.perf_counter() - due_at[connection])
        post_next(connection)

    connections = await _connected(url, write_key, _PACED_CONNECTIONS, answered)
    idle += connections
    ended = [connection.ended for connection in connections]
    started = time.perf_counter()
    for number, body in enumerate(bodies):
        due = started + number * every_s
        if (early := due - time.perf_counter()) > 0:
            await asyncio.sleep(early)
        waiting.append((due, body))
        if idle:
            post_next(idle.pop())
    while len(taken) < len(bodies):
        await asyncio.wait(ended, timeout=every_s)
        for each in ended:
            if each.done():
                each.result()
    for connection in connections:
        connection.end()
    return taken


async def _connected(
    url: str, write_key: str, count: int, answered: "Callable[[_Connection], None]"
) -> "list[_Connection]":
    address = urlsplit(url)
    basic = b64encode(f"{write_key}:".encode()).decode()
    head = f"POST {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Basic {basic}\r\n".encode()
    loop = asyncio.get_running_loop()
    opening = (
        loop.create_connection(lambda: _Connection(head, answered), address.hostname, address.port)
        for _ in range(count)
    )
    return [connection for _, connection in [await each for each in opening]]


class _Connection(asyncio.Protocol):
    """Posts one body after the other; tells when each is answered."""

    def __init__(self, head: bytes, answered: "Callable[[_Connection], None]") -> None:
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Raises what went wrong."""
        self._head = head
        self._answered = answered
        self._answer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def post(self, body: bytes) -> None:
        self._transport.write(b"%bContent-Length: %d\r\n\r\n%b" % (self._head, len(body), body))

    def end(self) -> None:
        self.ended.set_result(None)
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, end, body = self._answer.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if not end or (length and len(body) < int(length[1])):
            return
        if not head.startswith(b"HTTP/1.1 200 ") or not length:
            self.ended.set_exception(RuntimeError(f"answered {self._answer[:500]!r}"))
            self._transport.close()
            return
        self._answer = b""
        self._answered(self)

    def connection_lost(self, _error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError("the server closed the connection"))
