"""Whatever is posted: an answer of 200 or 400 in JSON, and every event sent is in the log once, loadable."""

import gzip
import json
from collections.abc import Iterator
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safar.contract import Event, FailedEvent, to_line
from tests.support.collector import Answer, Tail, read_line
from tests.support.odd_calls import (
    BROKEN,
    CONTEXT,
    KINDS,
    SPOILING,
    as_object,
    calls,
    some_of,
    texts_that_are_no_json,
    values,
)

ANY = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=100,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def json_values(line: bytes):
    """With every number as its text, for some are more than a number type holds."""
    return json.loads(line, parse_int=str, parse_float=str)


@pytest.fixture
def tail(collector) -> Iterator[Tail]:
    with closing(Tail(collector.log_url)) as tail:
        yield tail


def new_lines(tail: Tail) -> list[Event | FailedEvent]:
    """What was stored since the last look: lines that this version reads, and would write as they are."""
    raw = [line for _, line in tail.lines()]
    lines = [read_line(line) for line in raw]
    assert [json_values(to_line(line)) for line in lines] == [json_values(line) for line in raw]
    assert not [line for line in lines if isinstance(line, FailedEvent) and "fault of the collector" in line.rule]
    return lines


def assert_told(answer: Answer) -> None:
    assert answer.status in (200, 400), answer.body
    if answer.status == 400:
        assert answer.json["code"]
        assert answer.json["message"]


@given(
    st.lists(st.one_of(calls(), values), max_size=4),
    st.one_of(st.just(b"null"), some_of(CONTEXT).map(as_object)),
    values,
)
@ANY
async def test_every_event_of_a_batch_is_stored_or_kept(collector, tail, raw_calls, context, sent_at):
    body = b'{"batch":[%s],"context":%s,"sentAt":%s}' % (b",".join(raw_calls), context, sent_at)
    answer = await collector.post("/v1/batch", body)
    assert_told(answer)
    lines = new_lines(tail)
    if answer.status == 400:
        assert [type(line) for line in lines] == [FailedEvent]
        return
    refused = [one["index"] for one in answer.json["rejected"]]
    assert answer.json["accepted"] + len(refused) == len(raw_calls)
    assert [index for index, line in enumerate(lines) if isinstance(line, FailedEvent)] == refused
    assert len(lines) == len(raw_calls)


@given(
    st.sampled_from(KINDS), st.one_of(calls(), values, st.binary(), st.sampled_from(SPOILING + BROKEN)), st.booleans()
)
@ANY
async def test_every_single_call_is_stored_or_kept(collector, tail, kind, raw, packed):
    body, encoding = (gzip.compress(raw), "gzip") if packed else (raw, "identity")
    answer = await collector.post(f"/v1/{kind}", body, Content_Encoding=encoding)
    assert_told(answer)
    (line,) = new_lines(tail)
    assert isinstance(line, Event if answer.status == 200 else FailedEvent)


@given(st.sampled_from([*KINDS, "batch"]), st.one_of(st.binary(), calls(), values, texts_that_are_no_json))
@settings(ANY, max_examples=25)
async def test_bytes_that_are_no_gzip_are_a_400(collector, kind, body):
    assert_told(await collector.post(f"/v1/{kind}", body, Content_Encoding="gzip"))
    assert collector.stored() == []


@given(calls(), st.sampled_from(BROKEN), calls())
@settings(ANY, max_examples=25)
async def test_a_batch_that_cannot_be_told_apart_is_kept_whole(collector, tail, first, broken, last):
    body = b'{"batch":[%s,{"a":%s},%s]}' % (first, broken, last)
    answer = await collector.post("/v1/batch", body)
    assert answer.json["code"] == "malformed_request"
    (kept,) = new_lines(tail)
    assert (kept.tag, kept.endpoint) == ("malformed_event", "batch")


@given(calls(), st.sampled_from(SPOILING), calls())
@settings(ANY, max_examples=25)
async def test_an_event_that_is_no_json_leaves_its_neighbours_alone(collector, tail, first, spoiling, last):
    body = b'{"batch":[%s,{"a":%s},%s]}' % (first, spoiling, last)
    answer = await collector.post("/v1/batch", body)
    assert answer.status == 200
    assert 1 in [one["index"] for one in answer.json["rejected"]]
    assert len(new_lines(tail)) == 3
