"""What the embedded engine has written is looked at before it counts: the engine does not say when a write fails.

A part whose file the disk refused (no space, I/O error, a limit) is put in place like any other: an insert returns
well, and its rows cannot be read; a merge replaces good parts with it, which stay on disk for eight minutes.
`CHECK TABLE ... PART` reads a part again and compares it with its checksums; small texts beside them, without which no
part is loaded, it does not look at. A broken part is moved away, and its table loaded anew: what it was merged from
takes its place.

Of what an earlier process wrote, a power loss may have taken the files of a projection, the only ones that the engine
does not fsync on insert: such a part stays, for its rows are there, and the projection is made anew from them.
"""

import asyncio
import logging
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import msgspec
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from safar.errors import StoreUnavailable
from safar.store.projections import rebuild_broken_projections

# Far less than old_parts_lifetime, for which the parts that a merge replaced are kept.
_EVERY_S = 60.0

_ACTIVE = "SELECT table, name, path FROM system.parts WHERE database = currentDatabase() AND active"
# What a process wrote shortly before its end, it may not have looked at any more.
_LOOKED_AT = f"""
{_ACTIVE} AND modification_time < (
    SELECT max(modification_time) FROM system.parts WHERE database = currentDatabase()
) - INTERVAL 15 MINUTE
"""
# The files of the rows are all read, but no projection instead of them.
_ROWS = "SELECT * FROM {part.table} WHERE _part = '{part.name}'"
_ROWS_SETTINGS = {"max_execution_time": 0, "optimize_use_projections": 0, "asterisk_include_materialized_columns": 1}
_OF_A_PROJECTION = "has broken projection"
# What says nothing of a part.
_NOT_NOW = ("MEMORY_LIMIT_EXCEEDED", "QUERY_WAS_CANCELLED")

# A part that is no more has been merged; the one that it went into is new, too.
_GONE = "NO_SUCH_DATA_PART"

# A merged part may be large.
_SETTINGS = {"check_query_single_value_result": 0, "max_execution_time": 0}

_log = logging.getLogger(__name__)


class _Checked(msgspec.Struct):
    is_passed: int
    message: str


class _Part(NamedTuple):
    table: str
    name: str
    path: str


class PartWatch:
    """Looks at the new parts of one embedded store. Safe to use from several threads."""

    def __init__(self, client: Callable[[], Client]) -> None:
        """`client` gives the calling thread's."""
        self._client = client
        self._turn = threading.Lock()
        self._sound: frozenset[_Part] | None = None
        # Of an earlier process: loaded from the disk, and nobody in this one can insert their rows again.
        self._loaded: frozenset[_Part] = frozenset()
        self._broken: list[_Part] = []
        self._found = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        """What is written inside the block is looked at when it ends well.

        StoreUnavailable: a part was broken meanwhile. It may be anybody's, and anybody may have found it.
        """
        found = self._begin()
        yield
        self.check()
        if self._found > found:
            raise StoreUnavailable("The disk did not keep all that was written meanwhile.")

    def _begin(self) -> int:
        """Before the first write: what is there was looked at when it was new, but for the newest."""
        with self._turn, _translated():
            if self._sound is None:
                self._loaded = self._parts(_ACTIVE)
                self._sound = self._parts(_LOOKED_AT)
            return self._found

    def check(self) -> None:
        """Return when every part has been looked at.

        StoreUnavailable: one could not be read and is out of the way; what it held may be missing from its table.
        """
        self._begin()
        with self._turn, _translated():
            self._set_aside()
            while new := (active := self._parts(_ACTIVE)) - (self._sound or frozenset()):
                for part in sorted(new):
                    if (complaint := self._complaint(part)) and not self._only_lacks_a_projection(part, complaint):
                        _log.error("The part %s of %s is set aside: %s", part.name, part.table, complaint)
                        self._found += 1
                        self._broken.append(part)
                        self._set_aside()
                        raise StoreUnavailable(f"The disk did not keep all that was written to {part.table}.")
                self._sound = active
            if self._loaded:
                self._loaded = frozenset()
                rebuild_broken_projections(self._client())

    def _parts(self, sql: str) -> frozenset[_Part]:
        return frozenset(_Part(*row) for row in self._client().query(sql).result_rows)

    def _complaint(self, part: _Part) -> str:
        """What is wrong with a part; empty when nothing is."""
        ask, settings = f"CHECK TABLE {part.table} PART '{part.name}'", dict(_SETTINGS)
        try:
            said = self._client().raw_query(ask, settings=settings, fmt="JSONEachRow")
        except ClickHouseError as error:
            if _GONE in str(error):
                return ""
            raise  # it could not be read now: that says nothing of the part
        checked = msgspec.json.Decoder(_Checked).decode_lines(said)
        complaints = [each.message.partition("\n")[0] or "not as summed" for each in checked if not each.is_passed]
        with suppress(FileNotFoundError):  # merged, and cleared away
            complaints += [
                f"{path.name} is empty" for path in Path(part.path).rglob("*.txt") if not path.stat().st_size
            ]
        return "; ".join(complaints)

    def _only_lacks_a_projection(self, part: _Part, complaint: str) -> bool:
        """Whether every row of a part of an earlier process can be read. What this one wrote, it can write again."""
        if part not in self._loaded or _OF_A_PROJECTION not in complaint:
            return False
        try:
            self._client().raw_query(_ROWS.format(part=part), settings=_ROWS_SETTINGS, fmt="Null")
        except ClickHouseError as error:
            if any(reason in str(error) for reason in _NOT_NOW):
                raise
            return False
        return True

    def _set_aside(self) -> None:
        """Move broken parts to where the engine keeps what it does not use. The next check goes on with what fails.

        The engine does so itself when it loads a table, but not with a part of which a projection is broken, too.
        """
        while self._broken:
            part = self._broken[-1]
            with suppress(ClickHouseError):  # it may be detached already
                self._client().command(f"DETACH TABLE {part.table} SYNC")
            path = Path(part.path)
            with suppress(FileNotFoundError):
                path.rename(path.parent / "detached" / f"broken_{part.name}_{time.time_ns()}")
            self._client().command(f"ATTACH TABLE {part.table}")
            self._broken.pop()


@contextmanager
def _translated() -> Iterator[None]:
    """Not to be able to look says nothing of the rows: neither that they are there nor that they cannot be stored."""
    try:
        yield
    except ClickHouseError as error:
        reason = str(error).partition("\n")[0][:300]
        raise StoreUnavailable(f"What was written could not be looked at: {reason}") from error


@asynccontextmanager
async def parts_looked_at(check: Callable[[], None]) -> AsyncIterator[None]:
    """Inside the block `check` is called at once and now and then, so that merges are looked at without inserts."""

    over = asyncio.Event()

    async def look() -> None:
        while not over.is_set():
            with suppress(StoreUnavailable):  # it is in the log
                await asyncio.to_thread(check)
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), _EVERY_S)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        over.set()
        await looking  # the store is not closed under it
