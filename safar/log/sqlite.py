"""The embedded log: packed records in one SQLite file, fsynced before `append` returns.

A directory holds `records.db` (written by the one writer), `commits.db` (written by readers, apart so that a commit
never waits for an append) and the lock files. WAL with synchronous=FULL: a transaction is on disk when COMMIT
returns, and readers in other processes see it at once.
"""

import sqlite3
import time
import uuid
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from safar.errors import ConfigError, LogCorrupt, LogReplaced, LogUnavailable
from safar.lock import DirectoryLock
from safar.log.contract import Assignment, LogReader, LogRecord, LogWriter, NewRecord

_POLL_INTERVAL_S = 0.003
_POLL_MAX_BYTES = 8 * 1024 * 1024
_MAX_RECORD_BYTES = 64 * 1024 * 1024
# One B-tree for all partitions: the key is the partition in the high bits, the offset in the low ones.
_OFFSET_BITS = 48

_RECORDS_SCHEMA = """
CREATE TABLE IF NOT EXISTS identity (log_id TEXT NOT NULL, partitions INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS records (
    key INTEGER PRIMARY KEY, count INTEGER NOT NULL, crc INTEGER NOT NULL, value BLOB NOT NULL
);
"""
_COMMITS_SCHEMA = """
CREATE TABLE IF NOT EXISTS commits (
    reader_group TEXT, log_id TEXT, partition INTEGER, next_offset INTEGER NOT NULL,
    PRIMARY KEY (reader_group, log_id, partition)
);
"""


def _connect(path: Path, schema: str) -> sqlite3.Connection:
    try:
        connection = sqlite3.connect(path, timeout=10, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(f"BEGIN IMMEDIATE; {schema} COMMIT;")
    except sqlite3.Error as error:
        raise ConfigError(f"The log file {path} cannot be opened: {error}.") from error
    return connection


def _key(partition: int, offset: int) -> int:
    return (partition << _OFFSET_BITS) | offset


def _end(connection: sqlite3.Connection, partition: int) -> int:
    """The offset after the last record of `partition`."""
    query = "SELECT max(key) FROM records WHERE key >= ? AND key < ?"
    (last,) = connection.execute(query, (_key(partition, 0), _key(partition + 1, 0))).fetchone()
    return 0 if last is None else (last & ((1 << _OFFSET_BITS) - 1)) + 1


class SqliteLog:
    """One directory, one log (implements `Log`)."""

    def __init__(self, directory: Path, log_id: str, partitions: int) -> None:
        self._directory = directory
        self._log_id = log_id
        self._partitions = partitions

    @classmethod
    def open(cls, path: str, options: Mapping[str, str]) -> "SqliteLog":
        """Open or create the log in directory `path`; option `partitions` (default 1) is kept with it."""
        wanted = _wanted_partitions(options)
        directory = Path(path)
        try:
            directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"The log directory {path} cannot be created: {error.strerror}.") from error
        connection = _connect(directory / "records.db", _RECORDS_SCHEMA)
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
        connection = _connect(self._directory / "commits.db", _COMMITS_SCHEMA)
        try:
            return _commits(connection, group, self._log_id)
        finally:
            connection.close()

    def close(self) -> None:
        """Nothing is held open between calls."""


def _commits(connection: sqlite3.Connection, group: str, log_id: str) -> dict[int, int]:
    query = "SELECT partition, next_offset FROM commits WHERE reader_group = ? AND log_id = ?"
    return dict(connection.execute(query, (group, log_id)).fetchall())


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


class SqliteWriter:
    """Appends whole groups, one transaction (one fsync) a call."""

    max_record_bytes = _MAX_RECORD_BYTES

    def __init__(self, directory: Path, partitions: int) -> None:
        self._lock = DirectoryLock(directory / "writer.lock", f"Another collector writes to the log in {directory}")
        self._connection = _connect(directory / "records.db", _RECORDS_SCHEMA)
        self._partitions = partitions
        self._next = self._ends()

    def _ends(self) -> list[int]:
        return [_end(self._connection, partition) for partition in range(self._partitions)]

    def append(self, records: Sequence[NewRecord]) -> None:
        """Durable when this returns; on LogUnavailable nothing or everything of the call is in the log."""
        following = list(self._next)
        rows = []
        for record in records:
            key = _key(record.partition, following[record.partition])
            rows.append((key, record.count, zlib.crc32(record.value), record.value))
            following[record.partition] += 1
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._recover()
            raise LogUnavailable(f"The log did not take the records: {error}.") from error
        self._next = following

    def _recover(self) -> None:
        """After a failed transaction, trust only what the file says."""
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._next = self._ends()
        except sqlite3.Error as error:
            raise LogUnavailable(f"The log cannot be used: {error}.") from error

    def close(self) -> None:
        """Close the file and let another writer in."""
        self._connection.close()
        self._lock.release()


class SqliteReader:
    """Reads by polling the file; every partition is its own, so the generation never changes."""

    def __init__(self, directory: Path, log_id: str, partitions: int, group: str) -> None:
        self._lock = DirectoryLock(
            directory / f"reader-{group}.lock", f"Another aggregator reads the log in {directory}"
        )
        self._records = _connect(directory / "records.db", _RECORDS_SCHEMA)
        self._commits = _connect(directory / "commits.db", _COMMITS_SCHEMA)
        self._log_id = log_id
        self._group = group
        committed = _commits(self._commits, group, log_id)
        self._assignment = Assignment(0, dict.fromkeys(range(partitions), 0) | committed)
        self._next = dict(self._assignment.committed)
        self._check_tail()

    def _check_tail(self) -> None:
        for partition, offset in self._next.items():
            end = _end(self._records, partition)
            if offset > end:
                raise LogReplaced(
                    f"Offset {offset} of partition {partition} is committed, but the log ends at {end}:"
                    " it lost its tail."
                )

    def assignment(self) -> Assignment:
        """Every partition, for the life of the reader."""
        return self._assignment

    def poll(self, timeout_s: float) -> list[LogRecord]:
        """Look every few milliseconds; SQLite has no notification across processes."""
        deadline = time.monotonic() + timeout_s
        while True:
            records = [record for partition in self._next for record in self._fetch(partition)]
            if records or time.monotonic() >= deadline:
                return records
            time.sleep(_POLL_INTERVAL_S)

    def _fetch(self, partition: int) -> list[LogRecord]:
        records: list[LogRecord] = []
        size = 0
        query = "SELECT key, count, crc, value FROM records WHERE key >= ? AND key < ? ORDER BY key"
        rows = self._records.execute(query, (_key(partition, self._next[partition]), _key(partition + 1, 0)))
        for key, count, crc, value in rows:
            offset = key & ((1 << _OFFSET_BITS) - 1)
            if zlib.crc32(value) != crc:
                raise LogCorrupt(f"Record {offset} of partition {partition} does not match its checksum.")
            records.append(LogRecord(partition, 0, offset, count, value))
            size += len(value)
            if size >= _POLL_MAX_BYTES:
                break
        # An unfinished SELECT would hold the WAL back from being reset.
        rows.close()
        if records:
            self._next[partition] = records[-1].offset + 1
        return records

    def seek(self, partition: int, offset: int) -> None:
        """Read from `offset` next."""
        self._next[partition] = offset

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Durable when this returns."""
        rows = [(self._group, self._log_id, partition, offset) for partition, offset in offsets.items()]
        try:
            self._commits.execute("BEGIN IMMEDIATE")
            self._commits.executemany("INSERT OR REPLACE INTO commits VALUES (?, ?, ?, ?)", rows)
            self._commits.execute("COMMIT")
        except sqlite3.Error as error:
            if self._commits.in_transaction:
                self._commits.execute("ROLLBACK")
            raise LogUnavailable(f"The commit was not stored: {error}.") from error
        self._assignment = Assignment(0, {**self._assignment.committed, **offsets})

    def ends(self) -> dict[int, int]:
        """Read from the file."""
        return {partition: _end(self._records, partition) for partition in self._next}

    def close(self) -> None:
        """Close both files and let another reader of the group in."""
        self._records.close()
        self._commits.close()
        self._lock.release()
