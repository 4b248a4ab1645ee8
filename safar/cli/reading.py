"""The store for commands that only read: directly, or through the reader's door of the process that has it open."""

from collections.abc import Iterator
from contextlib import contextmanager

from safar.config import Config
from safar.errors import DirectoryOwned
from safar.store import Store, migrate, open_store

STORE = ("data_dir", "store_dsn", "reader_host", "sql_port", "read_token")
"""The settings that `reading_store` reads."""


@contextmanager
def reading_store(config: Config) -> Iterator[Store]:
    """A store to query; closed after the block."""
    try:
        store = open_store(config.store_dsn, create=False)
        migrate(store)
    except DirectoryOwned:
        password = f":{config.read_token}" if config.read_token else ""
        store = open_store(f"http://reader{password}@{config.reader_host}:{config.sql_port}/default")
    try:
        yield store
    finally:
        store.close()
