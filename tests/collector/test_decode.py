"""From the bytes of a request to calls: what is read, what is refused, and at what cost."""

import gzip
import tracemalloc

import pytest

from safar.errors import BodyTooLarge, EventRejected, MalformedRequest, RejectionTag
from services.collector.decode import check_size, inflate, single, split_batch

LIMIT = 100_000


def test_a_gzip_body_inflates_to_what_was_packed():
    assert inflate(gzip.compress(b"x" * LIMIT), LIMIT) == b"x" * LIMIT


def test_one_byte_over_the_limit_is_too_large():
    with pytest.raises(BodyTooLarge, match="inflates to more than 100000 bytes"):
        inflate(gzip.compress(b"x" * (LIMIT + 1)), LIMIT)


def test_a_bomb_is_given_up_at_the_limit():
    bomb = gzip.compress(b"\0" * 100_000_000)
    tracemalloc.start()
    try:
        with pytest.raises(BodyTooLarge):
            inflate(bomb, LIMIT)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < 10 * LIMIT


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "cut short"),
        (gzip.compress(b"[1, 2, 3]", mtime=0)[:-1], "cut short"),
        (gzip.compress(b"[1, 2, 3]" * 100, mtime=0)[:20], "cut short"),
        (b'{"batch": []}', "not valid gzip"),
        (gzip.compress(b"[]", mtime=0)[:-8] + b"\0" * 8, "not valid gzip"),
        (gzip.compress(b"[]", mtime=0) + b"more", "goes on after its end"),
    ],
)
def test_what_is_no_whole_gzip_is_malformed(body, reason):
    with pytest.raises(MalformedRequest, match=reason):
        inflate(body, LIMIT)


def test_the_calls_of_a_batch_stay_as_sent():
    body = split_batch(b'{"batch": [{"a":  1.10}, 5, "\xff"], "sentAt": "t", "writeKey": "k"}', 3, LIMIT)
    assert [bytes(call) for call in body.raw] == [b'{"a":  1.10}', b"5", b'"\xff"']
    assert (body.write_key, body.sent_at, body.context) == ("k", "t", {})


def test_a_batch_may_hold_as_many_events_as_the_limit_says():
    assert split_batch(b'{"batch": [1, 2]}', 2, LIMIT).count == 2
    with pytest.raises(BodyTooLarge, match="batch: holds 3 events, at most 2"):
        split_batch(b'{"batch": [1, 2, 3]}', 2, LIMIT)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xef\xbb\xbf{}",
        b"[]",
        b"{}",
        b'{"batch": null}',
        b'{"batch": {}}',
        b'{"batch": [}',
        b'{"batch": []} more',
        b'{"batch": [], "sentAt": "\xff"}',
        b'{"batch": [' + b"[" * 100_000 + b"]" * 100_000 + b"]}",
        b'{"batch": [], "sentAt": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_batch_is_malformed(body):
    with pytest.raises(MalformedRequest, match="cannot be read"):
        split_batch(body, 10, LIMIT)


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b'{"writeKey": "\xff"}', b'{"a":' * 100_000])
def test_what_is_no_call_is_malformed(body):
    with pytest.raises(MalformedRequest, match="cannot be read"):
        single(body)


@pytest.mark.parametrize("key", ["5", "null", "[]", '{"a": "b"}'])
def test_a_write_key_that_is_no_text_is_none(key):
    assert split_batch(f'{{"batch": [], "writeKey": {key}}}'.encode(), 1, LIMIT).write_key == ""
    assert single(f'{{"writeKey": {key}}}'.encode()).write_key == ""


def test_the_context_of_a_batch_is_bounded_like_an_event():
    """It is merged into every event: without a bound a small body would become a very large one."""
    with pytest.raises(MalformedRequest, match="context: is 1010 bytes, at most 1000"):
        split_batch(b'{"batch": [], "context": {"a": "%s"}}' % (b"x" * 1001), 10, 1000)
    with pytest.raises(MalformedRequest, match="context: must be an object"):
        split_batch(b'{"batch": [], "context": "web"}', 10, 1000)
    with pytest.raises(MalformedRequest, match="context: must be valid JSON"):
        split_batch(b'{"batch": [], "context": {"a": "\xff"}}', 10, 1000)


def test_a_call_that_is_no_json_does_not_hide_its_neighbours():
    calls = [b'{"a": NaN}', b'"\\ud83d"', b'"a\nb"', b"[" * 990 + b"]" * 990, b'{"}": "]", "\\"": [1, {}]}', b"5"]
    body = b'{"sentAt": "t",\n"batch" : [ ' + b" , ".join(calls) + b' ], "writeKey": "k", "context": {"b": 1}}'
    batch = split_batch(body, 10, 1000)
    assert [bytes(call) for call in batch.raw] == calls
    assert (batch.sent_at, batch.write_key, batch.context) == ("t", "k", {"b": 1})


@pytest.mark.parametrize(
    "body",
    [
        b'{"batch": [{"a": NaN}, {"b": 1]}',
        b'{"batch": [{"a": NaN}}, {"b": 1}]}',
        b'{"batch": [{"a": NaN},, {"b": 1}]}',
        b'{"batch": [{"a": "NaN}, {"b": 1}]}',
        b'{"batch": [{"a": NaN}], "context": {"a": NaN}}',
        b'{"batch": {"a": NaN}}',
        b'{"batch": [], "a": NaN}',
        b'{"batch" [{"a": NaN}]}',
        b'[{"a": NaN}]',
        b'{"batch": [{"a": NaN}]} {}',
        b'{"batch": [NaN,' + b"{}," * 200_000 + b"1]}",
    ],
)
def test_a_batch_whose_calls_cannot_be_told_apart_is_malformed(body):
    with pytest.raises(MalformedRequest):
        split_batch(body, 10**9, 1000)


def test_an_event_may_be_as_large_as_the_limit_says():
    check_size(b"x" * 100, 100)
    with pytest.raises(EventRejected, match="is 101 bytes, at most 100 are taken") as refused:
        check_size(b"x" * 101, 100)
    assert refused.value.rejection == RejectionTag.EVENT_TOO_LARGE
