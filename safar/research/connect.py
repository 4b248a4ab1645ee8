"""Open a store for research: a live one by its address, or one made on the spot from the bundled data."""

from safar.errors import ConfigError, SafarError
from safar.research.bundled import bundled_data
from safar.store import Store, open_store

_SCHEMES = ("http://", "https://", "chdb://")


def connect(address: str = "") -> Store:
    """Open the store at `address`, ready to query.

    - `""`: no server needed. The demonstration data that comes with Safar (`cdnow` and `demo-shop`), loaded once
      a process into a temporary embedded store, by the same contract code as a collector's, and removed at exit.
    - `"http://127.0.0.1:8123"`: the reader's door of a running Safar, or any ClickHouse server; user, password and
      database go into the address: `http://user:password@host:port/database`.
    - `"chdb:///directory"`: a store of this machine that no other process has open.

    Raises ConfigError for an address that is none of these, StoreUnavailable when nobody answers there,
    DirectoryOwned when another process has the directory.
    """
    if not address:
        return bundled_data().store()
    if not address.startswith(_SCHEMES):
        raise ConfigError(f"The address must be empty or start with {', '.join(_SCHEMES)}: not {address!r}.")
    store = open_store(address)
    try:
        store.query("SELECT 1 FROM events LIMIT 1")
    except SafarError:
        store.close()
        raise
    return store
