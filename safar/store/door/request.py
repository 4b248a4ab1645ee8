"""What comes in at a SQL door: one request of ClickHouse's HTTP interface, read into an `Ask`."""

import base64
import binascii
import hmac
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from aiohttp import BodyPartReader, web

from safar.errors import BodyTooLarge, MalformedRequest, UnsupportedEncoding
from safar.store.door.blocks import from_blocks
from safar.store.door.inflate import inflated

# What the HTTP interface itself understands; whatever else a client sends is a setting of the engine.
_NOT_SETTINGS = frozenset(
    {
        "query", "database", "default_format", "user", "password", "query_id", "session_id",
        "session_timeout", "session_check", "quota_key", "compress", "decompress", "buffer_size",
        "wait_end_of_query", "client_protocol_version", "role", "enable_http_compression",
        "send_progress_in_http_headers", "http_headers_progress_interval_ms",
        "cancel_http_readonly_queries_on_client_close", "network_compression_method",
        "network_zstd_compression_level",
    }
)  # fmt: skip
# What a part of a form counts for, whatever is in it.
_PART_BYTES = 100
# It comes back in a header.
_QUERY_ID = re.compile(r"[^\w.:-]", re.ASCII)


@dataclass(frozen=True, repr=False)
class Credentials:
    """Who asks; both empty when nothing was sent."""

    user: str
    password: str

    def know(self, token: str) -> bool:
        """Whether the password is `token`; how long this takes says nothing about it."""
        return hmac.compare_digest(self.password.encode(errors="surrogateescape"), token.encode())


@dataclass(frozen=True)
class Ask:
    """What is asked. `parameters` are escaped as ClickHouse wants them; `settings` are as sent, unchecked.

    With `in_blocks` the answer is wanted in ClickHouse's own block compression. `protocol` is the version that
    the client speaks, 0 when it does not say.
    """

    query: str
    body: bytes
    database: str
    default_format: str
    query_id: str
    parameters: Mapping[str, str]
    settings: Mapping[str, str]
    in_blocks: bool
    protocol: int

    def text(self) -> str:
        """The statement, when nothing in it is data: the query of the URL and the body are one text."""
        try:
            return "\n".join(part for part in (self.query, self.body.decode()) if part)
        except UnicodeDecodeError:
            raise MalformedRequest("The statement is not UTF-8.") from None


def read_credentials(request: web.Request) -> Credentials:
    """Take user and password from ClickHouse's own headers, or from HTTP Basic, or a bearer token."""
    if "X-ClickHouse-User" in request.headers or "X-ClickHouse-Key" in request.headers:
        return Credentials(request.headers.get("X-ClickHouse-User", ""), request.headers.get("X-ClickHouse-Key", ""))
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return Credentials("", value.strip())
    if scheme.lower() != "basic":
        return Credentials("", "")
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise MalformedRequest("The Authorization header is not valid Basic authentication.") from None
    return Credentials(user, password)


async def read_ask(request: web.Request, body_max_bytes: int) -> Ask:
    """Read parameters and body; `body_max_bytes` holds before inflating and after."""
    request = request.clone(client_max_size=body_max_bytes)
    fields = dict(request.query)
    try:
        if request.content_type == "multipart/form-data":
            fields |= await _form(request, body_max_bytes)
            body = b""
        else:
            encoding = request.headers.get("Content-Encoding", "").lower()
            body = inflated(await request.read(), encoding, body_max_bytes)
            if fields.get("decompress") == "1":
                body = from_blocks(body, body_max_bytes)
    except web.HTTPRequestEntityTooLarge:
        raise BodyTooLarge(f"The body is over {body_max_bytes} bytes.") from None
    headers = request.headers
    return Ask(
        query=fields.get("query", ""),
        body=body,
        database=fields.get("database", headers.get("X-ClickHouse-Database", "")),
        default_format=fields.get("default_format", headers.get("X-ClickHouse-Format", "TabSeparated")),
        query_id=_QUERY_ID.sub("", fields.get("query_id", ""))[:100],
        parameters={name[6:]: value for name, value in fields.items() if name.startswith("param_")},
        settings=dict(_settings(fields)),
        in_blocks=fields.get("compress") == "1",
        protocol=_number(fields.get("client_protocol_version", "0")),
    )


def _number(text: str) -> int:
    if not re.fullmatch(r"\d{1,9}", text, re.ASCII):
        raise MalformedRequest("client_protocol_version is a number.")
    return int(text)


def _settings(fields: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in fields.items():
        if name not in _NOT_SETTINGS and not name.startswith("param_"):
            yield name, value


async def _form(request: web.Request, room: int) -> dict[str, str]:
    """Clients send a form when the parameters are too long for a URL; a table sent along is not supported."""
    fields: dict[str, str] = {}
    try:
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader) or part.filename is not None:
                raise UnsupportedEncoding("External tables in a form are not supported here.")
            if "Content-Encoding" in part.headers or "Content-Transfer-Encoding" in part.headers:
                raise UnsupportedEncoding("The parts of a form are sent as they are.")
            value = b""
            room -= _PART_BYTES
            while chunk := await part.read_chunk():
                value += chunk
                if len(value) > room:
                    raise BodyTooLarge("The form is larger than this door takes.")
            room -= len(value)
            fields[part.name or ""] = value.decode()
    except ValueError:
        raise MalformedRequest("The form cannot be read.") from None
    return fields
