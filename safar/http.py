"""Listening on a port: the same few lines for every door."""

import errno
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.http_exceptions import BadHttpMessage

from safar.errors import ConfigError
from safar.fault import ImpersonalFilter

_GRACE_S = 5.0
_IMPERSONAL = ImpersonalFilter()
_HOSTS = {
    "SAFAR_COLLECTOR_PORT": "SAFAR_COLLECTOR_HOST",
    "SAFAR_REPORTS_PORT": "SAFAR_READER_HOST",
    "SAFAR_SQL_PORT": "SAFAR_READER_HOST",
}

App = web.Application | Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
"""An application with its routes, or whatever answers each request by itself."""


@asynccontextmanager
async def listen(app: App, host: str, port: int, setting: str) -> AsyncIterator[int]:
    """Serve `app` inside the block; gives the port (chosen by the system when `port` is 0).

    Bodies arrive as sent: inflating is the handler's, under its own limit. ConfigError names `setting` when the
    port cannot be had, and the setting of the host when that is none of this machine.
    """
    runner = _runner(app)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, UnicodeError) as error:
            blamed = _HOSTS.get(setting, setting) if _is_of_host(error) else setting
            raise ConfigError(f"{blamed}: cannot listen on {host}:{port}: {_reason(error)}.") from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _runner(app: App) -> web.BaseRunner:
    logger = logging.getLogger(__name__)
    logger.addFilter(_is_ours)
    logger.addFilter(_IMPERSONAL)
    if isinstance(app, web.Application):
        return web.AppRunner(app, access_log=None, logger=logger, auto_decompress=False, shutdown_timeout=_GRACE_S)
    server = web.Server(app, access_log=None, logger=logger, auto_decompress=False)
    return web.ServerRunner(server, shutdown_timeout=_GRACE_S)


def _is_ours(record: logging.LogRecord) -> bool:
    """What is no HTTP is answered 400; a scanner must not fill the log with it."""
    return not (record.exc_info and isinstance(record.exc_info[1], BadHttpMessage))


def _is_of_host(error: OSError | UnicodeError) -> bool:
    return isinstance(error, UnicodeError | socket.gaierror) or error.errno == errno.EADDRNOTAVAIL


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError):
        return "this is no name of a host"
    if isinstance(error, socket.gaierror):
        return f"this name leads to no address ({error.strerror})"
    if error.errno == errno.EADDRNOTAVAIL:
        return "this machine has no such address"
    return "the port is in use" if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
