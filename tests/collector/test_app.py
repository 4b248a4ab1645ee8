"""The collector's HTTP surface: what each endpoint answers, as reference clients understand it."""

import asyncio
import base64
import gzip
import json
import logging

import pytest

from safar.errors import LogUnavailable
from safar.sources import add_source
from services.collector import ingest
from tests.support.collector import KEY, Collector, eventually, running

KINDS = ("track", "page", "screen", "identify", "group", "alias")
CALL = {"event": "Product Viewed", "userId": "u", "previousId": "p", "groupId": "g", "messageId": "m"}
TAKEN = {"success": True, "accepted": 1, "rejected": []}


def body_for(kind: str) -> dict:
    return {"batch": [CALL | {"type": "track"}]} if kind == "batch" else CALL


def assert_refusal(answer, status: int, code: str) -> None:
    """Every error is JSON with `code` and `message`: without them Rudder's client tries for ever."""
    assert (answer.status, answer.json["success"], answer.json["code"]) == (status, False, code)
    assert answer.json["message"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert ("Retry-After" in answer.headers) == (status == 503)


@pytest.mark.parametrize("kind", [*KINDS, "batch"])
async def test_every_endpoint_takes_plain_and_gzip_with_the_key_in_header_or_body(collector, kind):
    body = body_for(kind)
    with_key = body | {"writeKey": KEY}
    packed = gzip.compress(json.dumps(body).encode())
    packed_with_key = gzip.compress(json.dumps(with_key).encode())
    answers = [
        await collector.post(f"/v1/{kind}", body),
        await collector.post(f"/v1/{kind}", with_key, key=""),
        await collector.post(f"/v1/{kind}", packed, Content_Encoding="gzip"),
        await collector.post(f"/v1/{kind}", packed_with_key, key="", Content_Encoding="GZIP"),
    ]
    assert [(answer.status, answer.json) for answer in answers] == [(200, TAKEN)] * 4
    assert len(collector.stored()) == 4


@pytest.mark.parametrize("content_type", ["text/plain", "text/plain;charset=UTF-8", "application/octet-stream", ""])
async def test_a_browsers_beacon_is_read_as_json(collector, content_type):
    answer = await collector.post("/v1/page", {"userId": "u", "writeKey": KEY}, key="", Content_Type=content_type)
    assert (answer.status, answer.headers["Access-Control-Allow-Origin"]) == (200, "*")


async def test_an_empty_batch_is_taken(collector):
    async with asyncio.timeout(5):
        answer = await collector.batch()
    assert (answer.status, answer.json) == (200, {"success": True, "accepted": 0, "rejected": []})


async def test_a_batch_of_bad_events_only_is_a_200(collector):
    answer = await collector.batch({}, 5, None)
    assert (answer.status, answer.json["accepted"], len(answer.json["rejected"])) == (200, 0, 3)


@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({}, 401, "unknown_write_key"),
        ({"Authorization": "Bearer " + KEY}, 401, "unknown_write_key"),
        ({"Authorization": "Basic " + base64.b64encode(b"unknown:").decode()}, 401, "unknown_write_key"),
        ({"Authorization": "Basic " + base64.b64encode(b":").decode()}, 401, "unknown_write_key"),
        ({"Authorization": "Basic ???"}, 400, "malformed_request"),
        ({"Authorization": "Basic " + base64.b64encode(b"\xff:").decode()}, 400, "malformed_request"),
        ({"Authorization": "basic " + base64.b64encode(KEY.encode() + b":").decode()}, 200, None),
        ({"Authorization": "Basic " + base64.b64encode(KEY.encode()).decode()}, 200, None),
    ],
)
async def test_the_write_key_is_the_user_name_of_http_basic(collector, headers, status, code):
    answer = await collector.request("POST", "/v1/track", data=json.dumps(CALL), headers=headers)
    if code is None:
        assert (answer.status, answer.json) == (status, TAKEN)
    else:
        assert_refusal(answer, status, code)
    assert len(collector.stored()) == (status == 200)


async def test_a_new_source_is_known_without_a_restart(collector):
    assert_refusal(await collector.post("/v1/track", CALL, key="new-key"), 401, "unknown_write_key")
    add_source(collector.sources_file, "new", "new-key")
    assert (await collector.post("/v1/track", CALL, key="new-key")).status == 200
    collector.sources_file.write_text(collector.sources_file.read_text().replace("new-key", "newer-key"))
    assert_refusal(await collector.post("/v1/track", CALL, key="new-key"), 401, "unknown_write_key")


@pytest.mark.parametrize("encoding", ["deflate", "br", "zstd", "gzip, gzip"])
async def test_another_encoding_is_refused(collector, encoding):
    answer = await collector.post("/v1/batch", b"...", Content_Encoding=encoding)
    assert_refusal(answer, 415, "unsupported_encoding")


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff", b'{"batch": 5}'])
async def test_a_malformed_body_is_a_400(collector, body):
    assert_refusal(await collector.post("/v1/batch", body), 400, "malformed_request")


async def test_a_truncated_gzip_body_is_a_400(collector):
    packed = gzip.compress(json.dumps(body_for("batch")).encode())
    assert_refusal(await collector.post("/v1/batch", packed[:-4], Content_Encoding="gzip"), 400, "malformed_request")
    assert collector.stored() == []


async def test_limits_refuse_the_whole_request(tmp_path):
    async with running(tmp_path, body_max_bytes=2000, event_max_bytes=500, batch_max_events=10) as collector:
        fits = json.dumps({"batch": [CALL | {"type": "track"}]}).encode().ljust(2000)
        bomb = gzip.compress(b" " * 10_000_000)
        for encoding, body in [("identity", fits), ("gzip", gzip.compress(fits))]:
            assert (await collector.post("/v1/batch", body, Content_Encoding=encoding)).status == 200
        for encoding, body in [("identity", fits + b" "), ("gzip", gzip.compress(fits + b" ")), ("gzip", bomb)]:
            answer = await collector.post("/v1/batch", body, Content_Encoding=encoding)
            assert_refusal(answer, 413, "body_too_large")
            assert answer.headers["Connection"] == "close"
        assert (await collector.batch(*[5] * 10)).status == 200
        assert_refusal(await collector.batch(*[5] * 11), 413, "body_too_large")
        assert len(collector.stored()) == 12


@pytest.mark.parametrize(
    ("expect", "statuses"), [("100-continue", [b"100", b"200"]), ("100-Continue", [b"100", b"200"]), ("tea", [b"200"])]
)
async def test_a_client_that_asks_before_it_sends_the_body_is_told_to(collector, expect, statuses):
    body = json.dumps(CALL | {"writeKey": KEY}).encode()
    head = f"POST /v1/track HTTP/1.1\r\nHost: x\r\nExpect: {expect}\r\nContent-Length: {len(body)}\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", int(collector.url.rpartition(":")[2]))
    writer.write(head.encode())
    found = []
    async with asyncio.timeout(5):
        if statuses[0] == b"100":
            found.append((await reader.readuntil(b"\r\n\r\n")).split()[1])
        writer.write(body)
        found.append((await reader.readuntil(b"\r\n\r\n")).split()[1])
    writer.close()
    assert found == statuses
    await look_around(collector)


@pytest.mark.parametrize("size", [1, 7, 100])
async def test_a_body_may_come_in_pieces(collector, size):
    body = json.dumps(CALL | {"writeKey": KEY}).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", int(collector.url.rpartition(":")[2]))
    writer.write(b"POST /v1/track HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
    for start in range(0, len(body), size):
        writer.write(body[start : start + size])
        await asyncio.sleep(0.001)  # the server takes what is there
    async with asyncio.timeout(5):
        assert b" 200 " in await reader.readline()
    writer.close()
    (event,) = collector.stored()
    assert event.event_id == CALL["messageId"]


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
async def test_what_can_be_read_can_be_asked_for_its_head(collector, path):
    answer = await collector.request("HEAD", path)
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize("expect", ["", "Expect: 100-continue\r\n"])
async def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(tmp_path, expect):
    async with running(tmp_path, body_max_bytes=2000) as collector:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(collector.url.rpartition(":")[2]))
        writer.write(f"POST /v1/batch HTTP/1.1\r\nHost: x\r\n{expect}Content-Length: 2001\r\n\r\n".encode())
        async with asyncio.timeout(5):
            assert b" 413 " in await reader.readline()
        writer.close()
        await look_around(collector)  # by then the server has seen it go


async def test_a_body_without_end_is_refused_before_its_end(tmp_path):
    async with running(tmp_path, body_max_bytes=2000) as collector:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(collector.url.rpartition(":")[2]))
        writer.write(b"POST /v1/batch HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7D1\r\n" + b" " * 2001)
        async with asyncio.timeout(5):
            assert b" 413 " in await reader.readline()
        writer.close()
        await look_around(collector)  # by then the server has seen it go


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/", "/v1/unknown", "/v1/batch/", "/v1/import"])
async def test_an_unknown_path_is_a_404_with_code_and_message(collector, path):
    assert_refusal(await collector.post(path, CALL), 404, "http_404")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/track"), ("PUT", "/v1/batch"), ("POST", "/health")])
async def test_a_wrong_method_is_a_405_with_code_and_message(collector, method, path):
    answer = await collector.request(method, path)
    assert_refusal(answer, 405, "http_405")
    assert answer.headers["Allow"]


@pytest.mark.parametrize("kind", [*KINDS, "batch"])
async def test_a_preflight_lets_any_origin_post(collector, kind):
    asks = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    answer = await collector.request("OPTIONS", f"/v1/{kind}", headers=asks)
    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert answer.headers["Access-Control-Allow-Methods"] == "POST"
    assert "Authorization" in answer.headers["Access-Control-Allow-Headers"]


async def look_around(collector: Collector) -> None:
    """Round trips that give an answer sent too early the time to arrive."""
    for _ in range(5):
        assert (await collector.request("GET", "/health")).json == {"status": "ok"}


async def test_the_answer_comes_only_when_the_events_are_durable(tmp_path, slow_log):
    async with running(tmp_path, writer=slow_log) as collector:
        waiting = [asyncio.create_task(collector.post(f"/v1/{kind}", body_for(kind))) for kind in [*KINDS, "batch"]]
        await eventually(lambda: slow_log.started == 1)
        await look_around(collector)
        assert not any(task.done() for task in waiting)
        slow_log.gate.set()
        assert [answer.status for answer in await asyncio.gather(*waiting)] == [200] * 7
        assert len(slow_log.lines()) == 7


async def test_requests_at_the_same_time_share_an_append(tmp_path, slow_log):
    async with running(tmp_path, writer=slow_log) as collector:
        sample = collector.ingest.metrics.registry.get_sample_value
        first = asyncio.create_task(collector.post("/v1/track", CALL))
        await eventually(lambda: slow_log.started == 1)
        others = [asyncio.create_task(collector.post("/v1/track", CALL)) for _ in range(30)]
        await look_around(collector)
        slow_log.gate.set()
        assert {answer.status for answer in await asyncio.gather(first, *others)} == {200}
        assert len(slow_log.lines()) == 31
        assert len(slow_log.appends) < 10
        assert sample("safar_collector_append_seconds_count") == len(slow_log.appends)


async def test_a_full_queue_is_a_503_and_takes_nothing(tmp_path, slow_log):
    async with running(tmp_path, writer=slow_log, queue_max_bytes=100) as collector:
        first = asyncio.create_task(collector.post("/v1/track", CALL))
        await eventually(lambda: slow_log.started == 1)
        assert_refusal(await collector.batch(CALL, CALL), 503, "collector_busy")
        slow_log.gate.set()
        assert (await first).status == 200
        assert len(slow_log.lines()) == 1
        assert (await collector.batch(CALL, CALL)).status == 200


async def test_a_failing_log_is_a_503_and_readiness_tells_and_recovers(tmp_path, slow_log):
    slow_log.gate.set()
    async with running(tmp_path, writer=slow_log) as collector:
        assert (await collector.request("GET", "/ready")).json == {"status": "ready"}
        slow_log.failure = LogUnavailable("The disk is full.")
        assert_refusal(await collector.post("/v1/track", CALL), 503, "log_unavailable")
        ready = await collector.request("GET", "/ready")
        assert (ready.status, ready.json) == (
            503,
            {"status": "not ready", "code": "log_unavailable", "message": "The disk is full."},
        )
        assert (await collector.request("GET", "/health")).status == 200
        slow_log.failure = None
        assert (await collector.post("/v1/track", CALL)).status == 200
        assert (await collector.request("GET", "/ready")).json == {"status": "ready"}


async def test_a_fault_of_ours_is_a_500_with_code_and_message(collector, monkeypatch, caplog):
    monkeypatch.setattr(ingest, "single", lambda body: {}["u@example.org"])
    assert_refusal(await collector.post("/v1/track", CALL), 500, "internal_error")
    assert "KeyError at test_app.py:" in caplog.text
    assert "example.org" not in caplog.text


PERSONAL = ("sara@example.org", "203.0.113.77", "user-4711", "+98 912 000", "shop.example/sara")


async def test_nothing_personal_is_logged_or_counted(collector, caplog, monkeypatch):
    email, address, user, phone, url = PERSONAL
    caplog.set_level(logging.DEBUG)
    context = {"ip": address, "page": {"url": f"https://{url}?email={email}"}}
    good = {"type": "identify", "userId": user, "traits": {"email": email, "phone": phone}, "context": context}
    bad = {"type": "track", "event": "Order Completed", "userId": user, "properties": {"order_id": 1, "revenue": email}}
    await collector.batch(good, bad, {**good, "userId": [user]}, {**good, "timestamp": email}, context=context)
    await collector.post("/v1/track", json.dumps(good).encode()[:-3])
    await collector.post(f"/v1/track?email={email}", good, key=user)
    await collector.request("GET", f"/{email}")
    monkeypatch.setattr(ingest, "accept_read", lambda call, _: {}[call.user_id])
    await collector.batch(good)
    port = int(collector.url.rpartition(":")[2])
    for request in (f"POST /v1/track?{email} HTTP/9", f"POST /v1/track HTTP/1.1\r\nContent-Length: 90\r\n\r\n{email}"):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request.encode() + b"\r\n\r\n")
        await writer.drain()
        writer.close()
    await look_around(collector)
    metrics = (await collector.request("GET", "/metrics")).body.decode()
    said = [record.getMessage() for record in caplog.records if not record.name.startswith("asyncio")]
    for secret in (*PERSONAL, "127.0.0.1", KEY):
        assert secret not in metrics
        assert not [line for line in said if secret in line]
    assert "KeyError at test_app.py" in caplog.text


async def test_metrics_are_in_prometheus_text_format(collector):
    await collector.post("/v1/track", CALL)
    answer = await collector.request("GET", "/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert b'safar_collector_events_accepted_total{source="shop"} 1.0\n' in answer.body
