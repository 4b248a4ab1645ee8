"""What went wrong, in ClickHouse's own words: its error codes, HTTP statuses and texts."""

import re

from aiohttp import web

from safar.errors import (
    BodyTooLarge,
    MalformedRequest,
    QueryRefused,
    SafarError,
    StoreUnavailable,
    TokenRequired,
    UnsupportedEncoding,
)
from safar.store.door.engine import EngineError

FAILURES = (EngineError, SafarError)
"""What running a statement can raise on purpose."""

_UNKNOWN = (1001, "STD_EXCEPTION")
# ClickHouse's error codes for our own refusals.
_CODES: dict[type[SafarError], tuple[int, str]] = {
    QueryRefused: (497, "ACCESS_DENIED"),
    TokenRequired: (516, "AUTHENTICATION_FAILED"),
    StoreUnavailable: (202, "TOO_MANY_SIMULTANEOUS_QUERIES"),
    BodyTooLarge: (307, "TOO_MANY_BYTES"),
    MalformedRequest: (36, "BAD_ARGUMENTS"),
    UnsupportedEncoding: (48, "NOT_IMPLEMENTED"),
}
# The HTTP status that ClickHouse gives with its error codes; 500 for the others.
_BAD_REQUEST = (6, 26, 27, 36, 38, 41, 42, 43, 53, 62, 69, 70, 72, 167, 168, 306, 386, 456, 457)
_NOT_FOUND = (46, 47, 50, 56, 60, 73, 81, 115)
_STATUSES = dict.fromkeys(_BAD_REQUEST, 400) | dict.fromkeys(_NOT_FOUND, 404) | {159: 408, 164: 403}


def failure(error: Exception) -> web.Response:
    """The answer to a statement that failed before anything was sent."""
    text = error_text(error)
    found = re.match(r"Code: (\d+)", text)
    code = int(found.group(1)) if found else _UNKNOWN[0]
    status = error.status if isinstance(error, SafarError) else _STATUSES.get(code, 500)
    headers = {"X-ClickHouse-Exception-Code": str(code), "Content-Type": "text/plain; charset=UTF-8"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Safar"'
    if status == 503:
        headers["Retry-After"] = "1"
    return web.Response(status=status, body=f"{text}\n".encode(errors="replace"), headers=headers)


def error_text(error: Exception) -> str:
    """`Code: N. DB::Exception: what happened. (NAME)`, as every ClickHouse client reads it."""
    if isinstance(error, SafarError):
        code, name = _CODES.get(type(error), _UNKNOWN)
        return f"Code: {code}. DB::Exception: {error} ({name})"
    text = str(error)
    text = text[max(text.find("Code: "), 0) :]
    # The guard asks the engine to parse; that question is ours and only hides the client's mistake.
    return re.sub(r":? In scope SELECT (?:format|parse)Query.*(?= \(\w+\)$)", ".", text, flags=re.DOTALL)
