"""Put a backup's log and store where the settings say they are; nothing may be there yet.

example: safar restore /backups/2026-03-15
"""

import argparse
from pathlib import Path

from safar.backup import restore
from safar.config import Config

NAME = "restore"
READS = ("data_dir", "log_url", "store_dsn")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Flags of this subcommand."""
    parser.add_argument("directory", type=Path, help="what `safar backup` made")


def run(config: Config, options: argparse.Namespace) -> int:
    """Print where log and store are now."""
    restore(config, options.directory.absolute())
    print(
        f"Restored to {config.data_dir}. Events that were taken after the backup are not in it: have them sent again."
    )
    return 0
