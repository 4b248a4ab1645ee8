"""Listening on a port: the same few lines for every door."""

import errno
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from safar.errors import ConfigError
from safar.fault import ImpersonalFilter

_GRACE_S = 5.0
_IMPERSONAL = ImpersonalFilter()


@asynccontextmanager
async def listen(app: web.Application, host: str, port: int, setting: str) -> AsyncIterator[int]:
    """Serve `app` inside the block; gives the port (chosen by the system when `port` is 0).

    Bodies arrive as sent: inflating is the handler's, under its own limit. ConfigError names `setting` when the
    port is taken.
    """
    logger = logging.getLogger(__name__)
    logger.addFilter(_IMPERSONAL)
    runner = web.AppRunner(app, access_log=None, logger=logger, auto_decompress=False, shutdown_timeout=_GRACE_S)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, host, port).start()
        except (OSError, UnicodeError) as error:
            raise ConfigError(f"{setting}: cannot listen on {host}:{port}: {_reason(error)}.") from error
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def _reason(error: OSError | UnicodeError) -> str:
    if isinstance(error, UnicodeError):
        return "this is no name of a host"
    return "the port is in use" if error.errno == errno.EADDRINUSE else (error.strerror or str(error))
