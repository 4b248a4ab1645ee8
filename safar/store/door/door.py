"""One HTTP endpoint in front of worker threads: who asks, is there room, what went wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from aiohttp import web
from yarl import URL

from safar.errors import QueryRefused, SafarError, StoreUnavailable
from safar.store.door.answer import FAILURES, Answer, failure
from safar.store.door.ask import Ask, Credentials, read_ask, read_credentials

Work = Callable[[Ask, Answer], None]
"""Runs in a worker thread: do what is asked, put the result into the answer."""


@dataclass(frozen=True)
class DoorLimits:
    """What one door gives to all its clients together, and to one request.

    `hosts` are the names by which the door may be called (the Host header), any when empty: on loopback that keeps
    a web page from reaching it under a name of its own. `workers` statements run at once, `waiting` more may wait.
    """

    hosts: frozenset[str] = frozenset()
    workers: int = 4
    waiting: int = 16
    body_max_bytes: int = 1 << 20
    answer_max_bytes: int = 1 << 30


class Door:
    """Hands each request to the work that `admit` gives its sender; `admit` raises TokenRequired for strangers."""

    def __init__(self, admit: Callable[[Credentials], Work], limits: DoorLimits) -> None:
        self._admit = admit
        self._limits = limits
        self._threads = ThreadPoolExecutor(limits.workers, thread_name_prefix="door")
        self._admitted = 0

    def application(self) -> web.Application:
        """The endpoint, ready to be served."""
        application = web.Application(client_max_size=self._limits.body_max_bytes)
        application.router.add_get("/ping", self._ping)
        application.router.add_get("/", self._answer, allow_head=False)
        application.router.add_post("/", self._answer)
        application.cleanup_ctx.append(self._lifetime)
        return application

    async def _lifetime(self, _application: web.Application) -> AsyncIterator[None]:
        yield
        # Not on the loop: a worker may be waiting for it to take its last block.
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    async def _ping(self, request: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check_host(request)
            work = self._admit(read_credentials(request))
            ask = await read_ask(request, self._limits.body_max_bytes)
            if not ask.query and not ask.body:
                return web.Response(text="Ok.\n")
            answer = Answer(request, ask.query_id, self._limits.answer_max_bytes)
            with self._room():
                await asyncio.get_running_loop().run_in_executor(self._threads, _run, work, ask, answer)
            return answer.response
        except FAILURES as error:
            return failure(error)

    def _check_host(self, request: web.Request) -> None:
        if self._limits.hosts and URL(f"//{request.host}").host not in self._limits.hosts:
            raise QueryRefused(f"This door is not called {request.host!r}: use one of {', '.join(sorted(self._limits.hosts))}.")

    @contextmanager
    def _room(self) -> Iterator[None]:
        if self._admitted >= self._limits.workers + self._limits.waiting:
            raise StoreUnavailable("Too many statements wait already; try again in a moment.")
        self._admitted += 1
        try:
            yield
        finally:
            self._admitted -= 1


def _run(work: Work, ask: Ask, answer: Answer) -> None:
    try:
        work(ask, answer)
    except FAILURES as error:
        if not answer.break_off(error):
            raise
