"""Programs to be killed: the insert of one batch, and the recovery after it.

`prepare` leaves a batch that waits in the log: events of two months (two table partitions), a refused one and a double.
`insert` stores and commits it, `insist` goes on until a disk that refuses a call has taken it, `merge_refused` merges
on such a disk. `recover` is the next life of the aggregator: it drains the log and says what is wrong with the store;
`recover_carelessly` does so without the recovery step, as the negative control.
"""

from collections import defaultdict
from contextlib import suppress
from pathlib import Path
from unittest import mock

from safar.contract import to_line
from safar.errors import StoreUnavailable
from safar.store import Store, migrate, open_store
from safar.store.positions import POSITION_TABLES
from safar.store.verify import verify
from services.aggregator import consume
from tests.support.consuming import Bench, drained, running, tick
from tests.support.logs import until
from tests.support.stores import NOW, event, failed
from tests.syscalls.calls import BEGIN, END

_NAMES = [f"{month}-{number}" for month in ("march", "february") for number in range(5)]
_EXPECTED = {"events": sorted(["old", *_NAMES]), "failed_events": [""], "skipped_positions": ["old"]}
"""The event ids of each table when all is well."""

_NOT_FSYNCED = """
ALTER TABLE {table} MODIFY SETTING fsync_after_insert = 0, fsync_part_directory = 0,
    min_rows_to_fsync_after_merge = 0, min_compressed_bytes_to_fsync_after_merge = 0
"""


def prepare(directory: Path) -> list[str]:
    """One event stored and committed; the batch in the log, in two records."""
    return _prepare(directory)


def prepare_without_fsync(directory: Path) -> list[str]:
    """The same on tables that leave it to the kernel when a part reaches the disk."""
    return _prepare(directory, *(_NOT_FSYNCED.format(table=table) for table in POSITION_TABLES))


def _prepare(directory: Path, *statements: str) -> list[str]:
    store = _open(directory)
    migrate(store)
    for statement in statements:
        store.command(statement)
    bench = Bench(directory, store)
    bench.append(to_line(event("old")))
    bench.drain()
    february = NOW.replace(month=2)
    events = [event(name, user_id=name, received_at=NOW if "march" in name else february) for name in _NAMES]
    bench.append(*map(to_line, events[:7]), to_line(failed("f")))
    bench.append(to_line(event("old")), *map(to_line, events[7:]))
    store.close()
    return []


def insert(directory: Path) -> list[str]:
    """One step of a consumer, with the engine already open."""
    store = _open(directory)
    consumer = Bench(directory, store).consumer()
    store.query("SELECT 1")
    (directory / BEGIN).touch()
    consumer.step()
    (directory / END).touch()
    return []


def merge(directory: Path) -> list[str]:
    """Insert, and let the engine merge the parts of each month."""
    store = _open(directory)
    Bench(directory, store).drain()
    (directory / BEGIN).touch()
    store.command("OPTIMIZE TABLE events FINAL")
    (directory / END).touch()
    return []


def insist(directory: Path) -> list[str]:
    """A consumer that goes on until the batch is stored and committed."""
    store = _open(directory)
    bench = Bench(directory, store)
    consumer = bench.consumer()
    store.query("SELECT 1")
    (directory / BEGIN).touch()
    with mock.patch.object(consume, "_BACKOFF_FIRST_S", 0.01), running(consumer):
        until(lambda: drained(consumer), tick)
    (directory / END).touch()
    store.close()
    return []


def merge_refused(directory: Path) -> list[str]:
    """The engine merges the parts of each month, and they are looked at, as now and then."""
    store = _open(directory)
    Bench(directory, store).drain()
    (directory / BEGIN).touch()
    with suppress(StoreUnavailable):  # the engine found by itself that something went wrong
        store.command("OPTIMIZE TABLE events FINAL")
    (directory / END).touch()
    with suppress(StoreUnavailable):
        store.check_parts()
    problems = [] if store.query("SELECT count() AS rows FROM events") == [{"rows": 11}] else ["rows are missing"]
    store.close()
    return problems


def recover(directory: Path) -> list[str]:
    """From the opening of the store to the end of the log; then a look at every row."""
    (directory / BEGIN).touch()
    bench = Bench(directory, _open(directory))
    bench.drain()
    (directory / END).touch()
    return _findings(bench)


def recover_carelessly(directory: Path) -> list[str]:
    """Without reading what the store has."""
    with mock.patch.object(consume, "stored_positions", return_value=defaultdict(frozenset)):
        return recover(directory)


def _open(directory: Path) -> Store:
    return open_store(f"chdb://{directory}/store")


def _findings(bench: Bench) -> list[str]:
    problems = list(verify(bench.log, bench.store, consume.GROUP, id_window_days=30).problems)
    for table, expected in _EXPECTED.items():
        rows = bench.store.query(f"SELECT event_id FROM {table} ORDER BY event_id")
        found = [row["event_id"] for row in rows]
        if found != expected:
            problems.append(f"{table}: {found}, not {expected}")
    return problems
