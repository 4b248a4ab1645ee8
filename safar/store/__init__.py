"""The store: ClickHouse, embedded or over HTTP.

`open_store(dsn)` is the other place, beside `open_log`, where one machine and a cluster differ.
"""

from safar.store.migrate import migrate
from safar.store.store import Fenced, RowsRefused, Store, open_store

__all__ = ["Fenced", "RowsRefused", "Store", "migrate", "open_store"]
