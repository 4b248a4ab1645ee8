"""`Store`: one ClickHouse database through clickhouse-connect, whether embedded (chDB) or a server.

Every thread gets a client of its own: clients are not meant to be shared between running queries.
"""

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import clickhouse_connect
import pandas as pd
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError

from safar.errors import ConfigError, StoreUnavailable
from safar.lock import DirectoryLock
from safar.store.fence import Fence
from safar.store.insert import Inserter
from safar.store.parts import PartWatch

# ClickHouse error codes that mean "this row cannot be stored", however often it is sent.
_BAD_ROW_CODES = frozenset({6, 25, 26, 27, 38, 41, 53, 69, 70, 72, 117, 131, 306, 321, 407, 457, 691})

_INSERT_SETTINGS: Mapping[str, str | int] = {
    "async_insert": 0,
    "date_time_input_format": "best_effort",
    # A batch is a few megabytes: cutting it up for several threads costs more than it saves.
    "input_format_parallel_parsing": 0,
    # Lines of a newer contract may carry fields that this table does not have yet.
    "input_format_skip_unknown_fields": 1,
}

_EMBEDDED_LIMITS = {"max_memory_usage": 2_000_000_000, "max_threads": 2, "max_execution_time": 60}


# What `throwIf` throws: the condition of a fence.
_FENCED_CODE = 395


class Fenced(Exception):
    """Somebody has taken the partitions over since: nothing was inserted, and nothing more may be."""


class RowsRefused(Exception):
    """The store read the insert and found a row it can never take: find it, or the log stops here."""


class Store:
    """One ClickHouse database. Safe to use from several threads."""

    def __init__(self, dsn: str, lock: DirectoryLock | None = None) -> None:
        self._dsn = dsn
        self._lock = lock
        self._local = threading.local()
        self._clients: list[Client] = []
        self._closed = False
        self._inserter = Inserter(_directory(dsn) if self.embedded else None)
        self._parts = PartWatch(self.client) if self.embedded else None

    @property
    def embedded(self) -> bool:
        """Whether the engine runs in this process."""
        return self._dsn.startswith("chdb://")

    def client(self) -> Client:
        """This thread's client."""
        if not hasattr(self._local, "client"):
            self._local.client = self.new_client()
        client: Client = self._local.client
        return client

    def new_client(self) -> Client:
        """A client of one's own, for settings that must not stick to others."""
        if self._closed:  # the directory may be another's by now
            raise StoreUnavailable("The store is closed.")
        try:
            if self.embedded:
                client = clickhouse_connect.get_client(dsn=self._dsn, settings=_EMBEDDED_LIMITS)
            else:
                client = clickhouse_connect.get_client(dsn=self._dsn, autogenerate_session_id=False)
        except (ClickHouseError, OSError) as error:
            raise StoreUnavailable(f"The store does not answer: {_first_line(error).rstrip('.')}.") from error
        self._clients.append(client)
        return client

    def query(
        self, sql: str, parameters: Mapping[str, Any] | None = None, settings: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Run a query; one dict a row."""
        with _translated():
            result = self.client().query(sql, parameters=dict(parameters or {}), settings=dict(settings or {}))
            return list(result.named_results())

    def query_df(self, sql: str, parameters: Mapping[str, Any] | None = None) -> pd.DataFrame:
        """Run a query; a DataFrame."""
        with _translated():
            return self.client().query_df(sql, parameters=dict(parameters or {}))

    def column_blocks(self, sql: str, parameters: Mapping[str, Any]) -> Iterator[Sequence[Sequence[Any]]]:
        """Run a query whose answer may not fit into memory; yield its blocks, column by column.

        Until the last block this thread must ask nothing else.
        """
        # The reader's own pace counts as the query's time.
        settings = {"max_execution_time": 0}
        with _translated():
            stream = self.client().query_column_block_stream(sql, parameters=dict(parameters), settings=settings)
            with stream as blocks:
                yield from blocks

    def command(self, sql: str) -> None:
        """Run a statement that gives no rows."""
        with _translated():
            self.client().command(sql)

    def insert_lines(self, table: str, lines: bytes, token: str, fence: Fence | None = None) -> None:
        """Insert newline-delimited JSON rows in one piece.

        `token` names the batch: the table drops a second insert with the same one. RowsRefused: nothing is stored, for
        an insert of up to a million rows and 256 MB is parsed whole before anything is written. Fenced: `fence` is no
        longer the newest, and nothing is stored. StoreUnavailable: rows may be stored; read the positions before the
        next insert.
        """
        settings = {**_INSERT_SETTINGS, "insert_deduplication_token": token}
        if fence:
            settings["log_comment"] = fence.comment
        condition = fence.condition if fence else "1"
        with _translated():
            try:
                with self.watched():
                    self._inserter.insert(self.client(), table, lines, settings, condition)
            except ClickHouseError as error:
                if error_code(error) == _FENCED_CODE:
                    raise Fenced("Another aggregator reads these partitions now.") from error
                if error_code(error) in _BAD_ROW_CODES:
                    raise RowsRefused(_first_line(error)) from error
                raise

    @contextmanager
    def watched(self) -> Iterator[None]:
        """What the embedded engine writes inside the block is looked at; StoreUnavailable when it is not all there.

        A server tells by itself.
        """
        with self._parts.watched() if self._parts else nullcontext():
            yield

    def check_parts(self) -> None:
        """Look at what the embedded engine has merged since; StoreUnavailable when it is not all there."""
        if self._parts:
            self._parts.check()

    def close(self) -> None:
        """Close every client; the embedded engine lets go of its directory."""
        for client in self._clients:
            client.close()
        self._clients.clear()
        self._local = threading.local()
        self._closed = True
        if self._lock:
            self._lock.release()


@contextmanager
def _translated() -> Iterator[None]:
    """Turn the client's errors into ours."""
    try:
        yield
    except ClickHouseError as error:
        raise StoreUnavailable(f"The store did not confirm: {_first_line(error)}") from error
    except OSError as error:
        raise StoreUnavailable(f"The store cannot be reached: {_first_line(error)}") from error


def error_code(error: BaseException) -> int | None:
    """ClickHouse's own error code, read from the message."""
    found = re.search(r"[Cc]ode:? (\d+)", str(error))
    return int(found.group(1)) if found else None


def _first_line(error: BaseException) -> str:
    """What went wrong, without where in the libraries."""
    if unreachable := re.search(r"\[Errno -?\d+\] ([^'\":)]+)", str(error)):
        return unreachable[1]
    line = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return re.sub(r"(Code: \d+\. DB::Exception: )+", r"\1", line)[:300]


def open_store(dsn: str, *, create: bool = True) -> Store:
    """Open the store at `dsn`: `chdb:///directory` or `http(s)://user:password@host:port/database`.

    Raises ConfigError for a DSN that cannot be understood, and without `create` for a directory that does not exist;
    DirectoryOwned when another process has the directory open (the engine itself allows one and fails without words).
    A server is first asked by the first query.
    """
    if dsn.startswith("chdb:"):
        directory = _directory(dsn)
        if not (create or directory.exists()):
            raise ConfigError(f"There is no store in {directory}; an aggregator makes it.")
        lock = directory.with_name(directory.name + ".lock")
        return Store(dsn, DirectoryLock(lock, f"Another process works on the store in {directory}"))
    if _names_a_server(dsn):
        return Store(dsn)
    raise ConfigError("SAFAR_STORE_DSN must start with chdb:/// or be http(s)://user:password@host:port/database.")


def _directory(dsn: str) -> Path:
    directory = Path(urlsplit(dsn).path)
    if not (dsn.startswith("chdb:///") and directory.name):
        raise ConfigError("SAFAR_STORE_DSN must name a directory from the root on, as in chdb:///srv/safar/store.")
    if re.search(r"[*?{}]", str(directory)):  # patterns to the engine: a file that none fits is no rows, and no error
        raise ConfigError(
            f"The store cannot be in {directory}: the embedded engine takes *, ?, {{ and }} for patterns."
        )
    if directory.exists() and not directory.is_dir():
        raise ConfigError(f"SAFAR_STORE_DSN: {directory} is not a directory.")
    return directory


def _names_a_server(dsn: str) -> bool:
    try:
        parts = urlsplit(dsn)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:  # what should be a port is no number
        return False
