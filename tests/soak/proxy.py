"""A TCP proxy that behaves as badly as a network can: one listening port in front of one server.

`mode` may change at any moment and counts from the next bytes on, of connections that are open too:

- pass: as if it were not there
- slow: every piece waits
- stall: nothing moves until the mode changes
- cut: half of the first piece reaches the server, then both sides are cut
- cut answer: the request goes through, half of the answer's first piece comes back
- mute: the request goes through, and the connection closes when the server answers
- answer 500, answer garbage: an HTTP client gets this instead of its server
- late: an HTTP client is cut, and the server gets the whole request some time after
- twice: the server gets each whole HTTP request twice, as from a proxy that tries again by itself
"""

import asyncio
import contextlib
from collections.abc import Coroutine

_PIECE_BYTES = 64 * 1024
_SLOW_S = 0.1
_LATE_S = 1.0
_LOOK_S = 0.05
_ANSWERS = {
    "answer 500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\nConnection: close\r\n\r\nnope\n",
    "answer garbage": bytes(range(255, 0, -1)) * 4,
}
_WHOLE = ("late", "twice")
_STARTS = (b"GET /", b"POST /")
_END_OF_HEAD = b"\r\n\r\n"


class Proxy:
    """Forwards `port` to `server_port` on loopback."""

    def __init__(self, port: int, server_port: int) -> None:
        self.port = port
        self.mode = "pass"
        self._server_port = server_port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Future[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)

    async def server_listens(self) -> bool:
        """Whether the server behind it takes connections."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._server_port)
        except OSError:
            return False
        writer.close()
        return True

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._begin(self._connect(reader, writer))

    def _begin(self, talk: Coroutine[None, None, None]) -> "asyncio.Task[None]":
        task = asyncio.ensure_future(talk)
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)
        return task

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward both ways until one side ends or is cut; then both are aborted."""
        writers = [writer]
        try:
            server_reader, server_writer = await asyncio.open_connection("127.0.0.1", self._server_port)
            writers.append(server_writer)
            requests = asyncio.ensure_future(self._requests(reader, server_writer, writer))
            answers = asyncio.ensure_future(self._answers(server_reader, writer))
            try:
                await asyncio.wait((requests, answers), return_when=asyncio.FIRST_COMPLETED)
            finally:
                requests.cancel()
                answers.cancel()
                await asyncio.gather(requests, answers, return_exceptions=True)
        except OSError:
            pass  # the server is away: so is this connection
        finally:
            for each in writers:
                with contextlib.suppress(OSError, RuntimeError):
                    each.transport.abort()

    async def _requests(
        self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, client: asyncio.StreamWriter
    ) -> None:
        while piece := await reader.read(_PIECE_BYTES):
            await self._hold()
            if self.mode == "cut":
                await _send(server, piece[: len(piece) // 2])
                return
            if self.mode in _ANSWERS:
                await _send(client, _ANSWERS[self.mode])
                return
            if self.mode in _WHOLE and piece.startswith(_STARTS):
                late = self.mode == "late"
                piece = await _whole(reader, piece)
                delivered = self._begin(self._deliver(piece, _LATE_S if late else 0.0))
                if late:
                    return
                await delivered
            await _send(server, piece)

    async def _deliver(self, request: bytes, after_s: float) -> None:
        """Over a connection of its own; returns when the server begins to answer, which nobody hears."""
        await asyncio.sleep(after_s)
        with contextlib.suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", self._server_port)
            try:
                await _send(writer, request)
                await reader.read(_PIECE_BYTES)
            finally:
                writer.close()

    async def _answers(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        while piece := await reader.read(_PIECE_BYTES):
            await self._hold()
            if self.mode == "mute":
                return
            if self.mode == "cut answer":
                await _send(client, piece[: len(piece) // 2])
                return
            await _send(client, piece)

    async def _hold(self) -> None:
        if self.mode == "slow":
            await asyncio.sleep(_SLOW_S)
        while self.mode == "stall":
            await asyncio.sleep(_LOOK_S)


async def _whole(reader: asyncio.StreamReader, start: bytes) -> bytes:
    """The HTTP request that begins with `start`; what there is of it when the connection ends before."""
    request = bytearray(start)
    while _missing(request) and (piece := await reader.read(_PIECE_BYTES)):
        request += piece
    return bytes(request)


def _missing(request: bytearray) -> bool:
    head = request.find(_END_OF_HEAD)
    fields = request[: max(head, 0)].lower()
    length = int(fields.partition(b"\r\ncontent-length:")[2].partition(b"\r\n")[0] or 0)
    return head < 0 or len(request) < head + len(_END_OF_HEAD) + length


async def _send(writer: asyncio.StreamWriter, piece: bytes) -> None:
    writer.write(piece)
    await writer.drain()
