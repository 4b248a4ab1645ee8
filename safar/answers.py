"""What collector and report API answer alike: JSON, errors with `code` and `message`, metrics. (SQL: store/door.)"""

import re
from collections.abc import Mapping

import msgspec
from aiohttp import web
from prometheus_client import CollectorRegistry

from safar.errors import QueryRefused, SafarError
from safar.telemetry import exposition

_RETRY_AFTER_S = "1"
_JSON = {"Content-Type": "application/json; charset=utf-8"}


def json_response(content: object, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """`content` as JSON."""
    body = msgspec.json.encode(content)
    return web.Response(body=body, status=status, headers={**_JSON, **(headers or {})})


def refusal(error: SafarError) -> web.Response:
    """One of our errors: its tag, its sentence, its status; when asking again may help, after how long."""
    content = {"success": False, "code": error.tag, "message": str(error)}
    return json_response(content, error.status, {"Retry-After": _RETRY_AFTER_S} if error.retryable else {})


def http_refusal(request: web.BaseRequest, error: web.HTTPException) -> web.Response:
    """An error of HTTP itself (no such path, wrong method), in the same shape."""
    message = f"{request.method} {request.path[:200]}: {error.reason}."
    allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    content = {"success": False, "code": f"http_{error.status}", "message": message}
    return json_response(content, error.status, allow)


def metrics_response(registry: CollectorRegistry) -> web.Response:
    """The metrics of one service."""
    headers = {"Content-Type": "text/plain; version=0.0.4; charset=utf-8"}
    return web.Response(body=exposition(registry), headers=headers)


def check_host(request: web.Request, hosts: frozenset[str]) -> None:
    """Raise QueryRefused unless the service was called by one of `hosts`; any name will do when that is empty.

    A web page can make its own name point to 127.0.0.1; the browser then lets it read what it finds there.
    """
    if hosts and re.sub(r":\d+$", "", request.host).strip("[]").lower() not in hosts:
        raise QueryRefused(f"This service is not called {request.host[:80]!r}: use {' or '.join(sorted(hosts))}.")
