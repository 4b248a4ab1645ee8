"""Sending calls to a real HTTP server: order, retries, refusals, and numbers byte for byte."""

import io
from collections import defaultdict
from decimal import Decimal

import msgspec
import pytest
from aiohttp import web

from safar.demo.send import read_calls, retry_delay_s, send_calls
from safar.errors import ConfigError, RequestError, ServiceUnreachable, UnknownWriteKey
from tests.support.mini_collector import mini_collector


def _calls(count: int, people: int = 7) -> list[dict]:
    return [
        {"type": "track", "event": "Email Opened", "userId": f"u{i % people}", "messageId": f"m{i}"}
        for i in range(count)
    ]


async def test_every_call_arrives_once_and_progress_adds_up():
    settled = []
    async with mini_collector() as collector:
        result = await send_calls(_calls(2345), url=collector.url, write_key="shop", on_progress=settled.append)
    assert (result.accepted, result.rejected) == (2345, 0)
    assert len(collector.stored["shop"]) == 2345
    assert sum(settled) == 2345


async def test_batches_are_bounded_and_so_are_requests_in_flight():
    async with mini_collector() as collector:
        collector.first_waits = True
        await send_calls(_calls(500), url=collector.url, write_key="shop", batch_size=20)
    assert max(map(len, collector.batches)) == 20
    assert 1 < collector.most_in_flight <= 4


async def test_large_calls_are_not_gathered_into_a_body_too_large():
    calls = [call | {"properties": {"text": "x" * 30_000}} for call in _calls(60, people=1)]
    async with mini_collector() as collector:
        await send_calls(calls, url=collector.url, write_key="shop")
    assert len(collector.stored["shop"]) == 60
    assert max(map(len, collector.bodies)) < 500_000


async def test_each_persons_calls_arrive_in_order_even_when_batches_fail_on_the_way():
    busy = [web.Response(status=503, headers={"Retry-After": "0"}) for _ in range(5)]
    async with mini_collector(*busy) as collector:
        await send_calls(_calls(400), url=collector.url, write_key="shop", batch_size=10)
    arrived = defaultdict(list)
    for batch in collector.batches:
        for call in batch:
            arrived[call["userId"]].append(int(call["messageId"][1:]))
    assert sum(map(len, arrived.values())) == 400
    assert all(numbers == sorted(numbers) for numbers in arrived.values())


async def test_a_busy_collector_is_asked_again():
    busy = web.json_response({"code": "collector_busy", "message": "x"}, status=503, headers={"Retry-After": "0"})
    async with mini_collector(busy, web.Response(status=429)) as collector:
        result = await send_calls(_calls(3, people=1), url=collector.url, write_key="shop")
    assert result.accepted == 3
    assert collector.requests == 3


def test_retry_after_is_honoured_and_otherwise_the_wait_doubles_up_to_a_bound():
    assert retry_delay_s(1, "7") == 7
    assert retry_delay_s(1, "86400") == 60
    assert [retry_delay_s(attempt, None) for attempt in (1, 2, 3)] == [0.1, 0.2, 0.4]
    assert retry_delay_s(9, "soon") == 5


async def test_a_lost_connection_is_tried_again_with_the_same_message_ids():
    call = {"type": "track", "event": "Email Opened", "userId": "u"}
    async with mini_collector(None, None) as collector:
        result = await send_calls([call], url=collector.url, write_key="shop")
    assert result.accepted == 1
    assert collector.requests == 3
    (message_id,) = collector.stored["shop"]
    assert len(message_id) == 36


async def test_nobody_listening_is_one_sentence(monkeypatch):
    monkeypatch.setattr("safar.demo.send._ATTEMPTS", 2)
    async with mini_collector() as collector:
        url = collector.url
    with pytest.raises(ServiceUnreachable, match=r"gives no answer, 2 times in a row: is it running\?"):
        await send_calls(_calls(1), url=url, write_key="shop")


async def test_a_collector_that_stays_busy_is_given_up(monkeypatch):
    monkeypatch.setattr("safar.demo.send._ATTEMPTS", 3)
    busy = [web.Response(status=503, headers={"Retry-After": "0"}) for _ in range(3)]
    async with mini_collector(*busy) as collector:
        with pytest.raises(ServiceUnreachable, match="answers 503, 3 times in a row"):
            await send_calls(_calls(1), url=collector.url, write_key="shop")
    assert collector.requests == 3


async def test_an_unknown_write_key_stops_at_once():
    refusal = {"code": "unknown_write_key", "message": "It belongs to no source."}
    async with mini_collector(web.json_response(refusal, status=401)) as collector:
        with pytest.raises(UnknownWriteKey, match=r"does not know this write key: It belongs to no source\."):
            await send_calls(_calls(5000, people=1), url=collector.url, write_key="shop")
    assert collector.requests == 1


async def test_any_other_refusal_stops_with_the_collectors_words():
    refusal = {"success": False, "code": "body_too_large", "message": "The body is over 9 bytes."}
    async with mini_collector(web.json_response(refusal, status=413)) as collector:
        with pytest.raises(RequestError, match=r"with 413: The body is over 9 bytes\."):
            await send_calls(_calls(1), url=collector.url, write_key="shop")


async def test_a_server_that_is_no_collector_is_named_so():
    async with mini_collector(web.Response(text="<html>welcome</html>")) as collector:
        with pytest.raises(RequestError, match="not like a collector"):
            await send_calls(_calls(1), url=collector.url, write_key="shop")


async def test_an_address_that_is_none_is_a_configuration_error():
    with pytest.raises(ConfigError, match="is not the address of a collector"):
        await send_calls(_calls(1), url="http://", write_key="shop")


async def test_a_rejected_event_is_reported_with_its_line_and_its_neighbours_go_on():
    calls = _calls(30)
    calls[17]["event"] = "refused"
    async with mini_collector() as collector:
        result = await send_calls(calls, url=collector.url, write_key="shop", batch_size=4)
    assert (result.accepted, result.rejected) == (29, 1)
    assert result.examples == ((18, "m17", "invalid_field", "event", "is refused here"),)


async def test_the_lines_of_a_file_are_sent_byte_for_byte():
    line = b'{"type":"track", "event":"A","userId":"u","messageId":"m","properties":{"revenue":12345678901234.100000}}'
    async with mini_collector() as collector:
        await send_calls(read_calls(io.BytesIO(line + b"\r\n\n")), url=collector.url, write_key="shop")
    assert collector.bodies == [b'{"batch":[' + line + b"]}"]


async def test_an_amount_keeps_its_digits_when_an_id_has_to_be_added():
    line = b'{"messageId":null,"type":"track","event":"A","userId":"u","properties":{"revenue":12345678901234.100000}}'
    async with mini_collector() as collector:
        await send_calls([msgspec.Raw(line)], url=collector.url, write_key="shop")
    assert b'"revenue":12345678901234.100000' in collector.bodies[0]
    assert len(collector.batches[0][0]["messageId"]) == 36


async def test_a_decimal_is_sent_as_a_number():
    call = {"type": "track", "event": "A", "userId": "u", "messageId": "m", "properties": {"revenue": Decimal("29.30")}}
    async with mini_collector() as collector:
        await send_calls([call], url=collector.url, write_key="shop")
    assert b'"revenue":29.30}' in collector.bodies[0]


@pytest.mark.parametrize("line", [b"{", b"[1]", b"17", b'{"type": "track"} trailing', b'{"\xff": 1}', b"[" * 90_000])
async def test_a_line_that_is_no_object_is_named_by_its_number_and_its_neighbours_go_on(line):
    settled = []
    calls = [*_calls(2), msgspec.Raw(b""), msgspec.Raw(line), *_calls(4)[2:]]
    async with mini_collector() as collector:
        result = await send_calls(calls, url=collector.url, write_key="shop", on_progress=settled.append)
    assert (result.accepted, result.rejected, sum(settled)) == (4, 1, 5)
    (rejected,) = result.examples
    assert (rejected.number, rejected.reason) == (4, "malformed_event: must be a JSON object in UTF-8; it was not sent")
    assert len(collector.stored["shop"]) == 4
