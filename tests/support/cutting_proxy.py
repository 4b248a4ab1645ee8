"""A proxy between an HTTP client and its server that cuts one exchange at one exact place."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Literal

_PIECE = 1 << 16

Message = Literal["request", "answer"]
Place = Literal["nothing", "a byte", "half of the head", "the head", "half of the body", "all but a byte", "all"]


@dataclass(frozen=True)
class Cut:
    """The connection ends when so much of the request, or all of it and so much of the answer, has gone through."""

    message: Message
    place: Place

    def __str__(self) -> str:
        """As a test is called by it."""
        return f"{self.place} of the {self.message}"


class CuttingProxy:
    """Takes each request whole before it passes it on, so that a cut falls where it should."""

    def __init__(self, server_port: int) -> None:
        self._server_port = server_port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._cut: Cut | None = None
        self._text = b""
        self.port: int = self._listening.getsockname()[1]
        self.seen = 0
        """How many requests have held the text that the cut was for, the one that was cut among them."""

    def cut_once(self, cut: Cut, text: bytes) -> None:
        """Cut the next request that holds `text`."""
        self._cut, self._text, self.seen = cut, text, 0

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self._server_port)) as server:
            try:
                while request := _message(client):
                    self._exchange(request, client, server)
            except ConnectionError:
                pass

    def _exchange(self, request: bytes, client: socket.socket, server: socket.socket) -> None:
        cut = self._due(request)
        if cut and cut.message == "request":
            server.sendall(request[: _length(request, cut.place)])
            raise ConnectionAbortedError
        server.sendall(request)
        answer = _message(server)
        if cut:
            client.sendall(answer[: _length(answer, cut.place)])
            raise ConnectionAbortedError
        client.sendall(answer)

    def _due(self, request: bytes) -> Cut | None:
        if not self._text or self._text not in request:
            return None
        self.seen += 1
        cut, self._cut = self._cut, None
        return cut


@contextmanager
def cutting_proxy(server_port: int) -> Iterator[CuttingProxy]:
    """A proxy in front of `server_port`, for the length of the block."""
    proxy = CuttingProxy(server_port)
    threading.Thread(target=proxy._serve, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy._listening.shutdown(socket.SHUT_RDWR)
        proxy._listening.close()


def _message(source: socket.socket) -> bytes:
    """One whole HTTP message; what there is of it when the connection ends before."""
    text = b""
    while not _is_whole(text) and (piece := source.recv(_PIECE)):
        text += piece
    return text


def _is_whole(text: bytes) -> bool:
    head, end, body = text.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    if fields.get(b"transfer-encoding") == b"chunked":
        return body.endswith(b"0\r\n\r\n")
    return bool(end) and len(body) >= int(fields.get(b"content-length", 0))


def _length(text: bytes, place: Place) -> int:
    head = text.index(b"\r\n\r\n") + 4
    lengths: dict[Place, int] = {
        "nothing": 0,
        "a byte": 1,
        "half of the head": head // 2,
        "the head": head,
        "half of the body": (head + len(text)) // 2,
        "all but a byte": len(text) - 1,
        "all": len(text),
    }
    return lengths[place]
