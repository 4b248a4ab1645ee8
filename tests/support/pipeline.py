"""A whole pipeline in processes, on free ports and a directory of its own: for tests that kill and restart."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path

from safar.sources import add_source

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 30.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Service:
    """One `safar` process; `start` may be called again after `kill` or `stop`."""

    name: str
    environment: dict[str, str]
    port: int
    output: Path
    launcher: tuple[str, ...] = (sys.executable, "-m", "safar.cli")
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def start(self, *, wait: bool = True) -> None:
        with self.output.open("ab") as sink:
            self.process = subprocess.Popen(
                [*self.launcher, self.name], env=self.environment, stdout=sink, stderr=sink, stdin=subprocess.DEVNULL
            )
        if wait:
            self.wait_answering()

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def wait_answering(self) -> None:
        path = "ping" if self.name == "store-server" else "health"
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers(f"http://127.0.0.1:{self.port}/{path}"):
            if not self.running and self.process is not None and self.process.returncode == -signal.SIGKILL:
                return  # a service that kills itself may do so before it answers
            assert self.running, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.02)

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def stop(self) -> int:
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(STOP_TIMEOUT_S)

    def end(self) -> None:
        """Whatever state it is in."""
        if self.running:
            self.kill()


@dataclass
class Pipeline:
    """Collector and aggregator with their settings; the data outlives them."""

    directory: Path
    extra: dict[str, str] = field(default_factory=dict)
    launcher: tuple[str, ...] = (sys.executable, "-m", "safar.cli")

    def __post_init__(self) -> None:
        self.collector_port, self.reports_port, self.sql_port = free_port(), free_port(), free_port()
        outer = {name: value for name, value in os.environ.items() if not name.startswith("SAFAR_")}
        self.environment = outer | {
            "SAFAR_DATA_DIR": str(self.directory / "data"),
            "SAFAR_COLLECTOR_PORT": str(self.collector_port),
            "SAFAR_REPORTS_PORT": str(self.reports_port),
            "SAFAR_SQL_PORT": str(self.sql_port),
            **self.extra,
        }
        self.collector = self._service("collector", self.collector_port)
        self.aggregator = self._service("aggregator", self.reports_port)

    def _service(self, name: str, port: int) -> Service:
        return Service(name, self.environment, port, self.directory / f"{name}.out", self.launcher)

    def add_source(self, name: str) -> str:
        return add_source(self.directory / "data" / "sources.toml", name)

    def start(self) -> None:
        self.collector.start(wait=False)
        self.aggregator.start()
        self.collector.wait_answering()

    def stop(self) -> None:
        assert self.collector.stop() == 0, self.collector.output.read_text()
        assert self.aggregator.stop() == 0, self.aggregator.output.read_text()

    def end(self) -> None:
        self.collector.end()
        self.aggregator.end()

    def report(self, name: str, **parameters: str) -> list[dict]:
        query = "&".join(f"{key}={value}" for key, value in parameters.items())
        with urllib.request.urlopen(f"http://127.0.0.1:{self.reports_port}/api/reports/{name}?{query}") as answer:
            return json.load(answer)["rows"]

    def stored(self, source: str) -> int:
        return max((row["events"] for row in self.report("totals", source=source)), default=0)

    def wait_stored(self, source: str, expected: int, timeout_s: float = 60.0) -> None:
        deadline = time.monotonic() + timeout_s
        while (stored := self.stored(source)) != expected:
            assert stored < expected, f"{stored} stored, {expected} expected"
            assert time.monotonic() < deadline, f"{stored} of {expected} after {timeout_s} s"
            time.sleep(0.05)

    def lag(self) -> int | None:
        """Records not yet committed; None while the aggregator has not said."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.reports_port}/metrics") as answer:
            lines = [
                line for line in answer.read().decode().splitlines() if line.startswith("safar_aggregator_lag_records{")
            ]
        return round(sum(float(line.split()[-1]) for line in lines)) if lines else None

    def wait_drained(self, timeout_s: float = 60.0) -> None:
        """Until the aggregator has committed all that is in the log."""
        deadline = time.monotonic() + timeout_s
        while self.lag() != 0:
            assert time.monotonic() < deadline, self.aggregator.output.read_text()
            time.sleep(0.05)

    def query(self, sql: str) -> list[dict]:
        """Ask the stopped pipeline's embedded store, in a process of its own: the engine is one a process."""
        program = (
            "import json, sys; from safar.store import open_store; "
            "print(json.dumps(open_store(sys.argv[1]).query(sys.argv[2]), default=str))"
        )
        dsn = f"chdb://{self.directory / 'data' / 'store'}"
        answer = subprocess.run([sys.executable, "-c", program, dsn, sql], capture_output=True, text=True, check=True)
        return json.loads(answer.stdout)

    def safar(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        command = [*self.launcher, *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=120, check=False)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except (urllib.error.URLError, OSError):
        return False
