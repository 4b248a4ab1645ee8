"""Native blocks for clients of a newer protocol, against what the engine gives for each column alone."""

import http.client

import pytest

from safar.errors import UnsupportedEncoding
from safar.store.door.native import with_block_info
from tests.support.door_process import DoorProcess

_INFO = b"\x01\x00\x02\xff\xff\xff\xff\x00"
_COLUMNS = [
    "number",
    "toString(number * 1000000)",
    "repeat('x', number * 100)",
    "toFixedString(toString(number), 3)",
    "nullIf(toString(number), '3')",
    "toLowCardinality(toString(number % 2))",
    "toLowCardinality(if(number = 1, NULL, 'a'))",
    "toLowCardinality(toDate(number))",
    "range(number)",
    "arrayMap(x -> toString(x), range(number))",
    "arrayMap(x -> range(x), range(number))",
    "arrayMap(x -> toLowCardinality(toString(x)), range(number))",
    "map(toString(number), number / 2, 'b', 1)",
    "map(toLowCardinality('a'), [toLowCardinality('b')])",
    "(number, 'a', [NULL, 1])",
    "CAST((number, 'b'), 'Tuple(a UInt8, `b c` LowCardinality(String))')",
    "CAST([(1, 'x')], 'Array(Tuple(DateTime64(3, ''UTC''), String))')",
    "CAST([(1, 'x')], 'Nested(a UInt8, b LowCardinality(Nullable(String)))')",
    "CAST('b', 'Enum8(''a, ('' = 1, ''b'' = 2)')",
    "CAST('a', 'Enum16(''a'' = 1)')",
    "CAST(1, 'SimpleAggregateFunction(sum, UInt64)')",
    *(f"toDecimal{bits}(1, 2)" for bits in (32, 64, 128, 256)),
    *(f"to{kind}(number)" for kind in ("Date", "Date32", "DateTime", "Int8", "UInt16", "Int32", "Int128", "UInt256")),
    *(f"to{kind}(number)" for kind in ("Float32", "Float64", "BFloat16", "IntervalDay", "Bool")),
    "toDateTime64(number, 6, 'Asia/Tehran')",
    "toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0')",
    "toIPv4('1.2.3.4')",
    "toIPv6('::1')",
    "NULL",
    "[]",
]


def _native(server: DoorProcess, columns: list[str], rows: int) -> bytes:
    """What the bare engine gives, in one block."""
    connection = http.client.HTTPConnection("127.0.0.1", server.bare_port, timeout=60)
    connection.request("POST", "/", f"SELECT {', '.join(columns)} FROM numbers({rows}) FORMAT Native")
    body = connection.getresponse().read()
    connection.close()
    return body


@pytest.mark.parametrize("rows", [1, 5, 70])
def test_every_column_gets_its_byte_where_its_data_begins(rows: int, server: DoorProcess) -> None:
    columns = [f"{column} AS c{number}" for number, column in enumerate(_COLUMNS)]
    expected = [_INFO, bytes([len(columns), rows])]
    for column in columns:
        alone = _native(server, [column], rows)
        # Two numbers and two texts, all shorter than 128, then the data.
        kind = 3 + alone[2]
        data = kind + 1 + alone[kind]
        expected += [alone[2:data], b"\0", alone[data:]]
    assert with_block_info(_native(server, columns, rows)) == b"".join(expected)


def test_several_blocks_and_no_rows_are_understood(server: DoorProcess) -> None:
    one, other = _native(server, ["number", "'a'"], 3), _native(server, ["number"], 200)
    assert with_block_info(one + other) == with_block_info(one) + with_block_info(other)
    empty = b"\x01\x00\x01n\x06UInt64"
    assert with_block_info(empty) == _INFO + empty + b"\0"
    assert with_block_info(b"") == b""


def test_a_type_that_is_not_known_is_declined_in_words(server: DoorProcess) -> None:
    with pytest.raises(UnsupportedEncoding, match="A column of type Dynamic"):
        with_block_info(_native(server, ["CAST(1, 'Dynamic')"], 1))
    parameters = {"default_format": "Native", "client_protocol_version": "54460"}
    reply = server.ask("SELECT sumState(1)", parameters=parameters)
    assert (reply.status, reply.code) == (415, 48)
    odd = server.ask("SELECT 1", parameters={"client_protocol_version": "many"})
    assert (odd.status, odd.code) == (400, 36)
