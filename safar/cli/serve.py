"""The long-running subcommands: run one service until a signal, or until the supervisor that started it is gone."""

import argparse
import asyncio
import os
import signal
import sys
import threading
from collections.abc import Awaitable, Callable
from types import SimpleNamespace

import uvloop

from safar.config import Config
from safar.store.door.server import serve_store
from services.aggregator.main import serve as serve_aggregator
from services.collector.main import serve as serve_collector

Serve = Callable[[Config, asyncio.Event], Awaitable[None]]


def run_service(serve: Serve, config: Config, *, supervised: bool) -> int:
    """Run `serve` and translate SIGINT, SIGTERM and the end of a supervisor into its stop event."""

    async def until_stopped() -> None:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, stop.set)
        if supervised:
            threading.Thread(target=_watch_lifeline, args=(loop, stop), daemon=True).start()
        await serve(config, stop)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_stopped())
    return 0


def _watch_lifeline(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    """The supervisor holds the other end of our standard input: when it is gone, however it went, so are we."""
    while os.read(sys.stdin.fileno(), 1024):
        pass
    loop.call_soon_threadsafe(stop.set)


def _subcommand(name: str, doc: str, serve: Serve) -> SimpleNamespace:
    def arguments(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--supervised", action="store_true", help=argparse.SUPPRESS)

    def run(config: Config, options: argparse.Namespace) -> int:
        return run_service(serve, config, supervised=options.supervised)

    return SimpleNamespace(NAME=name, __doc__=doc, arguments=arguments, run=run)


collector = _subcommand(
    "collector",
    """Take events over HTTP and write them to the log.

example: safar collector --log-url kafka://127.0.0.1:9092/safar-events --collector-port 8080""",
    serve_collector,
)
aggregator = _subcommand(
    "aggregator",
    """Move events from the log into the store, and serve page, reports and SQL.

example: safar aggregator --store-dsn http://writer:secret@127.0.0.1:8124/default""",
    serve_aggregator,
)
store_server = _subcommand(
    "store-server",
    """Serve the embedded store over ClickHouse's HTTP interface, for a pipeline without a ClickHouse server.

example: safar store-server --write-token secret --sql-port 8124""",
    serve_store,
)
