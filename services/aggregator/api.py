"""The aggregator's HTTP surface: page, reports as JSON or CSV, health, readiness, metrics. Reads only."""

import base64
import csv
import hmac
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from safar.answers import check_host, http_refusal, json_response, metrics_response, refusal
from safar.errors import InvalidParameter, SafarError, TokenRequired
from safar.reports import Configured, Report, each_once, reports
from safar.store import Store
from safar.telemetry import AggregatorMetrics
from services.aggregator.consume import Status
from services.aggregator.page import page
from services.aggregator.report_pool import ReportPool

_OPEN_PATHS = ("/health", "/ready", "/metrics")
_NO_STORE = {"Cache-Control": "no-store"}


@dataclass(frozen=True)
class Parts:
    """What the composition root hands in.

    Everything but health, readiness and metrics asks for `read_token`, as bearer token or as the password of HTTP
    Basic; empty: no token is needed. `hosts` are the names the service may be called by; empty: any. `configured` gives
    the sources there are beside those stored, or None when that cannot be known here.
    """

    store: Store
    metrics: AggregatorMetrics
    status: Callable[[], Status]
    read_token: str = ""
    hosts: frozenset[str] = frozenset()
    configured: Configured = lambda: None


PARTS = web.AppKey("parts", Parts)
POOL = web.AppKey("pool", ReportPool)


def reports_app(parts: Parts) -> web.Application:
    """Every route of the aggregator but SQL."""
    app = web.Application(middlewares=[_answer_errors, _admit])
    app[PARTS] = parts
    app[POOL] = ReportPool(parts.store, parts.metrics, parts.configured)
    app.router.add_get("/", _page)
    app.router.add_get("/api/reports", _list)
    app.router.add_get("/api/reports/{name}", _report)
    app.router.add_get("/health", _health)
    app.router.add_get("/ready", _ready)
    app.router.add_get("/metrics", _metrics)
    app.cleanup_ctx.append(_lifetime)
    return app


async def _lifetime(app: web.Application) -> AsyncIterator[None]:
    yield
    await app[POOL].close()


async def _page(request: web.Request) -> web.Response:
    status = request.app[PARTS].status()
    return await page(request.app[POOL].ask, request.query.items(), status.failing, sum(status.lag.values()))


async def _list(_request: web.Request) -> web.Response:
    return json_response({"reports": [report.to_json() for report in reports()]})


async def _report(request: web.Request) -> web.Response:
    params = each_once(request.query.items())
    form = params.pop("format", "") or "json"
    if form not in ("json", "csv"):
        raise InvalidParameter(f"format must be json or csv, not {form[:80]!r}.")
    report = await request.app[POOL].ask(request.match_info["name"], params)
    if form == "csv":
        return _csv(report)
    content: dict[str, Any] = report.to_json()
    if report.name == "freshness":
        content["lag"] = dict(request.app[PARTS].status().lag)
    return json_response(content, headers=_NO_STORE)


def _csv(report: Report) -> web.Response:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(report.columns)
    writer.writerows([_cell(row[column]) for column in report.columns] for row in report.rows)
    headers = {**_NO_STORE, "Content-Disposition": f'attachment; filename="{report.name}.csv"'}
    return web.Response(text=text.getvalue(), content_type="text/csv", charset="utf-8", headers=headers)


def _cell(value: object) -> object:
    """Names come from whoever has a write key: none may become a formula where the file is opened."""
    is_formula = isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r"))
    return f"'{value}" if is_formula and not _is_amount(str(value)) else value


def _is_amount(text: str) -> bool:
    return text.removeprefix("-").replace(".", "", 1).isdecimal()


async def _health(_request: web.Request) -> web.Response:
    return json_response({"status": "ok"})


async def _ready(request: web.Request) -> web.Response:
    """Ready while events get from the log into the store."""
    failing = request.app[PARTS].status().failing
    if failing:
        return json_response({"status": "not ready", "code": "not_ready", "message": failing}, 503)
    return json_response({"status": "ready"})


async def _metrics(request: web.Request) -> web.Response:
    return metrics_response(request.app[PARTS].metrics.registry)


@web.middleware
async def _admit(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    parts = request.app[PARTS]
    if request.path not in _OPEN_PATHS:
        check_host(request, parts.hosts)
        if parts.read_token and not hmac.compare_digest(_token(request), parts.read_token.encode()):
            raise TokenRequired("A token is needed here: as bearer token, or as the password of HTTP Basic.")
    return await handler(request)


def _token(request: web.Request) -> bytes:
    """The token as sent; empty when there is none that can be read."""
    scheme, _, sent = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return sent.strip().encode(errors="surrogateescape")
    try:
        return base64.b64decode(sent).partition(b":")[2] if scheme.lower() == "basic" else b""
    except ValueError:
        return b""


@web.middleware
async def _answer_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except TokenRequired as error:
        answer = refusal(error)
        # A browser then asks for it.
        answer.headers["WWW-Authenticate"] = 'Basic realm="Safar", charset="UTF-8"'
        return answer
    except SafarError as error:
        return refusal(error)
    except web.HTTPException as error:
        return http_refusal(request, error)
