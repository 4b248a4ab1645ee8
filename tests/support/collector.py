"""The real collector in this process, on a free port, over a real SQLite log; and a log that can be slow or failing."""

import asyncio
import json
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from safar.clock import Clock, system_clock
from safar.config import load_config
from safar.contract import Event, FailedEvent
from safar.http import listen
from safar.log import LogWriter, NewRecord, open_log
from safar.sources import Sources, add_source
from safar.telemetry import CollectorMetrics, new_registry
from services.collector.app import CollectorApp
from services.collector.ingest import Ingest
from services.collector.publish import Publisher

SOURCE, KEY = "shop", "shop-key"
PATIENCE_S = 30.0

read_line = msgspec.json.Decoder(Event | FailedEvent, float_hook=Decimal).decode


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        assert self.headers["Content-Type"].startswith("application/json"), self.headers
        return json.loads(self.body)


@dataclass(frozen=True)
class Collector:
    """A running collector and one keep-alive client."""

    url: str
    log_url: str
    sources_file: Path
    ingest: Ingest
    session: aiohttp.ClientSession

    async def post(self, path: str, body: Any, key: str = KEY, **headers: str) -> Answer:
        """Post `body` (bytes as they are, anything else as JSON) with `key` in HTTP Basic, unless it is empty."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        basic = {"Authorization": aiohttp.encode_basic_auth(key, "")} if key else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.request(
            "POST", path, data=data, headers={"Content-Type": "application/json", **basic, **named}
        )

    async def batch(self, *calls: Any, **around: Any) -> Answer:
        """Post `calls` as one batch; `around` stands beside them in the body."""
        return await self.post("/v1/batch", {"batch": calls, **around})

    async def request(self, method: str, path: str, **options: Any) -> Answer:
        async with self.session.request(method, self.url + path, **options) as response:
            return Answer(response.status, response.headers, await response.read())

    def stored(self) -> list[Event | FailedEvent]:
        """Every line of the log, read as what it is."""
        return stored(self.log_url)

    def lines(self) -> list[tuple[int, bytes]]:
        """Every line of the log as stored, with its partition."""
        return stored_lines(self.log_url)


@asynccontextmanager
async def running(
    directory: Path,
    *,
    clock: Clock = system_clock,
    writer: LogWriter | None = None,
    partitions: int = 1,
    **settings: Any,
) -> AsyncIterator[Collector]:
    """Serve one with `settings` (fields of Config); `writer` stands in for the log when given."""
    variables = {f"SAFAR_{name.upper()}": str(value) for name, value in settings.items()}
    config = load_config({"SAFAR_DATA_DIR": str(directory / "data"), **variables})
    add_source(config.sources_file, SOURCE, KEY)
    log_url = f"{config.log_url}?partitions={partitions}"
    metrics = CollectorMetrics(new_registry())
    publisher = Publisher(
        writer or open_log(log_url).writer(), metrics, config.queue_max_bytes, config.record_max_bytes
    )
    ingest = Ingest(config, Sources(config.sources_file), publisher, partitions, metrics, clock)
    try:
        async with listen(CollectorApp(ingest), "127.0.0.1", 0, "port") as port, aiohttp.ClientSession() as session:
            try:
                yield Collector(f"http://127.0.0.1:{port}", log_url, config.sources_file, ingest, session)
            finally:
                if isinstance(writer, GatedLog):
                    writer.gate.set()  # or a test that failed would wait for its own gate
    finally:
        await publisher.close()


class Tail:
    """Reads on in the log where it stopped the last time."""

    def __init__(self, log_url: str) -> None:
        self._reader = open_log(log_url).reader(f"tail-{uuid.uuid4()}")

    def lines(self) -> list[tuple[int, bytes]]:
        """The partition and the text of every line that has come."""
        lines: list[tuple[int, bytes]] = []
        while records := self._reader.poll(0):
            for record in records:
                packed = record.value.split(b"\n")
                assert len(packed) == record.count
                lines += [(record.partition, line) for line in packed]
        return lines

    def close(self) -> None:
        self._reader.close()


def stored_lines(log_url: str) -> list[tuple[int, bytes]]:
    with closing(Tail(log_url)) as tail:
        return tail.lines()


def stored(log_url: str) -> list[Event | FailedEvent]:
    return [read_line(line) for _, line in stored_lines(log_url)]


@dataclass
class GatedLog:
    """A log writer for tests of what happens meanwhile: an append waits while the gate is closed, then may fail."""

    max_record_bytes: int = 1 << 20
    failure: Exception | None = None
    started: int = 0
    appends: list[list[NewRecord]] = field(default_factory=list)
    closed: bool = False
    gate: threading.Event = field(default_factory=threading.Event)

    def append(self, records: Sequence[NewRecord]) -> None:
        self.started += 1
        assert self.gate.wait(PATIENCE_S), "the test did not open the gate"
        if self.failure is not None:
            raise self.failure
        self.appends.append(list(records))

    def close(self) -> None:
        self.closed = True

    def lines(self) -> list[bytes]:
        return [line for append in self.appends for record in append for line in record.value.split(b"\n")]


async def eventually(reached: Callable[[], bool]) -> None:
    """Wait until `reached`, or fail."""
    async with asyncio.timeout(PATIENCE_S):
        while not reached():
            await asyncio.sleep(0.001)
