"""Everything on this machine: collector and aggregator, supervised, until Ctrl-C.

example: safar up --demo
"""

import argparse
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from safar.cli import demo
from safar.config import Config
from safar.errors import ConfigError, SafarError
from safar.lock import DirectoryLock

NAME = "up"

_READY_TIMEOUT_S = 60.0
_STOP_TIMEOUT_S = 20.0
_RESTART_AFTER_S = 1.0
_EXIT_CONFIG = 2


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this subcommand."""
    parser.add_argument("--demo", action="store_true", help="load the demonstration data, print what it shows, keep serving")


def run(config: Config, options: argparse.Namespace) -> int:
    """Start both services, wait until they are ready, keep them running."""
    lock = DirectoryLock(Path(config.data_dir) / "up.lock", f"Another `safar up` runs on {config.data_dir}")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopper(stop))
    children = [Child(config, "collector", config.collector_port), Child(config, "aggregator", config.reports_port)]
    try:
        for child in children:
            child.start()
        for child in children:
            child.wait_ready(stop)
        _announce(config)
        if options.demo and not stop.is_set():
            _run_demo(config, stop)
        while not stop.wait(_RESTART_AFTER_S):
            for child in children:
                child.keep_running()
    finally:
        for child in children:
            child.stop()
        lock.release()
    return 0


def _stopper(stop: threading.Event) -> Callable[[int, FrameType | None], None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    return handle


def _run_demo(config: Config, stop: threading.Event) -> None:
    try:
        demo.load_and_show(config, stop)
    except SafarError as error:
        print(f"safar: {error}", file=sys.stderr)


def _announce(config: Config) -> None:
    host = config.reader_host
    print(f"events   http://{config.collector_host}:{config.collector_port}/v1/batch")
    print(f"page     http://{host}:{config.reports_port}/")
    print(f"SQL      http://{host}:{config.sql_port}/   (any ClickHouse client; read-only)")
    print(f"data     {config.data_dir}", flush=True)


@dataclass
class Child:
    """One supervised service. Its standard input is a lifeline: it ends when this process does, however that ends."""

    config: Config
    name: str
    port: int
    process: "subprocess.Popen[bytes] | None" = field(default=None, init=False)

    def start(self) -> None:
        """Start the process."""
        command = [sys.executable, "-m", "safar.cli", self.name, "--supervised"]
        self.process = subprocess.Popen(command, env=_environment(self.config), stdin=subprocess.PIPE)

    def wait_ready(self, stop: threading.Event) -> None:
        """Return when it answers /ready; ConfigError when it has ended instead (it has said why itself)."""
        host = self.config.collector_host if self.name == "collector" else self.config.reader_host
        url = f"http://{host}:{self.port}/health"
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while not stop.is_set() and not _answers(url):
            if self.process is None or self.process.poll() is not None:
                raise ConfigError(f"The {self.name} did not start; its reason stands above")
            if time.monotonic() > deadline:
                raise ConfigError(f"The {self.name} did not answer at {url} within {_READY_TIMEOUT_S:.0f} s")
            time.sleep(0.05)

    def keep_running(self) -> None:
        """Start it again when it has died."""
        if self.process is not None and self.process.poll() is not None:
            print(f"safar: the {self.name} ended with code {self.process.returncode}; starting it again.", file=sys.stderr)
            self.start()

    def stop(self) -> None:
        """Ask it to finish what is at hand; insist when it does not."""
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdin:
            self.process.stdin.close()


def _environment(config: Config) -> dict[str, str]:
    outer = {name: value for name, value in os.environ.items() if not name.startswith("SAFAR_")}
    return outer | config.environment()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
