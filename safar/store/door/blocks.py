"""ClickHouse's own block compression, which JDBC and clickhouse-go ask for: LZ4 blocks, each with its checksum.

A block is the CityHash128 (version 1.0.2) of what follows, a byte for the method, its own length from that byte
on, the length of its content (both 32 bits, the lowest byte first), and the compressed content.
"""

import struct
from collections.abc import Iterator

import lz4.block
from clickhouse_cityhash.cityhash import CityHash128

from safar.errors import BodyTooLarge, MalformedRequest, UnsupportedEncoding

_LZ4 = 0x82
_PLAIN = 0x02
_CHECKSUM = struct.Struct("<QQ")
_HEADER = struct.Struct("<BII")
_LOW = (1 << 64) - 1
# What ClickHouse itself puts into a block; it takes up to 1 GiB.
_CONTENT_BYTES = 1 << 20


def in_blocks(content: bytes) -> bytes:
    """Compress; nothing becomes no block at all."""
    pieces = (content[start : start + _CONTENT_BYTES] for start in range(0, len(content), _CONTENT_BYTES))
    return b"".join(map(_block, pieces))


def from_blocks(body: bytes, limit: int) -> bytes:
    """Undo `in_blocks`, under a limit of bytes whatever the blocks promise. Raises MalformedRequest, BodyTooLarge."""
    return b"".join(_contents(memoryview(body), limit))


def _block(content: bytes) -> bytes:
    data: bytes = lz4.block.compress(content, store_size=False)
    block = _HEADER.pack(_LZ4, _HEADER.size + len(data), len(content)) + data
    return _checksum(block) + block


def _contents(body: memoryview, room: int) -> Iterator[bytes]:
    while body:
        if len(body) < _CHECKSUM.size + _HEADER.size:
            raise MalformedRequest("The body is cut off in the middle of a compressed block.")
        method, length, size = _HEADER.unpack_from(body, _CHECKSUM.size)
        block = bytes(body[_CHECKSUM.size : _CHECKSUM.size + length])
        if not _HEADER.size <= length == len(block) or _checksum(block) != body[: _CHECKSUM.size]:
            raise MalformedRequest("A compressed block of the body does not match its checksum.")
        room -= size
        if room < 0:
            raise BodyTooLarge("The body inflates to more bytes than this door takes.")
        yield _content(method, block[_HEADER.size :], size)
        body = body[_CHECKSUM.size + length :]


def _content(method: int, data: bytes, size: int) -> bytes:
    if method == _PLAIN:
        return data
    if method != _LZ4:
        raise UnsupportedEncoding("Of ClickHouse's block compressions only LZ4 is known here.")
    try:
        content: bytes = lz4.block.decompress(data, uncompressed_size=size)
    except lz4.block.LZ4BlockError as error:
        raise MalformedRequest(f"A compressed block of the body is no LZ4: {error}.") from None
    return content


def _checksum(block: bytes) -> bytes:
    value = CityHash128(block)
    return _CHECKSUM.pack(value >> 64, value & _LOW)
