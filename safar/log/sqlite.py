"""The embedded log: packed records in one SQLite file, fsynced before `append` returns.

A directory holds `records.db` (written by the one writer), `commits.db` (written by readers, apart so that a commit
never waits for an append) and the lock files. WAL with synchronous=FULL: a transaction is on disk when COMMIT
returns, and readers in other processes see it at once. Every record carries its CRC-32C.
"""

import sqlite3
import uuid
from collections.abc import Mapping
from pathlib import Path

from safar.errors import ConfigError
from safar.log.contract import LogReader, LogWriter
from safar.log.sqlite_file import COMMITS_SCHEMA, RECORDS_SCHEMA, commits_of, connect
from safar.log.sqlite_reader import SqliteReader
from safar.log.sqlite_writer import SqliteWriter


class SqliteLog:
    """One directory, one log (implements `Log`)."""

    def __init__(self, directory: Path, log_id: str, partitions: int) -> None:
        self._directory = directory
        self._log_id = log_id
        self._partitions = partitions

    @classmethod
    def open(cls, path: str, options: Mapping[str, str], *, create: bool = True) -> "SqliteLog":
        """Open or create the log in directory `path`; option `partitions` (default 1) is kept with it."""
        wanted = _wanted_partitions(options)
        directory = Path(path)
        if not (create or (directory / "records.db").exists()):
            raise ConfigError(f"There is no log in {path}; a collector makes it.")
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"The log directory {path} cannot be created: {error.strerror}.") from error
        connection = connect(directory / "records.db", RECORDS_SCHEMA)
        try:
            log_id, partitions = _identity(connection, wanted or 1)
        finally:
            connection.close()
        if wanted not in (None, partitions):
            raise ConfigError(
                f"The log in {path} has {partitions} partitions; changing that to {wanted} is a migration."
            )
        return cls(directory, log_id, partitions)

    @property
    def log_id(self) -> str:
        """Made with the file."""
        return self._log_id

    @property
    def partitions(self) -> int:
        """As created."""
        return self._partitions

    def writer(self) -> LogWriter:
        """The one writer; a second raises DirectoryOwned."""
        return SqliteWriter(self._directory, self._partitions)

    def reader(self, group: str) -> LogReader:
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


def _wanted_partitions(options: Mapping[str, str]) -> int | None:
    unknown = set(options) - {"partitions"}
    if unknown:
        raise ConfigError(f"SAFAR_LOG_URL: {sorted(unknown)[0]!r} is not an option of a sqlite:// log; partitions is.")
    text = options.get("partitions")
    if text is not None and not (text.isdecimal() and 0 < int(text) <= 1024):
        raise ConfigError(f"SAFAR_LOG_URL: partitions must be a number from 1 to 1024, not {text!r}.")
    return None if text is None else int(text)


def _identity(connection: sqlite3.Connection, partitions: int) -> tuple[str, int]:
    """Read the log's identity, made once: two processes that start together agree on one."""
    connection.execute("BEGIN IMMEDIATE")
    if connection.execute("SELECT count(*) FROM identity").fetchone() == (0,):
        connection.execute("INSERT INTO identity VALUES (?, ?)", (f"sqlite:{uuid.uuid4()}", partitions))
    log_id, kept = connection.execute("SELECT log_id, partitions FROM identity").fetchone()
    connection.execute("COMMIT")
    return log_id, kept
