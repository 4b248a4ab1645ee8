"""Load the demonstration data through the front door, and wait until the store shows all of it.

CDNOW first, then the simulated shop, each into the source of its name. Loading again is harmless: what is
complete is left alone, what is not is sent again whole, for messageIds make every call count once.
"""

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
import msgspec
from tqdm import tqdm

from safar.config import Config
from safar.demo import cdnow, shop
from safar.demo.send import SendResult, send_calls
from safar.errors import ServiceUnreachable

DEMO_SOURCES: Mapping[str, Callable[[], Iterable[dict[str, Any]]]] = {
    cdnow.SOURCE: cdnow.cdnow_calls,
    shop.SOURCE: shop.shop_calls,
}
"""The demonstration sources, in the order they are loaded, and their calls."""

_POLL_S = 0.2
_ATTEMPTS = 50
_PATIENCE_S = 60.0
"""How long the store may show nothing new before waiting for it is given up."""


@dataclass(frozen=True)
class Loaded:
    """What became of one source: what was sent (nothing when it was complete) and what the store has."""

    source: str
    calls: int
    sent: SendResult
    stored: int


async def load_demo(config: Config, write_keys: Mapping[str, str]) -> tuple[Loaded, ...]:
    """Load every demonstration source with its write key from `write_keys`; progress goes to a terminal.

    Raises what `send_calls` raises, and ServiceUnreachable when the report API stays silent or the store
    stops growing before it is complete.
    """
    token = {"Authorization": f"Bearer {config.read_token}"} if config.read_token else {}
    async with aiohttp.ClientSession(headers=token, timeout=aiohttp.ClientTimeout(total=30)) as session:
        reports = _address(config.reader_host, config.reports_port)
        loaded = []
        for source, make_calls in DEMO_SOURCES.items():
            store = _Stored(session, reports, source)
            loaded.append(await _load(config, store, list(make_calls()), write_keys[source]))
        return tuple(loaded)


async def _load(config: Config, store: "_Stored", calls: list[dict[str, Any]], write_key: str) -> Loaded:
    stored = await store.events()
    if stored >= len(calls):
        return Loaded(store.source, len(calls), SendResult(), stored)
    collector = _address(config.collector_host, config.collector_port)
    with tqdm(desc=f"{store.source}: sending", total=len(calls), unit=" events", disable=None) as bar:
        sent = await send_calls(calls, url=collector, write_key=write_key, on_progress=bar.update)
    stored = await store.wait_for(len(calls) - sent.rejected)
    return Loaded(store.source, len(calls), sent, stored)


class _Total(msgspec.Struct):
    events: int


class _Totals(msgspec.Struct):
    """The answer of the report `totals`; no row means nothing is stored."""

    rows: list[_Total]


class _Stored:
    """How many events of one source the store holds, asked from the report API."""

    def __init__(self, session: aiohttp.ClientSession, reports: str, source: str) -> None:
        self.source = source
        self._session = session
        self._url = f"{reports}/api/reports/totals"

    async def events(self) -> int:
        """The number of events; asks again for a while when there is no answer."""
        for _ in range(_ATTEMPTS):
            try:
                async with self._session.get(self._url, params={"source": self.source}) as response:
                    answer = await response.read()
                    if response.status == 200:
                        rows = msgspec.json.decode(answer, type=_Totals).rows
                        # One row a currency, each with the count of the whole source.
                        return max((row.events for row in rows), default=0)
                    reason = f"answers {response.status}"
            except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError, TimeoutError):
                reason = "gives no answer"
            except msgspec.DecodeError:
                reason = "does not answer with totals"
            await asyncio.sleep(_POLL_S)
        raise ServiceUnreachable(f"The report API at {self._url} {reason}: is the aggregator running?")

    async def wait_for(self, expected: int) -> int:
        """Return when the store shows `expected` events."""
        deadline = time.monotonic() + _PATIENCE_S
        shown = 0
        with tqdm(desc=f"{self.source}: storing", total=expected, unit=" events", disable=None) as bar:
            while (stored := await self.events()) < expected:
                if stored > shown:
                    deadline = time.monotonic() + _PATIENCE_S
                if time.monotonic() > deadline:
                    raise ServiceUnreachable(
                        f"The store shows {stored} of {expected} events of {self.source} and no more arrive:"
                        " see what the aggregator says."
                    )
                bar.update(stored - shown)
                shown = stored
                await asyncio.sleep(_POLL_S)
            bar.update(stored - shown)
        return stored


def _address(host: str, port: int) -> str:
    """Where to reach a service of this machine that listens on `host`."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]", "::1": "[::1]"}.get(host, host)
    return f"http://{reachable}:{port}"
