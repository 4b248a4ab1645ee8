"""The report API over real HTTP: answers, refusals, tokens, readiness."""

import asyncio
import base64
import csv
import io

import pytest

from safar.reports import reports
from safar.sources import add_source
from services.aggregator.consume import Status
from services.aggregator.main import configured_sources
from tests.support.reading import reading


async def test_the_list_names_every_report_with_its_parameters(shop):
    async with reading(shop) as client, client.get("/api/reports") as answer:
        listed = (await answer.json())["reports"]
    assert [report["name"] for report in listed] == [report.name for report in reports()]
    funnel = next(report for report in listed if report["name"] == "funnel")
    window = next(parameter for parameter in funnel["parameters"] if parameter["name"] == "window")
    assert window["default"] == "2592000"
    assert window["rule"] == "a whole number from 1 to 315360000"


async def test_a_report_answers_json_with_what_it_was_asked(shop):
    async with reading(shop) as client, client.get("/api/reports/totals?source=demo-shop") as answer:
        assert answer.status == 200
        assert answer.content_type == "application/json"
        report = await answer.json()
    assert report["parameters"]["source"] == "demo-shop"
    assert report["columns"][0] == "source"
    assert [(row["orders"], row["revenue"], row["currency"]) for row in report["rows"]] == [
        (1, "1234.5", "EUR"),
        (1, "0.07", "USD"),
    ]


async def test_a_report_answers_csv_in_which_no_name_is_a_formula(shop):
    async with reading(shop) as client, client.get("/api/reports/unmapped_events?format=csv") as answer:
        assert answer.content_type == "text/csv"
        header, *rows = csv.reader(io.StringIO(await answer.text()))
    assert header[:3] == ["source", "event", "events"]
    assert [row[1] for row in rows] == ["<script>document.title = 'taken over'</script>", "'=HYPERLINK(1)"]


@pytest.mark.parametrize(
    ("path", "status", "code", "words"),
    [
        ("/api/reports/funel", 404, "unknown_report", "There is no report 'funel'"),
        ("/api/reports/totals?colour=red", 400, "invalid_parameter", "'colour' is no parameter of totals"),
        ("/api/reports/totals?tz=Mars", 400, "invalid_parameter", "tz must be an IANA time zone"),
        ("/api/reports/totals?format=xml", 400, "invalid_parameter", "format must be json or csv, not 'xml'"),
        ("/api/reports/totals?source=a&source=b", 400, "invalid_parameter", "'source' must be given once"),
        ("/nowhere", 404, "http_404", "GET /nowhere: Not Found."),
    ],
)
async def test_a_refusal_is_json_with_code_and_message(shop, path, status, code, words):
    async with reading(shop) as client, client.get(path) as answer:
        assert answer.status == status
        content = await answer.json()
    assert content["code"] == code
    assert words in content["message"]


async def test_a_source_neither_stored_nor_configured_is_refused(shop):
    async with reading(shop, sources=frozenset({"new-shop"})) as client:
        for source, status in (("demo-shop", 200), ("new-shop", 200), ("demoshop", 400)):
            async with client.get(f"/api/reports/funnel?source={source}") as answer:
                assert answer.status == status
                content = await answer.json()
    assert content["code"] == "invalid_parameter"
    assert content["message"] == "source 'demoshop' is not known; there are demo-shop, new-shop."


def test_the_configured_sources_are_those_of_the_file_when_it_can_be_read(tmp_path):
    path = tmp_path / "sources.toml"
    assert configured_sources(path) is None
    add_source(path, "new-shop")
    assert configured_sources(path) == {"new-shop"}
    path.write_text("[half")
    assert configured_sources(path) is None


async def test_only_reading_is_allowed(shop):
    async with reading(shop) as client, client.post("/api/reports/totals") as answer:
        assert answer.status == 405
        assert (await answer.json())["code"] == "http_405"


async def test_freshness_tells_the_lag_too(shop):
    async with reading(shop, Status("", {0: 3, 1: 0})) as client, client.get("/api/reports/freshness") as answer:
        assert (await answer.json())["lag"] == {"0": 3, "1": 0}


def _basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


@pytest.mark.parametrize("sent", ["Bearer säcret", "bearer säcret", _basic("anyone:säcret"), _basic(":säcret")])
@pytest.mark.parametrize("path", ["/", "/api/reports", "/api/reports/totals"])
async def test_the_right_token_opens_every_door(shop, path, sent):
    async with reading(shop, token="säcret") as client:
        answer = await client.get(path, headers={"Authorization": sent})
        assert answer.status == 200


@pytest.mark.parametrize(
    "sent", ["", "Bearer", "Bearer wrong", "Basic säcret", _basic("säcret"), _basic("säcret:"), "Basic !", "säcret"]
)
@pytest.mark.parametrize("path", ["/", "/api/reports", "/api/reports/totals", "/nowhere"])
async def test_without_the_right_token_nothing_is_told(shop, path, sent):
    async with reading(shop, token="säcret") as client:
        answer = await client.get(path, headers={"Authorization": sent} if sent else {})
        assert answer.status == 401
        assert (await answer.json())["code"] == "token_required"
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
async def test_health_readiness_and_metrics_need_no_token(shop, path):
    async with reading(shop, token="secret") as client:
        assert (await client.get(path)).status == 200


async def test_a_strange_host_name_is_refused(shop):
    async with reading(shop, hosts=frozenset({"127.0.0.1"})) as client:
        assert (await client.get("/api/reports/totals")).status == 200
        answer = await client.get("/api/reports/totals", headers={"Host": "evil.example:8081"})
        assert answer.status == 403
        assert "evil.example" in (await answer.json())["message"]


async def test_ready_says_in_words_what_is_wrong(shop):
    async with reading(shop, Status("The disk is full.", {})) as client:
        answer = await client.get("/ready")
        assert answer.status == 503
        assert await answer.json() == {"status": "not ready", "code": "not_ready", "message": "The disk is full."}
        assert (await client.get("/health")).status == 200


async def test_a_report_is_timed_under_its_name_and_an_unknown_one_is_not(shop):
    async with reading(shop) as client:
        for name in ("totals", "totals", "made-up"):
            await client.get(f"/api/reports/{name}")
        metrics = await (await client.get("/metrics")).text()
    assert 'safar_aggregator_report_seconds_count{report="totals"} 2.0' in metrics
    assert "made-up" not in metrics


async def test_the_same_question_asked_at_once_is_answered_once(shop):
    async with reading(shop) as client:
        answers = await asyncio.gather(*(client.get("/api/reports/channels") for _ in range(20)))
        assert {answer.status for answer in answers} == {200}
        metrics = await (await client.get("/metrics")).text()
    (line,) = [line for line in metrics.splitlines() if 'seconds_count{report="channels"}' in line]
    assert float(line.split()[-1]) < 20


async def test_too_many_questions_at_once_are_asked_to_come_back(shop):
    async with reading(shop) as client:
        asked = [client.get(f"/api/reports/totals?source=s{n}") for n in range(60)]
        answers = await asyncio.gather(*asked)
        refused = [answer for answer in answers if answer.status == 503]
        assert refused
        assert {answer.status for answer in answers} == {200, 503}
        assert refused[0].headers["Retry-After"] == "1"
        assert (await refused[0].json())["code"] == "store_unavailable"
        assert (await client.get("/api/reports/channels")).status == 200
