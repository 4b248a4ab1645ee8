"""Bring the store's tables up to date with schemas/tables.

example: safar migrate --store-dsn http://writer:secret@127.0.0.1:8123/default
"""

import argparse

from safar.config import Config
from safar.store import migrate, open_store

NAME = "migrate"
READS = ("data_dir", "store_dsn")


def arguments(_parser: argparse.ArgumentParser) -> None:
    """No flags of its own."""


def run(config: Config, _options: argparse.Namespace) -> int:
    """Print the files applied."""
    store = open_store(config.store_dsn)
    try:
        applied = migrate(store)
    finally:
        store.close()
    print("\n".join(applied) if applied else "The tables are up to date.")
    return 0
