"""The load generator: bodies made beforehand, posted over a few connections, each answer checked to be 200."""

import asyncio
import time
from collections.abc import Sequence

import aiohttp
import uvloop

_CONNECTIONS = 32


def post_all(url: str, write_key: str, bodies: Sequence[bytes]) -> float:
    """Post every body; seconds until the last answer."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_post_all(url, write_key, bodies))


async def _post_all(url: str, write_key: str, bodies: Sequence[bytes]) -> float:
    waiting = iter(bodies)
    headers = {"Authorization": aiohttp.encode_basic_auth(write_key, "")}
    connector = aiohttp.TCPConnector(limit=_CONNECTIONS)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
        started = time.perf_counter()
        await asyncio.gather(*(_post(session, url, waiting) for _ in range(_CONNECTIONS)))
        return time.perf_counter() - started


async def _post(session: aiohttp.ClientSession, url: str, waiting) -> None:  # noqa: ANN001 - an iterator of bodies
    for body in waiting:
        async with session.post(url, data=body) as answer:
            if answer.status != 200:
                raise RuntimeError(f"answered {answer.status}: {await answer.text()}")
