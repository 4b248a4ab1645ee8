"""Copy the embedded log and store into a new directory, while no aggregator runs; a collector may go on.

example: safar backup /backups/2026-03-15
"""

import argparse
from pathlib import Path

from safar.backup import backup
from safar.config import Config

NAME = "backup"
READS = ("data_dir", "log_url", "store_dsn")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this subcommand."""
    parser.add_argument("directory", type=Path, help="a directory that does not exist yet")


def run(config: Config, options: argparse.Namespace) -> int:
    """Print where the backup is."""
    target = options.directory.absolute()
    backup(config, target)
    print(f"Log, store and sources are in {target}; `safar verify --data-dir {target}` accounts for every event there.")
    return 0
