"""The README's tables are the code: settings, endpoints, commands, metrics and errors, no more and no less."""

import re
from pathlib import Path
from types import SimpleNamespace

import pytest
from aiohttp.test_utils import TestClient, TestServer
from prometheus_client import CollectorRegistry

from safar import errors
from safar.cli.main import MODULES
from safar.config import SETTINGS
from safar.telemetry import AggregatorMetrics, CollectorMetrics
from services.aggregator.api import reports_app
from services.aggregator.consume import Status
from services.collector.app import CollectorApp

ROOT = Path(__file__).parents[2]
# What a reader is told to make.
TO_BE_MADE = {"schemas/touchpoints/awareness/test_drive_booked.json"}
README = (ROOT / "README.md").read_text(encoding="utf-8")


def table(heading: str, number: int = 0) -> list[list[str]]:
    """The cells of a table under a heading, without its head."""
    section = README.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    tables = re.findall(r"(?:^\|.*\n)+", section, re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|\n").split(" | ")] for line in tables[number].splitlines()]
    return [[cell.strip("| ") for cell in row] for row in rows[2:]]


def plain(cell: str) -> str:
    return cell.strip("`")


def all_errors() -> list[type[errors.SafarError]]:
    found, waiting = [], [errors.SafarError]
    while waiting:
        kind = waiting.pop()
        waiting += kind.__subclasses__()
        found.append(kind)
    abstract = {errors.SafarError, errors.RequestError, errors.EventRejected}
    return [kind for kind in found if kind not in abstract]


def test_every_setting_stands_in_the_readme_with_its_default():
    rows = [(plain(name), plain(default), meaning) for name, default, meaning in table("Settings")]
    assert rows == [(setting.variable, setting.default, setting.help) for setting in SETTINGS]


def test_every_metric_stands_in_the_readme_with_its_type():
    expected = []
    for kind in (CollectorMetrics, AggregatorMetrics):
        registry = CollectorRegistry()
        kind(registry)
        for family in registry.collect():
            name = f"{family.name}_total" if family.type == "counter" else family.name
            expected.append((name, family.type, family.documentation))
    assert [(plain(name), kind, meaning) for name, kind, meaning in table("Metrics")] == expected


def test_every_error_stands_in_the_readme_with_its_status():
    rows = {(plain(tag), int(status), retryable == "yes") for tag, status, retryable, _ in table("Errors")}
    assert rows == {(kind.tag, kind.status, kind.retryable) for kind in all_errors()}


def test_every_reason_to_refuse_an_event_stands_in_the_readme():
    assert {plain(tag) for tag, _ in table("Errors", 1)} == {str(tag) for tag in errors.RejectionTag}


async def test_every_other_code_of_an_answer_stands_in_the_readme():
    parts = {"store": None, "metrics": None, "configured": None, "hosts": frozenset(), "read_token": ""}
    app = reports_app(SimpleNamespace(**parts, status=lambda: Status("The disk is full.", {})))
    found = {(errors.SafarError.tag, errors.SafarError.status)}
    async with TestClient(TestServer(app)) as client:
        for method, path in (("GET", "/nowhere"), ("POST", "/health"), ("GET", "/ready")):
            async with client.request(method, path) as answer:
                found.add(((await answer.json())["code"], answer.status))
    assert {(plain(code), int(status)) for code, status, _ in table("Errors", 2)} == found


def test_every_command_stands_in_the_readme():
    assert [plain(name).removeprefix("safar ") for name, _ in table("Commands")] == list(MODULES)


def test_every_endpoint_stands_in_the_readme():
    collector = ((method, path) for path, methods in CollectorApp(None).endpoints.items() for method in methods)
    reports = reports_app(SimpleNamespace(store=None, metrics=None, configured=None)).router.routes()
    routes = [*collector, *((route.method, route.resource.canonical) for route in reports if route.resource)]
    expected = {f"{method} {path}" for method, path in routes if method in ("GET", "POST")}
    assert {plain(endpoint) for endpoint, _, _ in table("Endpoints")} == expected


@pytest.mark.parametrize(
    "document", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name
)
def test_every_file_a_document_names_exists(document):
    text = document.read_text(encoding="utf-8")
    linked = re.findall(r"\]\((?!http|#)([^)#]+)", text)
    named = re.findall(r"`((?:safar|services|schemas|tests|docs|notebooks|bench|deploy|scripts)/[\w./*-]+)`", text)
    missing = [name for name in linked if not (document.parent / name).exists()]
    missing += [name for name in named if name not in TO_BE_MADE and not list(ROOT.glob(name.rstrip("/")))]
    assert missing == []
