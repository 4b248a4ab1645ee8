"""The collector's HTTP surface: routes, answers and errors. Built from parts that the composition root hands in."""

import json
from collections.abc import Awaitable, Callable

from aiohttp import web

from safar.contract.event import CallType
from safar.errors import BodyTooLarge, SafarError
from safar.telemetry import exposition
from services.collector.decode import header_key, read_body
from services.collector.ingest import Ingest, Outcome

_RETRY_AFTER_S = "1"
# Websites post from other origins; a public write key is all they need, so any origin may.
_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Max-Age": "86400"}
_PREFLIGHT = {
    **_CORS,
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "*, Authorization",
}

INGEST = web.AppKey("ingest", Ingest)


def collector_app(ingest: Ingest) -> web.Application:
    """Every route of the collector."""
    app = web.Application(middlewares=[_answer_errors])
    app[INGEST] = ingest
    for kind in (*CallType.__args__, "batch"):  # type: ignore[attr-defined]
        app.router.add_post(f"/v1/{kind}", _taker(kind))
        app.router.add_options(f"/v1/{kind}", _preflight)
    app.router.add_get("/health", _health)
    app.router.add_get("/ready", _ready)
    app.router.add_get("/metrics", _metrics)
    return app


def _taker(kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def take(request: web.Request) -> web.Response:
        ingest = request.app[INGEST]
        body = await read_body(request, ingest.config.body_max_bytes)
        outcome = await ingest.take(body, header_key(request), kind)
        return _answer(outcome, single=kind != "batch")

    return take


def _answer(outcome: Outcome, *, single: bool) -> web.Response:
    """Exactly 200 when taken; a refused single call is a 400, a batch names each refused event."""
    rejected = [rejection.to_json() for rejection in outcome.rejected]
    if single and rejected:
        (one,) = rejected
        message = f"{one['field']}: {one['rule']}" if one["field"] else f"The event {one['rule']}."
        return _json({"success": False, "code": one["tag"], "message": message, **one}, 400)
    return _json({"success": True, "accepted": outcome.accepted, "rejected": rejected}, 200)


def _json(content: object, status: int, headers: dict[str, str] | None = None) -> web.Response:
    text = json.dumps(content, ensure_ascii=False)
    return web.Response(text=text, status=status, content_type="application/json", headers={**_CORS, **(headers or {})})


@web.middleware
async def _answer_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        response = await handler(request)
    except SafarError as error:
        response = _refusal(error)
    except web.HTTPException as error:
        message = f"{request.method} {request.path[:200]}: {error.reason}."
        allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        response = _json({"success": False, "code": f"http_{error.status}", "message": message}, error.status, allow)
    request.app[INGEST].metrics.requests.labels(response.status).inc()
    return response


def _refusal(error: SafarError) -> web.Response:
    content = {"success": False, "code": error.tag, "message": str(error)}
    headers = {"Retry-After": _RETRY_AFTER_S} if error.retryable else {}
    if isinstance(error, BodyTooLarge):
        headers["Connection"] = "close"  # the rest of the body is not read
    return _json(content, error.status, headers)


async def _preflight(_request: web.Request) -> web.Response:
    return web.Response(status=204, headers=_PREFLIGHT)


async def _health(_request: web.Request) -> web.Response:
    return _json({"status": "ok"}, 200)


async def _ready(request: web.Request) -> web.Response:
    """Ready while the log takes what it is given."""
    failing = request.app[INGEST].publisher.failing
    if failing:
        return _json({"status": "not ready", "code": failing.tag, "message": str(failing)}, 503)
    return _json({"status": "ready"}, 200)


async def _metrics(request: web.Request) -> web.Response:
    body = exposition(request.app[INGEST].metrics.registry)
    return web.Response(body=body, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
