"""Everything on this machine: collector and aggregator, supervised, until Ctrl-C.

example: safar up --demo
"""

import argparse
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from safar.cli.child import Child, command, environment
from safar.config import SETTINGS, Config
from safar.lock import DirectoryLock

NAME = "up"
# All: it hands them to its children.
READS = tuple(setting.field for setting in SETTINGS)

_LOOK_EVERY_S = 0.5


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this subcommand."""
    parser.add_argument(
        "--demo", action="store_true", help="load the demonstration data, print what it shows, keep serving"
    )


def run(config: Config, options: argparse.Namespace) -> int:
    """Start both services, wait until they are ready, keep them running."""
    lock = DirectoryLock(Path(config.data_dir) / "up.lock", f"Another `safar up` runs on {config.data_dir}")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopper(stop))
    children = [Child(config, "collector"), Child(config, "aggregator")]
    try:
        for child in children:
            child.start()
        for child in children:
            child.wait_ready(stop)
        _supervise(config, children, stop, load=options.demo)
    finally:
        for child in children:
            child.stop()
        lock.release()
    return 0


def _stopper(stop: threading.Event) -> Callable[[int, FrameType | None], None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    return handle


def _supervise(config: Config, children: list[Child], stop: threading.Event, *, load: bool) -> None:
    """Keep the children running until `stop`; the loader is a process of its own, so that both go on meanwhile."""
    loader = subprocess.Popen(command("demo"), env=environment(config)) if load else None
    announced = False
    try:
        while not stop.wait(_LOOK_EVERY_S):
            for child in children:
                child.keep_running()
            if not announced and (loader is None or loader.poll() is not None):
                _announce(config)
                announced = True
    finally:
        if loader is not None and loader.poll() is None:
            loader.terminate()
            loader.wait()


def _announce(config: Config) -> None:
    host = config.reader_host
    print(f"\nevents     http://{config.collector_host}:{config.collector_port}/v1/batch")
    print(f"page       http://{host}:{config.reports_port}/")
    print(f"SQL        http://{host}:{config.sql_port}/   (ClickHouse's HTTP interface; read-only)")
    print(f"notebooks  SAFAR_NOTEBOOK_ADDRESS=http://{host}:{config.sql_port} make notebooks")
    print(f"data       {config.data_dir}")
    print("Ctrl-C stops everything; the data stays.", flush=True)
