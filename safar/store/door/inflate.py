"""Bodies as ClickHouse's clients compress them, inflated under a limit."""

import sys
import zlib
from collections.abc import Callable
from typing import Any

import lz4.frame

from safar.errors import BodyTooLarge, MalformedRequest, UnsupportedEncoding

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

# Each makes an object that inflates one frame: decompress(data, max_length), eof, unused_data.
_FRAMES: dict[str, Callable[[], Any]] = {
    "gzip": lambda: zlib.decompressobj(wbits=31),
    "deflate": lambda: zlib.decompressobj(),
    "lz4": lz4.frame.LZ4FrameDecompressor,
    "zstd": zstd.ZstdDecompressor,
}
_FAILURES = (zlib.error, zstd.ZstdError, RuntimeError, EOFError)


def inflated(body: bytes, encoding: str, limit: int) -> bytes:
    """Undo `encoding` (a Content-Encoding). Never makes more than `limit` bytes, whatever the body promises."""
    if encoding in ("", "identity"):
        return body
    if encoding not in _FRAMES:
        raise UnsupportedEncoding(f"Content-Encoding {encoding!r} is not known; {', '.join(_FRAMES)} are.")
    parts = []
    room = limit
    # Clients compress block by block, so there may be several frames, one after another.
    while body:
        part, body = _frame(_FRAMES[encoding](), body, encoding, room)
        room -= len(part)
        parts.append(part)
    return b"".join(parts)


def _frame(frame: Any, body: bytes, encoding: str, room: int) -> tuple[bytes, bytes]:  # noqa: ANN401 - four libraries'
    """Inflate the first frame of `body`; return its content and what follows it."""
    try:
        part: bytes = frame.decompress(body, room + 1)
    except _FAILURES as error:
        raise MalformedRequest(f"The body is not {encoding}: {error}.") from None
    if len(part) > room:
        raise BodyTooLarge("The body inflates to more bytes than this door takes.")
    if not frame.eof:
        raise MalformedRequest(f"The body is cut off: its last {encoding} frame has no end.")
    return part, frame.unused_data or b""
