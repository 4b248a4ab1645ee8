"""A temporary store with the demonstration data, by the same steps as a live one but for HTTP and the log."""

import atexit
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from itertools import chain, count, islice
from typing import Any

import msgspec
from tqdm import tqdm

from safar.contract import to_line
from safar.contract.accept import Receipt, accept
from safar.demo.load import DEMO_SOURCES
from safar.errors import StoreUnavailable
from safar.store import Store, migrate, open_store
from safar.store.identity import refresh_aliases

_ROWS_PER_INSERT = 20_000

_encode = msgspec.json.Encoder(decimal_format="number").encode


class BundledData:
    """A temporary directory with the loaded store, removed when the process ends."""

    def __init__(self) -> None:
        self._directory = tempfile.mkdtemp(prefix="safar-")
        atexit.register(shutil.rmtree, self._directory, ignore_errors=True)
        self._store = self._open()
        atexit.register(lambda: self._store.close())
        migrate(self._store)
        load_bundled(self._store)

    def store(self) -> Store:
        """The one store of it that this process may have open; opened again when it was closed."""
        try:
            self._store.client()
        except StoreUnavailable:
            self._store = self._open()
        return self._store

    def _open(self) -> Store:
        return open_store(f"chdb://{self._directory}/store")


@cache
def bundled_data() -> BundledData:
    """The data of this process; loaded at the first call. Progress is shown on a terminal only."""
    return BundledData()


def load_bundled(store: Store) -> None:
    """Fill a store that has its tables."""
    lines = chain.from_iterable(stored_lines(source, calls()) for source, calls in DEMO_SOURCES.items())
    shown = iter(tqdm(lines, "bundled data", unit=" events", leave=False, disable=None))
    batches = iter(lambda: list(islice(shown, _ROWS_PER_INSERT)), [])
    for number, batch in enumerate(batches):
        store.insert_lines("events", b"\n".join(batch), token=f"bundled:{number}")
    refresh_aliases(store)


def stored_lines(source: str, calls: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """The stored lines of a source's calls, each in a position of a log that never was."""
    receipt = Receipt(source, received_at=datetime.now(UTC))
    for offset, call in zip(count(), calls):
        line = to_line(accept(_encode(call), receipt))
        yield line[:-1] + b',"log_id":"bundled:%b","log_offset":%d,"log_count":1}' % (source.encode(), offset)
