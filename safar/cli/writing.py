"""The store for commands that write to it: directly, or through the door of the process that has it open."""

from collections.abc import Iterator
from contextlib import contextmanager

from safar.config import Config
from safar.errors import DirectoryOwned, StoreUnavailable
from safar.store import Store, migrate, open_store
from safar.write_token import known_write_token


@contextmanager
def writing_store(config: Config) -> Iterator[Store]:
    """A store to query and insert into; closed after the block."""
    try:
        store = open_store(config.store_dsn, create=False)
        migrate(store)
    except DirectoryOwned as owned:
        token = known_write_token(config)
        store = open_store(f"http://writer:{token}@{config.reader_host}:{config.sql_port}/default")
        try:
            store.query("SELECT 1")
        except StoreUnavailable as error:
            raise StoreUnavailable(f"{owned} {error} (at {config.reader_host}:{config.sql_port})") from None
    try:
        yield store
    finally:
        store.close()
