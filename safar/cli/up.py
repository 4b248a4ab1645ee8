"""Everything on this machine: collector and aggregator, supervised, until Ctrl-C.

example: safar up --demo
"""

import argparse
from functools import partial
from pathlib import Path

from safar.cli.child import Child, command
from safar.cli.lifeline import on_lifeline
from safar.cli.supervise import supervise
from safar.config import SETTINGS, Config
from safar.lock import DirectoryLock

NAME = "up"
# All: it hands them to its children.
READS = tuple(setting.field for setting in SETTINGS)


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this subcommand."""
    parser.add_argument(
        "--demo", action="store_true", help="load the demonstration data, print what it shows, keep serving"
    )


def run(config: Config, options: argparse.Namespace) -> int:
    """Start both services, wait until they are ready, keep them running."""
    lock = DirectoryLock(Path(config.data_dir) / "up.lock", f"Another `safar up` runs on {config.data_dir}")
    loader = Child(config, "demo", on_lifeline(command("demo"))) if options.demo else None
    try:
        supervise([[Child(config, "aggregator"), Child(config, "collector")]], loader, partial(_announce, config))
    finally:
        lock.release()
    return 0


def _announce(config: Config) -> None:
    host = config.reader_host
    print(f"\nevents     http://{config.collector_host}:{config.collector_port}/v1/batch")
    print(f"page       http://{host}:{config.reports_port}/")
    print(f"SQL        http://{host}:{config.sql_port}/   (ClickHouse's HTTP interface; the write token writes)")
    print(f"notebooks  SAFAR_NOTEBOOK_ADDRESS=http://{host}:{config.sql_port} make notebooks")
    print(f"data       {config.data_dir}")
    print("Ctrl-C stops everything; the data stays.", flush=True)
