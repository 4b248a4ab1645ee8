"""A TCP proxy that behaves as badly as a network can: one listening port in front of one server.

`mode` may change at any moment and counts from the next bytes on, of connections that are open too:

- pass: as if it were not there
- slow: every piece waits
- stall: nothing moves until the mode changes
- cut: half of the first piece reaches the server, then both sides are cut
- cut answer: the request goes through, half of the answer's first piece comes back
- mute: the request goes through, and the connection closes when the server answers
- answer 500, answer garbage: an HTTP client gets this instead of its server
"""

import asyncio
import contextlib

_PIECE_BYTES = 64 * 1024
_SLOW_S = 0.1
_LOOK_S = 0.05
_ANSWERS = {
    "answer 500": b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\nConnection: close\r\n\r\nnope\n",
    "answer garbage": bytes(range(255, 0, -1)) * 4,
}


class Proxy:
    """Forwards `port` to `server_port` on loopback."""

    def __init__(self, port: int, server_port: int) -> None:
        self.port = port
        self.mode = "pass"
        self._server_port = server_port
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

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
        connection = asyncio.ensure_future(self._connect(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

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
            await _send(server, piece)

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


async def _send(writer: asyncio.StreamWriter, piece: bytes) -> None:
    writer.write(piece)
    await writer.drain()
