"""A whole pipeline in processes, in one of three topologies, with everything the faults need to get at.

- embedded: `safar up`, which owns collector and aggregator; SQLite log, embedded store
- mixed: SQLite log, `safar store-server` behind a proxy
- kafka: a broker and a store server, each behind a proxy; two collectors, two aggregators
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import psutil

from safar.log import Log, open_log
from safar.sources import add_source
from tests.soak.launcher import MODULE, command
from tests.soak.load import SOURCE
from tests.soak.process import Process
from tests.soak.proxy import Proxy
from tests.soak.schedule import PARTS
from tests.support.kafka_broker import KafkaBroker, free_port

_ROOT = Path(__file__).parents[2]
_LOOK_S = 0.1
_MEASURE_EVERY = 10
_START_TIMEOUT_S = 300.0
_WRITE_TOKEN = "write-me"
_SESSION_MS = 6000
_READY = "Ctrl-C stops everything"


@dataclass
class Size:
    """The most that was seen, in bytes: memory of one process by name, and the whole directory on disk."""

    memory: dict[str, int] = field(default_factory=dict)
    disk: int = 0


class Site:
    """One pipeline below `directory`; `without` names a mechanism that its processes do not have."""

    def __init__(self, topology: str, directory: Path, without: str = "") -> None:
        self.topology = topology
        self.directory = directory
        self.strings = directory / "strings"
        self.strings.mkdir(parents=True)
        self.data = directory / "data"
        self.write_key = add_source(self.data / "sources.toml", SOURCE)
        self.proxies: dict[str, Proxy] = {}
        self.processes: dict[str, Process] = {}
        self.collector_urls: list[str] = []
        self.size = Size()
        self._health: list[str] = []
        self._manager: asyncio.Task[None] | None = None
        outer = {name: value for name, value in os.environ.items() if not name.startswith("SAFAR_")}
        self.environment = outer | {
            "PYTHONPATH": str(_ROOT),
            "SOAK_STRINGS": str(self.strings),
            "SOAK_WITHOUT": without,
            "SAFAR_DATA_DIR": str(self.data),
            "SAFAR_LOG_URL": f"sqlite://{self.data}/log",
            "SAFAR_STORE_DSN": f"chdb://{self.data}/store",
            "SAFAR_ID_WINDOW_EVENTS": "2000000",
        }
        {"embedded": self._embedded, "mixed": self._mixed, "kafka": self._kafka}[topology]()

    def _embedded(self) -> None:
        ports = {"SAFAR_COLLECTOR_PORT": free_port(), "SAFAR_REPORTS_PORT": free_port(), "SAFAR_SQL_PORT": free_port()}
        self._safar("up", "up", **ports)
        self._collects_at(ports["SAFAR_COLLECTOR_PORT"])
        self._health.append(f"http://127.0.0.1:{ports['SAFAR_REPORTS_PORT']}/ready")

    def _mixed(self) -> None:
        self._store_server()
        self._service("collector")
        self._service("aggregator")

    def _kafka(self) -> None:
        proxy_port = free_port()
        home = self.directory / "broker"
        home.mkdir()
        broker = KafkaBroker(home, advertised=proxy_port)
        self.processes["broker"] = Process("broker", broker.command, self.environment, home)
        self.proxies["broker"] = Proxy(proxy_port, broker.port)
        options = f"partitions=4&session_timeout_ms={_SESSION_MS}"
        self.environment["SAFAR_LOG_URL"] = f"kafka://127.0.0.1:{proxy_port}/soak?{options}"
        self._store_server()
        for name in PARTS["kafka"][:4]:
            self._service(name)

    def _store_server(self) -> None:
        port, proxy_port = free_port(), free_port()
        self._safar("store", "store-server", SAFAR_SQL_PORT=port, SAFAR_WRITE_TOKEN=_WRITE_TOKEN)
        self.proxies["store"] = Proxy(proxy_port, port)
        self._health.append(f"http://127.0.0.1:{port}/ping")
        self._store_address = f"http://writer:{_WRITE_TOKEN}@127.0.0.1:{proxy_port}/default"

    def _service(self, name: str) -> None:
        subcommand, port = name.partition("-")[0], free_port()
        if subcommand == "collector":
            self._safar(name, subcommand, SAFAR_COLLECTOR_PORT=port, SAFAR_SPOOL_DIR=str(self.data / f"spool-{name}"))
            self._collects_at(port)
        else:
            self.add_aggregator(name, port)
            self._health.append(f"http://127.0.0.1:{port}/ready")

    def add_aggregator(self, name: str, port: int) -> Process:
        """One more member of the group, not yet wanted."""
        return self._safar(name, "aggregator", SAFAR_REPORTS_PORT=port, SAFAR_STORE_DSN=self._store_address)

    def _safar(self, name: str, subcommand: str, **settings: str | int) -> Process:
        environment = self.environment | {key: str(value) for key, value in settings.items()} | {"SOAK_NAME": name}
        self.processes[name] = Process(name, command(subcommand), environment, self.directory)
        return self.processes[name]

    def _collects_at(self, port: int) -> None:
        self.collector_urls.append(f"http://127.0.0.1:{port}")
        self._health.append(f"http://127.0.0.1:{port}/health")

    async def start(self) -> None:
        """Start the servers, then what needs them; return when everything answers."""
        for proxy in self.proxies.values():
            await proxy.start()
        self._manager = asyncio.create_task(self._manage())
        async with asyncio.timeout(_START_TIMEOUT_S):
            for name, proxy in self.proxies.items():
                self.processes[name].wanted = True
                while not await proxy.server_listens():
                    await asyncio.sleep(_LOOK_S)
            for process in self.processes.values():
                process.wanted = True
            await self.until_healthy()

    async def until_healthy(self) -> None:
        """Return when every service says that it is ready."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=5)) as session:
            for url in self._health:
                while not await _answers(session, url):
                    await asyncio.sleep(_LOOK_S)

    async def _manage(self) -> None:
        """The operator's process manager, which also looks at memory and disk."""
        looks = 0
        while True:
            for process in tuple(self.processes.values()):
                process.keep_running()
            if looks % _MEASURE_EVERY == 0:
                await asyncio.to_thread(self._measure)
            looks += 1
            await asyncio.sleep(_LOOK_S)

    def _measure(self) -> None:
        for name in (*PARTS[self.topology], "aggregator-3"):
            if process := self.system(name):
                try:
                    memory = process.memory_info().rss
                except psutil.Error:
                    continue
                self.size.memory[name] = max(memory, self.size.memory.get(name, 0))
        self.size.disk = max(self.size.disk, sum(_blocks(self.directory)))

    def system(self, name: str) -> psutil.Process | None:
        """The living process of that name, be it ours or a supervised child; None while there is none."""
        if name in self.processes:
            return self.processes[name].system
        supervisor = self.processes["up"].system if "up" in self.processes else None
        try:
            children = supervisor.children() if supervisor else []
            return next((child for child in children if name in child.cmdline()), None)
        except psutil.Error:  # one of them has just ended
            return None

    def write_stacks(self) -> None:
        """Make every process of ours write into its output what it is doing."""
        for name in set(PARTS[self.topology]) - {"broker"}:
            if process := self.system(name):
                process.send_signal(signal.SIGUSR1)

    def log(self) -> Log:
        """The log, to look at from the harness."""
        return open_log(self.environment["SAFAR_LOG_URL"])

    async def stop(self) -> Iterator[str]:
        """Stop everything but the broker, those first that others do not need; what went wrong, in words."""
        await self._dismiss_manager()
        order = ("up", "collector", "collector-1", "collector-2", *self.processes)
        names = [name for name in dict.fromkeys(order) if name in self.processes and name not in ("store", "broker")]
        names += ["store"] if "store" in self.processes else []
        problems = []
        for name in names:
            process = self.processes[name]
            if process.wanted and (code := await asyncio.to_thread(process.stop)) != 0:
                problems.append(f"{name} did not stop when asked to: exit code {code}, {process.complaint()!r}")
        for orphan in self._orphans():
            problems.append(f"still there after everything was stopped: {' '.join(orphan.cmdline()[-2:])}")
            orphan.kill()
            orphan.wait(_LOOK_S * 100)
        return iter(problems)

    def _orphans(self) -> list[psutil.Process]:
        """Processes of `safar` that belong to this site."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.environ().get("SOAK_STRINGS") == str(self.strings) and MODULE in process.cmdline():
                    found.append(process)
        return found

    async def _dismiss_manager(self) -> None:
        if self._manager is not None:
            self._manager.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._manager

    def gave_up(self) -> list[str]:
        """`safar up` promises to go on by itself: whether one that was ready ended without being asked."""
        supervisor = self.processes.get("up")
        ended = supervisor.ended_by_itself if supervisor else []
        return [
            f"safar up ended by itself with code {each.code}: {each.said.splitlines()[-1]}"
            for each in ended
            if _READY in each.said
        ]

    async def end(self) -> None:
        """Kill whatever is left, in whatever state it is."""
        await self._dismiss_manager()
        for process in self.processes.values():
            system = process.system
            family = [*system.children(recursive=True), system] if system else []
            process.wanted = False
            for each in family:
                if each.is_running():
                    each.kill()
            process.kill()
        for orphan in self._orphans():
            orphan.kill()
        for proxy in self.proxies.values():
            await proxy.close()


async def _answers(session: aiohttp.ClientSession, url: str) -> bool:
    try:
        async with session.get(url) as answer:
            return answer.status == 200
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False


def _blocks(directory: Path) -> Iterator[int]:
    """Bytes on disk of every file; files and directories come and go meanwhile."""
    for parent, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(OSError):
                yield Path(parent, name).lstat().st_blocks * 512
