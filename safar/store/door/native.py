"""Blocks of the format Native as clients of a newer protocol read them: clickhouse-go asks for this over HTTP.

The embedded engine writes protocol version 0. Since then a block begins with a few bytes about itself, and each
column says whether its data is laid out in an unusual way, which ours never is. To put that byte in its place,
one must know where the data of the column before it ends.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

from safar.errors import UnsupportedEncoding

SINCE = 54454
"""The protocol version since which a column has its byte."""

# Field 1: no overflow row. Field 2: no bucket (-1). End of the fields.
_BLOCK_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"

_SIZES = {
    "Bool": 1, "Int8": 1, "UInt8": 1, "Enum8": 1, "Nothing": 1, "Int16": 2, "UInt16": 2, "Enum16": 2, "Date": 2,
    "BFloat16": 2, "Int32": 4, "UInt32": 4, "Float32": 4, "Date32": 4, "DateTime": 4, "IPv4": 4, "Time": 4,
    "Int64": 8, "UInt64": 8, "Float64": 8, "DateTime64": 8, "Time64": 8, "Int128": 16, "UInt128": 16, "UUID": 16,
    "IPv6": 16, "Int256": 32, "UInt256": 32,
}  # fmt: skip
_DECIMALS = ((9, 4), (18, 8), (38, 16), (76, 32))
_PART = re.compile(r"'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`|[(),]|[^'`(),]+")


def with_block_info(chunk: bytes) -> bytes:
    """Whole blocks of version 0 as blocks of a version from `SINCE` on.

    Raises UnsupportedEncoding for a type that is not known here.
    """
    return b"".join(_blocks(chunk))


def _blocks(chunk: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(chunk):
        yield _BLOCK_INFO
        start = position
        columns, position = _number(chunk, position)
        rows, position = _number(chunk, position)
        for _ in range(columns):
            _, position = _text(chunk, position)
            kind, position = _text(chunk, position)
            yield chunk[start:position] + b"\x00"
            start = position
            if rows:
                position = _column(chunk, position, kind, rows)
        yield chunk[start:position]


def _column(chunk: bytes, position: int, kind: str, rows: int) -> int:
    return _data(chunk, position + _prefix(kind), kind, rows)


def _prefix(kind: str) -> int:
    """How many bytes stand before all data of a column: eight for each dictionary."""
    name, inner = _parsed(kind)
    if name == "LowCardinality":
        return 8
    if name in ("Array", "Map", "Tuple", "Nested", "Nullable", "SimpleAggregateFunction"):
        return sum(map(_prefix, inner))
    return 0


def _data(chunk: bytes, position: int, kind: str, rows: int) -> int:
    """Where the data of `rows` rows that begins at `position` ends."""
    name, inner = _parsed(kind)
    if name == "String":
        return _strings(chunk, position, rows)
    if name == "Nullable":
        return _data(chunk, position + rows, inner[0], rows)
    if name in ("Array", "Map", "Nested"):
        position += 8 * rows
        items = int.from_bytes(chunk[position - 8 : position], "little") if rows else 0
        return _each(chunk, position, inner, items)
    if name == "Tuple":
        return _each(chunk, position, inner, rows)
    if name == "SimpleAggregateFunction":
        return _data(chunk, position, inner[-1], rows)
    if name == "LowCardinality":
        return _dictionary(chunk, position, inner[0]) if rows else position
    return position + _size(name, inner) * rows


def _strings(chunk: bytes, position: int, rows: int) -> int:
    for _ in range(rows):
        length = chunk[position]
        if length < 0x80:
            position += length + 1
        else:
            length, position = _number(chunk, position)
            position += length
    return position


def _each(chunk: bytes, position: int, kinds: list[str], rows: int) -> int:
    for kind in kinds:
        position = _data(chunk, position, kind, rows)
    return position


def _dictionary(chunk: bytes, position: int, kind: str) -> int:
    """The keys of a LowCardinality column: how wide each is, the values, then the keys."""
    width = 1 << chunk[position]
    values = int.from_bytes(chunk[position + 8 : position + 16], "little")
    name, inner = _parsed(kind)
    # Null is the first value, which has no flag of its own.
    position = _data(chunk, position + 16, inner[0] if name == "Nullable" else kind, values)
    keys = int.from_bytes(chunk[position : position + 8], "little")
    return position + 8 + width * keys


def _size(name: str, inner: list[str]) -> int:
    if name == "FixedString":
        return int(inner[0])
    if name == "Decimal":
        return next(size for digits, size in _DECIMALS if int(inner[0]) <= digits)
    if name.startswith("Interval"):
        return 8
    if name not in _SIZES:
        raise UnsupportedEncoding(f"A column of type {name} cannot be sent to this client: ask for another format.")
    return _SIZES[name]


@lru_cache
def _parsed(kind: str) -> tuple[str, list[str]]:
    """The name of a type and what stands in its brackets; names of a tuple's elements left out."""
    name, _, rest = kind.partition("(")
    inner = [""]
    depth = 0
    for part in _PART.findall(rest.removesuffix(")")):
        depth += (part == "(") - (part == ")")
        if part == "," and depth == 0:
            inner.append("")
        else:
            inner[-1] += part
    inner = [each.strip() for each in inner if each.strip()]
    if name in ("Tuple", "Nested"):
        inner = [re.sub(r"^(?:\w+|`(?:[^`\\]|\\.)*`) (?=\w)", "", each) for each in inner]
    return name, inner


def _number(chunk: bytes, position: int) -> tuple[int, int]:
    """A number in LEB128, and where it ends."""
    value = shift = 0
    while True:
        byte = chunk[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _text(chunk: bytes, position: int) -> tuple[str, int]:
    length, position = _number(chunk, position)
    return chunk[position : position + length].decode(), position + length
