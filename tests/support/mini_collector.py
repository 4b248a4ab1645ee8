"""A collector in miniature on a real port: takes batches, remembers them, fails on request, tells its totals."""

import asyncio
import base64
import gzip
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from aiohttp import web


@dataclass
class MiniCollector:
    """`answers` are given in turn instead of taking the request; then every batch is taken.

    `first_waits` keeps the first request until a second one is there, for a while. Calls named `refused` are
    rejected. `stored` holds each messageId once, by source; a write key is its source.
    """

    answers: list[web.Response | None] = field(default_factory=list)
    first_waits: bool = False
    requests: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    second_came: asyncio.Event = field(default_factory=asyncio.Event)
    batches: list[list[dict[str, Any]]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    stored: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    url: str = ""

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])

    async def take(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        body = gzip.decompress(await request.read())
        if self.requests > 1:
            self.second_came.set()
        elif self.first_waits:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.second_came.wait(), 5)
        self.in_flight -= 1
        if self.answers:
            answer = self.answers.pop(0)
            if answer is None:
                assert request.transport is not None
                request.transport.abort()
                return web.Response()
            return answer
        return self._taken(_user(request.headers["Authorization"]), body)

    def _taken(self, source: str, body: bytes) -> web.Response:
        batch = msgspec.json.decode(body)["batch"]
        self.bodies.append(body)
        self.batches.append(batch)
        store = self.stored.setdefault(source, {})
        rejected = []
        for index, call in enumerate(batch):
            if call.get("event") == "refused":
                why = {"tag": "invalid_field", "field": "event", "rule": "is refused here"}
                rejected.append({"index": index, "messageId": call["messageId"], **why})
            else:
                store[call["messageId"]] = call
        answer = {"success": True, "accepted": len(batch) - len(rejected), "rejected": rejected}
        return web.json_response(answer)

    # As the report does it: a row for each currency, the source's events in every one.
    async def totals(self, request: web.Request) -> web.Response:
        self.tokens.add(request.headers.get("Authorization", ""))
        events = len(self.stored.get(request.query["source"], {}))
        rows = [{"events": events, "currency": currency} for currency in ("EUR", "USD")]
        return web.json_response({"rows": rows if events else []})


def _user(authorization: str) -> str:
    scheme, _, credentials = authorization.partition(" ")
    user, _, password = base64.b64decode(credentials).decode().partition(":")
    assert (scheme, password) == ("Basic", "")
    return user


@asynccontextmanager
async def mini_collector(*answers: web.Response | None) -> AsyncIterator[MiniCollector]:
    """Serve one on a free port; an answer of None closes the connection without a word."""
    collector = MiniCollector(answers=list(answers))
    app = web.Application(client_max_size=2**24)
    app.router.add_post("/v1/batch", collector.take)
    app.router.add_get("/api/reports/totals", collector.totals)
    runner = web.AppRunner(app, access_log=None, auto_decompress=False)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield collector
    finally:
        await runner.cleanup()
