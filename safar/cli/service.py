"""Run one service until a signal, or until the supervisor that started it is gone."""

import argparse
import asyncio
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Literal

import uvloop

from safar.config import Config

Serve = Callable[[Config, asyncio.Event], Awaitable[None]]
"""Opens its doors, then waits for the event, then ends in good order."""


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags that every service has."""
    parser.add_argument("--supervised", action="store_true", help=argparse.SUPPRESS)


def run_service(serve: Serve, config: Config, *, supervised: bool) -> int:
    """Run `serve` and translate SIGINT, SIGTERM and the end of a supervisor into its stop event."""

    async def until_stopped() -> None:
        stop = _SupervisedStop() if supervised else asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if supervised:
            threading.Thread(target=_watch_lifeline, args=(loop, stop), daemon=True).start()
        await serve(config, stop)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_stopped())
    return 0


class _SupervisedStop(asyncio.Event):
    """A service that waits for its end has opened its doors: that is when its supervisor hears so."""

    async def wait(self) -> Literal[True]:
        """Say so, then wait."""
        # The supervisor may be gone already; the lifeline then ends us.
        with suppress(OSError):
            os.write(sys.stdin.fileno(), b"1")
        return await super().wait()


def _watch_lifeline(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """The supervisor holds the other end of our standard input: when it is gone, however it went, so are we."""
    with suppress(ConnectionError):
        while os.read(sys.stdin.fileno(), 1024):
            pass
    loop.call_soon_threadsafe(stop.set)
