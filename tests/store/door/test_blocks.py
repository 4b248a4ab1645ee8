"""ClickHouse's own block compression: what we write is read again, and nothing broken or too large is."""

import pytest

from safar.errors import BodyTooLarge, MalformedRequest, UnsupportedEncoding
from safar.store.door.blocks import from_blocks, in_blocks
from tests.support.door_process import WRITE_TOKEN, DoorProcess

_CONTENT = b"".join(b"%d," % number for number in range(500_000))


def test_content_comes_back_from_several_blocks() -> None:
    packed = in_blocks(_CONTENT)
    assert len(packed) < len(_CONTENT)
    assert from_blocks(packed, len(_CONTENT)) == _CONTENT
    assert from_blocks(in_blocks(b""), 0) == b""


def test_a_block_that_is_cut_off_or_changed_is_refused() -> None:
    packed = in_blocks(b"abc" * 100)
    for broken in (packed[:-1], packed[:10], packed[:-1] + b"x", b"x" + packed[1:], packed + b"\0"):
        with pytest.raises(MalformedRequest):
            from_blocks(broken, 1000)


def test_a_bomb_is_refused_before_it_is_inflated() -> None:
    packed = in_blocks(b"\0" * (8 << 20))
    assert len(packed) < 100_000
    with pytest.raises(BodyTooLarge):
        from_blocks(packed, 1 << 20)


def test_another_compression_inside_a_block_is_declined_in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("safar.store.door.blocks._LZ4", 0x90)
    packed = in_blocks(b"abc")
    monkeypatch.undo()
    with pytest.raises(UnsupportedEncoding, match="only LZ4"):
        from_blocks(packed, 1000)


def test_a_statement_and_its_rows_may_come_in_blocks(server: DoorProcess) -> None:
    server.bare("CREATE OR REPLACE TABLE blocks (a UInt64) ENGINE = MergeTree ORDER BY a")
    body = in_blocks(b"INSERT INTO blocks (a) FORMAT CSV\n1\n2\n")
    reply = server.ask(body, user="writer", token=WRITE_TOKEN, parameters={"decompress": "1"})
    assert reply.status == 200, reply.body
    assert server.ask(in_blocks(b"SELECT sum(a) FROM blocks"), parameters={"decompress": "1"}).body == "3\n"
    refused = server.ask(b"SELECT 1", parameters={"decompress": "1"})
    assert (refused.status, refused.code) == (400, 36)
    server.bare("DROP TABLE blocks")
