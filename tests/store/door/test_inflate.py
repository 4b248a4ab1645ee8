"""Compressed bodies, inflated under a limit."""

import gzip
import zlib
from collections.abc import Callable

import lz4.frame
import pytest

from safar.errors import BodyTooLarge, MalformedRequest, UnsupportedEncoding
from safar.store.door.inflate import inflated, zstd


@pytest.mark.parametrize(
    ("encoding", "encode"),
    [("gzip", gzip.compress), ("deflate", zlib.compress), ("lz4", lz4.frame.compress), ("zstd", zstd.compress)],
)
def test_a_compressed_body_is_bounded_while_it_inflates_and_must_be_whole(
    encoding: str, encode: Callable[[bytes], bytes]
) -> None:
    body = encode(b"0" * 600) + encode(b"1" * 400)
    assert inflated(body, encoding, 1000) == b"0" * 600 + b"1" * 400
    with pytest.raises(BodyTooLarge):
        inflated(body, encoding, 999)
    with pytest.raises(BodyTooLarge):
        inflated(encode(b"0" * (64 << 20)), encoding, 1000)
    for broken in (body[:-6], b"not compressed at all"):
        with pytest.raises(MalformedRequest):
            inflated(broken, encoding, 1000)


def test_an_encoding_that_is_not_known_is_named() -> None:
    assert inflated(b"plain", "", 1) == b"plain"
    with pytest.raises(UnsupportedEncoding, match="'snappy' is not known; gzip, deflate, lz4, zstd are"):
        inflated(b"x", "snappy", 1)
