"""The collector's HTTP surface: endpoints, answers and errors, on aiohttp's low-level server.

Ten fixed paths need no router: looked up in a dict, a request costs a twelfth less.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from aiohttp import web

from safar.answers import http_refusal, json_response, metrics_response, refusal
from safar.contract.event import CallType
from safar.errors import BodyTooLarge, SafarError
from safar.fault import kind_and_place
from services.collector.decode import header_key, read_body
from services.collector.ingest import Ingest, Outcome

_log = logging.getLogger(__name__)

# Websites post from other origins; a public write key is all they need, so any origin may.
_ANY_ORIGIN = {"Access-Control-Allow-Origin": "*"}
_PREFLIGHT = {
    "Access-Control-Max-Age": "86400",
    "Access-Control-Allow-Methods": "POST",
    "Access-Control-Allow-Headers": "*, Authorization",
}

Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]


class CollectorApp:
    """Answers each request. Built from parts that the composition root hands in."""

    def __init__(self, ingest: Ingest) -> None:
        self._ingest = ingest
        reads = {"/health": self._health, "/ready": self._ready, "/metrics": self._metrics}
        kinds = (*CallType.__args__, "batch")  # type: ignore[attr-defined]
        self.endpoints: Mapping[str, Mapping[str, Handler]] = {
            **{f"/v1/{kind}": {"POST": partial(self._take, kind), "OPTIONS": self._preflight} for kind in kinds},
            **{path: {"GET": handler, "HEAD": handler} for path, handler in reads.items()},
        }
        """By path and method."""

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """The answer, whatever happens; every one may be read from any origin."""
        try:
            response = await self._handler(request)(request)
        except SafarError as error:
            response = refusal(error)
            if isinstance(error, BodyTooLarge):
                response.force_close()  # the rest of the body is not read
        except web.HTTPException as error:
            response = http_refusal(request, error)
        except Exception as error:
            _log.error("a request was not handled: %s", kind_and_place(error))
            response = refusal(SafarError("The collector met a fault of its own; send the same events again."))
        response.headers.update(_ANY_ORIGIN)
        self._ingest.metrics.requests(response.status).inc()
        return response

    def _handler(self, request: web.BaseRequest) -> Handler:
        methods = self.endpoints.get(request.path)
        if methods is None:
            raise web.HTTPNotFound
        if request.method not in methods:
            raise web.HTTPMethodNotAllowed(request.method, methods)
        return methods[request.method]

    async def _take(self, kind: str, request: web.BaseRequest) -> web.Response:
        body = await read_body(request, self._ingest.config.body_max_bytes)
        outcome = await self._ingest.take(body, header_key(request), kind)
        return _answer(outcome, single=kind != "batch")

    async def _preflight(self, _request: web.BaseRequest) -> web.Response:
        return web.Response(status=204, headers=_PREFLIGHT)

    async def _health(self, _request: web.BaseRequest) -> web.Response:
        return json_response({"status": "ok"})

    async def _ready(self, _request: web.BaseRequest) -> web.Response:
        """Ready while the log takes what it is given."""
        failing = self._ingest.publisher.failing
        if failing:
            return json_response({"status": "not ready", "code": failing.tag, "message": str(failing)}, 503)
        return json_response({"status": "ready"})

    async def _metrics(self, _request: web.BaseRequest) -> web.Response:
        return metrics_response(self._ingest.metrics.registry)


def _answer(outcome: Outcome, *, single: bool) -> web.Response:
    """Exactly 200 when taken; a refused single call is a 400, a batch names each refused event."""
    rejected = [rejection.to_json() for rejection in outcome.rejected]
    if single and rejected:
        (one,) = rejected
        message = f"{one['field']}: {one['rule']}" if one["field"] else f"The event {one['rule']}."
        return json_response({"success": False, "code": one["tag"], "message": message, **one}, 400)
    return json_response({"success": True, "accepted": outcome.accepted, "rejected": rejected})
