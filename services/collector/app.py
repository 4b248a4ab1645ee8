"""The collector's HTTP surface: routes, answers and errors. Built from parts that the composition root hands in."""

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from safar.answers import http_refusal, json_response, metrics_response, refusal
from safar.contract.event import CallType
from safar.errors import BodyTooLarge, SafarError
from safar.fault import kind_and_place
from services.collector.decode import header_key, read_body
from services.collector.ingest import Ingest, Outcome

_log = logging.getLogger(__name__)

# Websites post from other origins; a public write key is all they need, so any origin may.
_CORS = {"Access-Control-Allow-Origin": "*", "Access-Control-Max-Age": "86400"}
_PREFLIGHT = {
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
        return json_response({"success": False, "code": one["tag"], "message": message, **one}, 400)
    return json_response({"success": True, "accepted": outcome.accepted, "rejected": rejected})


@web.middleware
async def _answer_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    response: web.StreamResponse
    try:
        response = await handler(request)
    except SafarError as error:
        response = refusal(error)
        if isinstance(error, BodyTooLarge):
            response.force_close()  # the rest of the body is not read
    except web.HTTPException as error:
        response = http_refusal(request, error)
    except Exception as error:
        _log.error("a request was not handled: %s", kind_and_place(error))
        response = refusal(SafarError("The collector met a fault of its own; send the same events again."))
    response.headers.update(_CORS)
    request.app[INGEST].metrics.requests.labels(response.status).inc()
    return response


async def _preflight(_request: web.Request) -> web.Response:
    return web.Response(status=204, headers=_PREFLIGHT)


async def _health(_request: web.Request) -> web.Response:
    return json_response({"status": "ok"})


async def _ready(request: web.Request) -> web.Response:
    """Ready while the log takes what it is given."""
    failing = request.app[INGEST].publisher.failing
    if failing:
        return json_response({"status": "not ready", "code": failing.tag, "message": str(failing)}, 503)
    return json_response({"status": "ready"})


async def _metrics(request: web.Request) -> web.Response:
    return metrics_response(request.app[INGEST].metrics.registry)
