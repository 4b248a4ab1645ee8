"""Unmodified client libraries against the real `safar collector` process: what they send arrives."""

import asyncio
import base64
import gc
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
import rudderstack.analytics.client
import rudderstack.analytics.request
import segment.analytics.client
import segment.analytics.request

from safar.contract import Event
from safar.errors import LogUnavailable
from tests.support.collector import KEY, running, stored
from tests.support.pipeline import Pipeline

SDKS = {"segment": segment.analytics, "rudder": rudderstack.analytics}
CLIENTS = [("segment", False), ("segment", True), ("rudder", False), ("rudder", True)]


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory) -> Iterator[Pipeline]:
    """A collector process for all tests of this file; each test has a source of its own."""
    pipeline = Pipeline(tmp_path_factory.mktemp("sdk"))
    pipeline.collector.start()
    yield pipeline
    for sdk in SDKS.values():
        sdk.request._session.close()
    gc.collect()
    assert pipeline.collector.stop() == 0
    assert pipeline.collector.output.read_text() == ""


@pytest.fixture
def source(pipeline) -> str:
    return f"s-{uuid.uuid4()}"


@pytest.fixture
def key(pipeline, source) -> str:
    return pipeline.add_source(source)


def url(pipeline: Pipeline) -> str:
    return f"http://127.0.0.1:{pipeline.collector_port}"


def arrived(pipeline: Pipeline, source: str) -> list[Any]:
    return [line for line in stored(f"sqlite://{pipeline.directory}/data/log") if line.source == source]


@contextmanager
def client(sdk: str, key: str, host: str, **options: Any) -> Iterator[Any]:
    """A client of the SDK; leaving the block sends what waits, as at the end of a program."""
    options = {"upload_interval": 0.05, "max_retries": 3, **options}
    client = SDKS[sdk].client.Client(key, host=host, **options)
    try:
        yield client
        client.flush()
    finally:
        client.join()


@pytest.mark.parametrize(("sdk", "gzip"), CLIENTS)
def test_every_kind_of_call_arrives(pipeline, source, key, sdk, gzip):
    errors: list[Any] = []
    when = datetime(2026, 3, 21, 9, 30, tzinfo=UTC)
    with client(sdk, key, url(pipeline), gzip=gzip, on_error=lambda *error: errors.append(error)) as sender:
        sender.identify("u-1", {"email": "sara@example.org"}, timestamp=when)
        sender.track("u-1", "Order Completed", {"order_id": "o-1", "revenue": 25.25, "currency": "EUR"})
        sender.page("u-1", "shop", "Home", {"url": "https://shop.example/"})
        sender.screen("u-1", "shop", "Home")
        sender.group("u-1", "g-1", {"name": "Family"})
        sender.alias("a-1", "u-1")
    assert errors == []
    events = {event.type: event for event in arrived(pipeline, source)}
    assert sorted(events) == ["alias", "group", "identify", "page", "screen", "track"]
    assert all(isinstance(event, Event) and event.sent_at and event.original_timestamp for event in events.values())
    assert len({event.event_id for event in events.values()}) == 6
    order = events["track"]
    assert (order.event, order.order_id, str(order.revenue), order.user_id) == (
        "Order Completed",
        "o-1",
        "25.25",
        "u-1",
    )
    assert (events["alias"].previous_id, events["alias"].user_id) == ("a-1", "u-1")
    assert (events["group"].group_id, events["identify"].original_timestamp) == ("g-1", when)
    properties, context = (
        json.loads(bytes(text)) for text in (events["identify"].properties, events["identify"].context)
    )
    # Rudder's clients put the traits of a person into the context.
    assert (context["traits"] if sdk == "rudder" else properties) == {"email": "sara@example.org"}


@pytest.mark.parametrize(("sdk", "gzip"), CLIENTS)
def test_a_thousand_events_arrive_once_each(pipeline, source, key, sdk, gzip):
    errors: list[Any] = []
    with client(sdk, key, url(pipeline), gzip=gzip, on_error=lambda *error: errors.append(error)) as sender:
        for number in range(1000):
            sender.track(f"u-{number % 7}", "Product Viewed", {"product_id": number})
    assert errors == []
    assert sorted(int(event.product_id) for event in arrived(pipeline, source)) == list(range(1000))


@pytest.mark.parametrize(("sdk", "gzip"), CLIENTS)
def test_a_refused_event_stops_nobody(pipeline, source, key, sdk, gzip):
    errors: list[Any] = []
    with client(sdk, key, url(pipeline), gzip=gzip, on_error=lambda *error: errors.append(error)) as sender:
        sender.track("u-1", "Order Completed", {"order_id": "o-1", "revenue": "much"})
        sender.track("u-1", "Order Completed", {"order_id": "o-2", "revenue": 1})
    assert errors == []
    failed, event = arrived(pipeline, source)
    assert (failed.field, event.order_id) == ("properties.revenue", "o-2")


@pytest.mark.parametrize(("sdk", "gzip"), CLIENTS)
def test_an_unknown_key_is_final_and_says_why(pipeline, sdk, gzip):
    errors: list[Any] = []
    before = answered(pipeline, 401)
    with client(sdk, "unknown", url(pipeline), gzip=gzip, on_error=lambda *error: errors.append(error)) as sender:
        sender.track("u-1", "Product Viewed")
    ((error, batch),) = errors
    assert (error.status, error.code, len(batch)) == (401, "unknown_write_key", 1)
    assert "safar source add" in error.message
    assert answered(pipeline, 401) == before + 1


def answered(pipeline: Pipeline, status: int) -> float:
    """How many requests were answered so, by the collector's own count."""
    text = urllib.request.urlopen(f"{url(pipeline)}/metrics").read().decode()
    name = f'safar_collector_requests_total{{status="{status}"}} '
    return sum(float(line.removeprefix(name)) for line in text.splitlines() if line.startswith(name))


@pytest.mark.parametrize("sdk", SDKS)
async def test_a_client_tries_again_while_the_log_fails(tmp_path, slow_log, sdk):
    slow_log.failure = LogUnavailable("The disk is full.")
    slow_log.gate.set()
    errors: list[Any] = []

    def send(host: str) -> None:
        with client(sdk, KEY, host, on_error=lambda *error: errors.append(error)) as sender:
            sender.track("u-1", "Product Viewed")

    async with running(tmp_path, writer=slow_log) as collector:
        sending = asyncio.create_task(asyncio.to_thread(send, collector.url))
        async with asyncio.timeout(30):
            while slow_log.started == 0:
                await asyncio.sleep(0.01)
            slow_log.failure = None
            await sending
        for one in SDKS.values():
            one.request._session.close()
    assert errors == []
    assert len(slow_log.lines()) == 1


@pytest.mark.parametrize("kind", ["track", "page", "screen", "identify", "group", "alias"])
def test_a_single_call_as_curl_sends_it(pipeline, source, key, kind):
    body = {"userId": "u-1", "event": "Product Viewed", "previousId": "a-1", "groupId": "g-1"}
    basic = "Basic " + base64.b64encode(f"{key}:".encode()).decode()
    for headers, extra in [({"Authorization": basic}, {}), ({"Content-Type": "text/plain"}, {"writeKey": key})]:
        data = json.dumps(body | extra).encode()
        request = urllib.request.Request(f"{url(pipeline)}/v1/{kind}", data, headers)
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer) == {"success": True, "accepted": 1, "rejected": []}
    assert [event.type for event in arrived(pipeline, source)] == [kind, kind]


def test_a_refusal_as_curl_sees_it(pipeline, key):
    request = urllib.request.Request(f"{url(pipeline)}/v1/track", json.dumps({"writeKey": key}).encode())
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    with refused.value as answer:
        assert (answer.status, json.load(answer)["code"]) == (400, "missing_field")
