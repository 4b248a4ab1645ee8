"""The embedded log: packed records in one SQLite file, fsynced before `append` returns.

A directory holds `records.db` (written by the one writer), `commits.db` (written by readers, apart so that a commit
never waits for an append) and the lock files. WAL with synchronous=FULL: a transaction is on disk when COMMIT
returns, and readers in other processes see it at once. Every record carries its CRC-32C.
"""

import sqlite3
import uuid
from collections.abc import Mapping
from pathlib import Path

from safar.durable import make_directory
from safar.errors import ConfigError
from safar.log.sqlite_file import COMMITS_SCHEMA, RECORDS_SCHEMA, commits_of, connect, translated
from safar.log.sqlite_reader import SqliteReader
from safar.log.sqlite_retention import Retention
from safar.log.sqlite_writer import SqliteWriter

# What each option may be, from and to.
_OPTIONS = {
    "partitions": (1, 1024),
    "retention_hours": (0, 1_000_000),
    "retention_bytes": (0, 1 << 50),
    "most_bytes": (0, 1 << 50),
}


class SqliteLog:
    """One directory, one log (implements `Log`)."""

    def __init__(self, directory: Path, log_id: str, partitions: int, retention: Retention) -> None:
        self._directory = directory
        self._log_id = log_id
        self._partitions = partitions
        self._retention = retention

    @classmethod
    def open(cls, path: str, options: Mapping[str, str], *, create: bool = True) -> "SqliteLog":
        """Open or create the log in directory `path`.

        Option `partitions` (default 1) is kept with it; `retention_hours`, `retention_bytes` and `most_bytes` say how
        much of it is kept, as in `Retention`.
        """
        wanted, retention = _wanted(options)
        directory = Path(path)
        if not (create or (directory / "records.db").exists()):
            raise ConfigError(f"There is no log in {path}; a collector makes it.")
        try:
            make_directory(directory)
        except OSError as error:
            raise ConfigError(f"The log directory {path} cannot be created: {error.strerror}.") from error
        connection = connect(directory / "records.db", RECORDS_SCHEMA)
        try:
            with translated():
                log_id, partitions = _identity(connection, wanted or 1)
        finally:
            connection.close()
        if wanted not in (None, partitions):
            raise ConfigError(
                f"The log in {path} has {partitions} partitions; changing that to {wanted} is a migration."
            )
        return cls(directory, log_id, partitions, retention)

    @property
    def log_id(self) -> str:
        """Made with the file."""
        return self._log_id

    @property
    def partitions(self) -> int:
        """As created."""
        return self._partitions

    def writer(self) -> SqliteWriter:
        """The one writer; a second raises DirectoryOwned."""
        return SqliteWriter(self._directory, self._log_id, self._partitions, self._retention)

    def reader(self, group: str) -> SqliteReader:
        """The one reader of `group`, owning every partition; a second raises DirectoryOwned."""
        return SqliteReader(self._directory, self._log_id, self._partitions, group)

    def committed(self, group: str) -> dict[int, int]:
        """Read from commits.db."""
        connection = connect(self._directory / "commits.db", COMMITS_SCHEMA)
        try:
            return commits_of(connection, group, self._log_id)
        finally:
            connection.close()

    def close(self) -> None:
        """Nothing is held open between calls."""


def _wanted(options: Mapping[str, str]) -> tuple[int | None, Retention]:
    for name, text in options.items():
        if name not in _OPTIONS:
            raise ConfigError(
                f"SAFAR_LOG_URL: {name!r} is not an option of a sqlite:// log; {', '.join(_OPTIONS)} are."
            )
        if not (text.isdecimal() and _OPTIONS[name][0] <= int(text) <= _OPTIONS[name][1]):
            least, most = _OPTIONS[name]
            raise ConfigError(f"SAFAR_LOG_URL: {name} must be a number from {least} to {most}, not {text!r}.")
    given = {name: int(text) for name, text in options.items()}
    retention = Retention(
        given.get("retention_hours", Retention.hours),
        given.get("retention_bytes", Retention.bytes),
        given.get("most_bytes", Retention.most_bytes),
    )
    return given.get("partitions"), retention


def _identity(connection: sqlite3.Connection, partitions: int) -> tuple[str, int]:
    """Read the log's identity, made once: two processes that start together agree on one."""
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("SELECT count(*) FROM identity").fetchone() == (0,):
        connection.execute("INSERT INTO identity VALUES (?, ?)", (f"sqlite:{uuid.uuid4()}", partitions))
    log_id, kept = connection.execute("SELECT log_id, partitions FROM identity").fetchone()
    connection.execute("COMMIT")
    return log_id, kept
