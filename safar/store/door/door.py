"""One HTTP endpoint in front of worker threads: who asks, is there room, what went wrong."""

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web

from safar.errors import QueryRefused, StoreUnavailable
from safar.store.door.answer import Answer
from safar.store.door.failures import FAILURES, failure
from safar.store.door.request import Ask, Credentials, read_ask, read_credentials

_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

# A name, or an IPv6 address in brackets, and maybe a port.
_HOST = re.compile(r"(?:\[([^\[\]]+)\]|([^:\[\]]+))(?::\d+)?")

_LOOK_S = 0.2

Work = Callable[[Ask, Answer], None]
"""Runs in a worker thread: do what is asked, put the result into the answer."""

Stop = Callable[[Answer], None]
"""Runs in another thread, as often as needed: make the work for this answer end."""


@dataclass(frozen=True)
class DoorOptions:
    """What a door gives to all its clients together, and to one statement.

    `token`, when there is one, is the password of every reader. `hosts` are the names by which the door may
    be called (the Host header), any when empty. In each room `workers` statements run at once and `waiting`
    more wait, none longer than `wait_seconds`; then the answer is 503. `answer_max_bytes` bounds every answer;
    `whole_max_bytes` those in a format that cannot be streamed (JSON, Arrow, ...) and therefore stay in memory.
    `body_max_bytes` bounds what comes in, also after inflating, `insert_max_bytes` the same for a writer.
    """

    token: str = ""
    hosts: frozenset[str] = frozenset()
    workers: int = 4
    waiting: int = 16
    wait_seconds: float = 3
    body_max_bytes: int = 1 << 20
    insert_max_bytes: int = 1 << 28
    answer_max_bytes: int = 1 << 30
    whole_max_bytes: int = 1 << 28
    max_seconds: int = 60
    max_memory_bytes: int = 1_000_000_000
    max_threads: int = 2


def hosts_for(address: str) -> frozenset[str]:
    """The names for a door that listens at `address`: on loopback only loopback's own, elsewhere any.

    A web page can make its own name point to 127.0.0.1; the browser then lets it read what it finds there.
    """
    return _LOOPBACK if address in _LOOPBACK else frozenset()


class Room:
    """The worker threads that all callers of one kind share, and the queue before them.

    With `stop`, a statement ends when its client leaves; without, it is finished whoever leaves.
    """

    def __init__(self, work: Work, options: DoorOptions, stop: Stop | None = None) -> None:
        self.body_max_bytes = options.body_max_bytes
        self._work = work
        self._stop = stop
        self._options = options
        self._free = asyncio.Semaphore(options.workers)
        self._taken = 0
        self._threads = ThreadPoolExecutor(options.workers, thread_name_prefix="door")

    async def run(self, ask: Ask, answer: Answer) -> None:
        """Do the work in a thread; raise StoreUnavailable when too many wait already, or this one too long."""
        async with self._place():
            working = asyncio.get_running_loop().run_in_executor(self._threads, _run, self._work, ask, answer)
            if self._stop:
                await _watch(working, answer, self._stop)
            await working

    async def close(self) -> None:
        """Wait for the statements that run."""
        # Not on the loop: a worker may be waiting for it to take its last block.
        await asyncio.to_thread(self._threads.shutdown, cancel_futures=True)

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        """A worker of one's own. The time limit of a statement begins here, so the wait needs one too."""
        if self._taken >= self._options.workers + self._options.waiting:
            raise StoreUnavailable("Too many statements wait already; try again in a moment.")
        self._taken += 1
        try:
            await self._wait()
            try:
                yield
            finally:
                self._free.release()
        finally:
            self._taken -= 1

    async def _wait(self) -> None:
        seconds = self._options.wait_seconds
        try:
            async with asyncio.timeout(seconds):
                await self._free.acquire()
        except TimeoutError:
            raise StoreUnavailable(f"No worker became free for {seconds:g} seconds; try again in a moment.") from None


async def _watch(working: asyncio.Future[None], answer: Answer, stop: Stop) -> None:
    """Wait for the work; stop it when its client has left."""
    while not (await asyncio.wait({working}, timeout=_LOOK_S))[0]:
        if answer.unwanted:
            # Again at each look: it may just be between two statements.
            await asyncio.to_thread(stop, answer)


class Door:
    """Hands each request to the room that `admit` gives its sender.

    `admit` is told who asks and whether the request may write; it raises TokenRequired for strangers.
    """

    def __init__(self, admit: Callable[[Credentials, bool], Room], rooms: Sequence[Room], options: DoorOptions) -> None:
        self._admit = admit
        self._rooms = rooms
        self._options = options

    def application(self) -> web.Application:
        """The endpoint, ready to be served."""
        application = web.Application()
        application.router.add_get("/ping", self._ping)
        application.router.add_get("/", self._answer, allow_head=False)
        application.router.add_post("/", self._answer)
        application.on_cleanup.append(self._close)
        return application

    async def _close(self, _application: web.Application) -> None:
        for room in self._rooms:
            await room.close()

    async def _ping(self, _request: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        try:
            self._check_host(request.host)
            # As in ClickHouse, a GET never changes anything.
            room = self._admit(read_credentials(request), request.method == "POST")
            ask = await read_ask(request, room.body_max_bytes)
            if not ask.query and not ask.body:
                return web.Response(text="Ok.\n")
            answer = Answer(request, ask, self._options.answer_max_bytes)
            await room.run(ask, answer)
            answer.close_if_broken()
        except FAILURES as error:
            return failure(error)
        return answer.response

    def _check_host(self, host: str) -> None:
        hosts = self._options.hosts
        named = _HOST.fullmatch(host)
        if hosts and (not named or (named[1] or named[2]).lower() not in hosts):
            raise QueryRefused(f"This door is not called {host!r}: use {' or '.join(sorted(hosts))}.")


def _run(work: Work, ask: Ask, answer: Answer) -> None:
    if answer.unwanted:  # its client left while it waited
        return
    try:
        try:
            work(ask, answer)
        except FAILURES as error:
            if not answer.break_off(error):
                raise
    except ConnectionError:
        # The client has left or does not listen. Its statement is stopped by now; nobody is there to be told.
        answer.abandon()
