"""A temporary store with the demonstration data, by the same steps as a live one but for HTTP and the log."""

import atexit
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from itertools import batched, chain
from typing import Any

from tqdm import tqdm

from safar.contract import to_line
from safar.contract.accept import Receipt, accept
from safar.demo import cdnow, shop
from safar.store import Store, migrate, open_store
from safar.store.identity import refresh_aliases

_ROWS_PER_INSERT = 20_000

# Each source's calls as a client would send them.
_SOURCES: Mapping[str, Callable[[], Iterable[dict[str, Any]]]] = {
    cdnow.SOURCE: cdnow.cdnow_calls,
    shop.SOURCE: shop.shop_calls,
}


@cache
def bundled_store() -> Store:
    """The store of this process; made at the first call. Progress is shown on a terminal only."""
    directory = tempfile.mkdtemp(prefix="safar-")
    store = open_store(f"chdb://{directory}/store")
    atexit.register(_remove, store, directory)
    migrate(store)
    lines = chain.from_iterable(_lines(source, calls()) for source, calls in _SOURCES.items())
    for number, batch in enumerate(_batches(tqdm(lines, "bundled data", unit=" events", leave=False, disable=None))):
        store.insert_lines("events", b"\n".join(batch), token=f"bundled:{number}")
    refresh_aliases(store)
    return store
