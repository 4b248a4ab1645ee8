"""What becomes of the events of a request, over HTTP and as read back from the log."""

import base64
import io
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import aiohttp
import pytest

from safar.contract import Event, FailedEvent, schemas_dir
from safar.sources import add_source
from services.collector import ingest
from services.collector.publish import partition_of
from tests.support.collector import KEY, SOURCE, running

NOW = datetime(2026, 3, 21, 9, 30, tzinfo=UTC)
EXAMPLES = schemas_dir() / "examples"


def call(number: int = 1, **members) -> dict:
    return {"type": "track", "event": "Product Viewed", "userId": f"u-{number}", "messageId": f"m-{number}", **members}


def order(number: int = 1, **properties) -> dict:
    properties = {"order_id": f"o-{number}", "revenue": 1, "currency": "EUR", **properties}
    return call(number, event="Order Completed", properties=properties)


def examples(folder: str) -> list[dict]:
    paths = sorted((EXAMPLES / folder).glob("*.json"))
    return [json.loads(path.read_bytes(), parse_float=Decimal) for path in paths]


async def test_every_accepted_example_arrives_in_one_batch(collector):
    calls = [path.read_bytes() for path in sorted((EXAMPLES / "accepted").glob("*.json"))]
    raw = b",".join(json.dumps(json.loads(one)["call"]).encode() for one in calls)
    answer = await collector.post("/v1/batch", b'{"batch": [' + raw + b"]}")
    assert (answer.status, answer.json) == (200, {"success": True, "accepted": len(calls), "rejected": []})
    stored = collector.stored()
    assert [line.event for line in stored if isinstance(line, Event)] == [
        json.loads(one)["expect"].get("event", line.event) for one, line in zip(calls, stored, strict=True)
    ]


async def test_every_rejected_example_is_named_and_kept(collector):
    rejected = examples("rejected")
    answer = await collector.post(
        "/v1/batch", json.dumps({"batch": [one["call"] for one in rejected]}, default=float).encode()
    )
    assert (answer.status, answer.json["accepted"]) == (200, 0)
    expected = [(index, one["expect"]["tag"], one["expect"]["field"]) for index, one in enumerate(rejected)]
    assert [(one["index"], one["tag"], one["field"]) for one in answer.json["rejected"]] == expected
    assert all(one["rule"] for one in answer.json["rejected"])
    kept = collector.stored()
    assert [(one.tag, one.field, one.rule) for one in kept] == [
        (one["tag"], one["field"], one["rule"]) for one in answer.json["rejected"]
    ]
    assert [json.loads(one.body) for one in kept] == [
        json.loads(json.dumps(one["call"], default=float)) for one in rejected
    ]


async def test_a_bad_event_leaves_its_neighbours_alone(collector):
    answer = await collector.batch(call(1), order(2, revenue="much"), call(3))
    assert answer.status == 200
    assert answer.json == {
        "success": True,
        "accepted": 2,
        "rejected": [
            {
                "index": 1,
                "messageId": "m-2",
                "tag": "invalid_field",
                "field": "properties.revenue",
                "rule": answer.json["rejected"][0]["rule"],
            }
        ],
    }
    first, failed, last = collector.stored()
    assert (first.event_id, last.event_id) == ("m-1", "m-3")
    assert isinstance(failed, FailedEvent)
    assert (failed.source, failed.event_id, failed.event, failed.endpoint) == (
        SOURCE,
        "m-2",
        "Order Completed",
        "batch",
    )
    assert (failed.body_encoding, json.loads(failed.body)) == ("utf8", order(2, revenue="much"))


async def test_a_batch_written_over_several_lines_is_stored_one_event_a_line(collector):
    calls = [call(1, properties={"نام": ["چراغ", {"a": 1}]}), order(2), call(3, context={"page": {"title": "a\nb"}})]
    for ascii_only in (True, False):
        body = json.dumps({"batch": calls}, indent=2, ensure_ascii=ascii_only).encode()
        assert (await collector.post("/v1/batch", body)).json == {"success": True, "accepted": 3, "rejected": []}
    stored = collector.stored()
    assert [json.loads(bytes(event.properties)) for event in stored] == [one.get("properties", {}) for one in calls] * 2
    assert [event.event_id for event in stored] == ["m-1", "m-2", "m-3"] * 2


async def test_bytes_that_are_no_text_cost_only_the_event_that_holds_them(collector):
    calls = [json.dumps(order(number, note=f"note {number}")).encode() for number in (1, 2, 3)]
    calls[1] = calls[1].replace(b"note 2", b"note \xff")
    answer = await collector.post("/v1/batch", b'{"batch": [' + b",".join(calls) + b"]}")
    assert [one["index"] for one in answer.json["rejected"]] == [1]
    assert [line.event_id for line in collector.stored()] == ["m-1", "", "m-3"]


async def test_what_is_refused_is_kept_byte_for_byte(collector):
    texts = [b'{"type" :"track",\t"userId":"u" }', '{"type":"یک"}'.encode(), b'{"a":"\xff"}', b"5"]
    answer = await collector.post("/v1/batch", b'{"batch":[' + b",".join(texts) + b"]}")
    assert [one["tag"] for one in answer.json["rejected"]] == [
        "missing_field",
        "invalid_field",
        "malformed_event",
        "malformed_event",
    ]
    kept = collector.stored()
    assert [one.body_encoding for one in kept] == ["utf8", "utf8", "base64", "utf8"]
    bodies = [base64.b64decode(one.body) if one.body_encoding == "base64" else one.body.encode() for one in kept]
    assert bodies == texts


async def test_an_event_too_large_is_named_and_kept_to_32_kib(collector):
    large = call(1, properties={"note": "x" * 40_000})
    answer = await collector.batch(large, call(2))
    assert answer.json["accepted"] == 1
    (rejected,) = answer.json["rejected"]
    assert (rejected["tag"], rejected["messageId"]) == ("event_too_large", "m-1")
    assert f"is {len(json.dumps(large))} bytes, at most 32768" in rejected["rule"]
    failed, _ = collector.stored()
    assert (failed.event_id, failed.event) == ("m-1", "Product Viewed")
    assert failed.body == json.dumps(large)[:32768]


async def test_an_event_that_its_batchs_context_makes_too_large_is_named(tmp_path):
    context = {"page": {"url": "https://shop.example/" + "a" * 700}}
    async with running(tmp_path, event_max_bytes=1000) as collector:
        answer = await collector.batch(call(1, properties={"note": "b" * 800}), call(2), context=context)
        assert (answer.json["accepted"], answer.json["rejected"][0]["tag"]) == (1, "event_too_large")
        assert [line.event_id for line in collector.stored()] == ["m-1", "m-2"]


async def test_an_event_whose_columns_make_it_too_large_is_named(tmp_path):
    """Its address stands in its context and in a column."""
    large, fits = (call(1, context={"page": {"url": "https://shop.example/" + "a" * size}}) for size in (860, 700))
    async with running(tmp_path, event_max_bytes=1000) as collector:
        assert (await collector.batch(fits)).json["accepted"] == 1
        answer = await collector.batch(large, call(2))
        assert (answer.json["accepted"], answer.json["rejected"][0]["tag"]) == (1, "event_too_large")


async def test_an_event_that_grows_in_its_columns_is_named_however_small_it_came(tmp_path):
    """Three bytes of an address can become six of a campaign's name."""
    page = {"url": "https://shop.example/?utm_campaign=" + "%01" * 900}
    async with running(tmp_path, event_max_bytes=4000) as collector:
        answer = await collector.batch(call(1, context={"page": page}), call(2))
        assert (answer.json["accepted"], answer.json["rejected"][0]["tag"]) == (1, "event_too_large")
        assert max(len(line) for _, line in collector.lines()) <= 8000
        assert [line.event_id for line in collector.stored()] == ["m-1", "m-2"]


async def test_a_batch_larger_than_is_read_in_one_go_is_taken_too(collector):
    calls = [order(number, note="x" * 10_000) for number in range(120)]
    body = json.dumps({"batch": calls}).encode()
    headers = {"Authorization": aiohttp.encode_basic_auth(KEY, "")}
    answer = await collector.request("POST", "/v1/batch", data=io.BytesIO(body), headers=headers)
    assert answer.json["accepted"] == 120
    assert [event.order_id for event in collector.stored()] == [f"o-{number}" for number in range(120)]


async def test_the_worst_bytes_still_fit_into_a_record(tmp_path):
    async with running(tmp_path, record_max_bytes=262144, event_max_bytes=1000) as collector:
        await collector.post("/v1/batch", b"\x01" * 40_000)
        (failed,) = collector.stored()
        ((_, line),) = collector.lines()
        assert failed.body == "\x01" * 32768
        assert len(line) < 262144


async def test_a_malformed_body_is_kept_when_the_header_names_the_source(collector):
    answer = await collector.post("/v1/batch", b'{"batch": [{"type": "track"')
    assert (answer.status, answer.json["code"]) == (400, "malformed_request")
    (failed,) = collector.stored()
    assert (failed.source, failed.tag, failed.endpoint) == (SOURCE, "malformed_event", "batch")
    assert failed.body == '{"batch": [{"type": "track"'
    assert failed.rule == answer.json["message"]


async def test_a_malformed_body_of_nobody_is_not_kept(collector):
    assert (await collector.post("/v1/track", b"{", key="")).json["code"] == "malformed_request"
    assert (await collector.post("/v1/track", b"{", key="unknown")).json["code"] == "unknown_write_key"
    assert collector.stored() == []


async def test_a_refused_single_call_is_a_400_and_kept(collector):
    answer = await collector.post("/v1/track", {"userId": "u", "messageId": "m"})
    assert answer.status == 400
    assert (answer.json["code"], answer.json["message"]) == ("missing_field", "event: is required")
    (failed,) = collector.stored()
    assert (failed.event_id, failed.endpoint, failed.field) == ("m", "track", "event")


async def test_the_path_says_the_type_of_a_single_call(collector):
    members = {"userId": "u", "previousId": "p", "groupId": "g", "event": "Product Viewed", "type": "track"}
    kinds = ["track", "page", "screen", "identify", "group", "alias"]
    for kind in kinds:
        assert (await collector.post(f"/v1/{kind}", members)).json["accepted"] == 1
    assert [event.type for event in collector.stored()] == kinds


async def test_a_batchs_context_stands_behind_each_events_own(collector):
    around = {"ip": "203.0.113.77", "userAgent": "batch", "page": {"url": "https://shop.example/a"}}
    own = {"userAgent": "own", "page": {"path": "/b"}}
    answer = await collector.batch(
        call(1), call(2, context=own), call(3, context=None), call(4, context="web"), context=around
    )
    assert [one["field"] for one in answer.json["rejected"]] == ["context"]
    contexts = [json.loads(bytes(event.context)) for event in collector.stored() if isinstance(event, Event)]
    cut = {**around, "ip": "203.0.113.0"}
    assert contexts == [cut, {**cut, **own}, cut]


async def test_clocks_are_corrected_and_all_four_stamps_kept(tmp_path):
    ahead = NOW + timedelta(hours=5)
    async with running(tmp_path, clock=lambda: NOW) as collector:
        first = call(1, timestamp=(ahead - timedelta(minutes=2)).isoformat())
        own = call(2, timestamp=ahead.isoformat(), sentAt=(ahead + timedelta(seconds=1)).isoformat())
        await collector.batch(first, own, call(3), sentAt=ahead.isoformat())
        await collector.post("/v1/track", first | {"sentAt": ahead.isoformat()})
        stamps = [
            (event.timestamp, event.original_timestamp, event.sent_at, event.received_at)
            for event in collector.stored()
        ]
    minute = timedelta(minutes=1)
    assert stamps == [
        (NOW - 2 * minute, ahead - 2 * minute, ahead, NOW),
        (NOW - minute / 60, ahead, ahead + minute / 60, NOW),
        (NOW, None, ahead, NOW),
        (NOW - 2 * minute, ahead - 2 * minute, ahead, NOW),
    ]


@pytest.mark.parametrize(
    "sent_at", [None, "yesterday", 5, [], {}, "0001-01-01T00:00:00+14:00", "9999-12-31T23:00:00-14:00"]
)
async def test_a_sending_time_that_cannot_be_read_corrects_nothing(collector, sent_at):
    answer = await collector.batch(call(1, timestamp="1997-01-01T00:00:00Z"), sentAt=sent_at)
    assert answer.json["accepted"] == 1
    (event,) = collector.stored()
    assert (event.timestamp, event.sent_at) == (datetime(1997, 1, 1, tzinfo=UTC), None)


async def test_money_keeps_its_digits_to_the_log(collector):
    body = b'{"userId":"u","event":"Order Completed","properties":{"order_id":"o","currency":"USD","revenue":%s}}'
    assert (await collector.post("/v1/track", body % b"99999999999999.123456")).status == 200
    assert (await collector.post("/v1/track", body % b"0.1234567")).json["code"] == "invalid_field"
    event, _ = collector.stored()
    assert event.revenue == Decimal("99999999999999.123456")
    assert b'"revenue":99999999999999.123456' in collector.lines()[0][1]


async def test_a_persons_events_and_retries_meet_in_one_partition(tmp_path):
    async with running(tmp_path, partitions=8) as collector:
        people = [call(number, anonymousId=f"a-{number % 5}") for number in range(20)]
        identified = [call(number) for number in range(20)]
        for _ in range(2):
            await collector.batch(*people)
            await collector.batch(*identified)
        found = {}
        for partition, event in zip((partition for partition, _ in collector.lines()), collector.stored(), strict=True):
            found.setdefault(event.anonymous_id or event.user_id, set()).add(partition)
    expected = {name: {partition_of(SOURCE, name, 8)} for name in found}
    assert found == expected
    assert len(found) == 25
    assert len(set.union(*found.values())) > 4


async def test_an_event_without_a_message_id_gets_one(collector):
    await collector.batch({"type": "identify", "userId": "u"}, {"type": "identify", "userId": "u", "messageId": None})
    ids = {event.event_id for event in collector.stored()}
    assert len(ids) == 2
    assert all(ids)


async def test_the_source_decides_on_strictness_and_currency(tmp_path):
    async with running(tmp_path) as collector:
        add_source(collector.sources_file, "strict-shop", "strict-key")
        with collector.sources_file.open("a") as file:
            file.write('strict = true\ncurrency = "IRR"\n')
        unknown, paid = call(1, event="Lamp Dimmed"), order(2, currency=None)
        assert (await collector.batch(unknown, paid)).json["accepted"] == 2
        answer = await collector.post("/v1/batch", {"batch": [unknown, paid]}, key="strict-key")
        assert [(one["index"], one["tag"]) for one in answer.json["rejected"]] == [(0, "unknown_event")]
        loose, _, failed, strict = collector.stored()
        assert (loose.source, loose.stage, failed.source) == (SOURCE, "unmapped", "strict-shop")
        assert (strict.source, strict.currency) == ("strict-shop", "IRR")


async def test_metrics_count_what_is_durable(collector):
    await collector.batch(call(1), call(2, event="Lamp Dimmed"), {"type": "track"}, 5)
    await collector.post("/v1/batch", b"{")
    await collector.post("/v1/track", {}, key="unknown")
    sample = collector.ingest.metrics.registry.get_sample_value
    assert sample("safar_collector_events_accepted_total", {"source": SOURCE}) == 2
    assert sample("safar_collector_events_unmapped_total") == 1
    assert sample("safar_collector_events_rejected_total", {"tag": "malformed_event"}) == 2
    assert sample("safar_collector_events_rejected_total", {"tag": "missing_field"}) == 1
    assert sample("safar_collector_requests_total", {"status": "200"}) == 1
    assert sample("safar_collector_requests_total", {"status": "400"}) == 1
    assert sample("safar_collector_requests_total", {"status": "401"}) == 1


async def test_a_fault_of_ours_costs_one_event_which_is_kept(collector, monkeypatch, caplog):
    accept_read = ingest.accept_read

    def faulty(call, receipt):
        return accept_read(call, receipt) if call.message_id != "m-2" else {}["u-2@example.org"]

    monkeypatch.setattr(ingest, "accept_read", faulty)
    answer = await collector.batch(call(1), call(2), call(3))
    assert (answer.status, answer.json["accepted"]) == (200, 2)
    assert [one["index"] for one in answer.json["rejected"]] == [1]
    assert json.loads(collector.stored()[1].body) == call(2)
    assert "KeyError at test_ingest.py:" in caplog.text
    assert "example.org" not in caplog.text


async def test_the_key_in_the_header_goes_before_the_one_in_the_body(collector):
    add_source(collector.sources_file, "other", "other-key")
    await collector.post("/v1/track", call() | {"writeKey": "other-key"}, key=KEY)
    await collector.post("/v1/track", call() | {"writeKey": "other-key"}, key="")
    assert [event.source for event in collector.stored()] == [SOURCE, "other"]
