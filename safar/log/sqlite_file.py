"""The two SQLite files of an embedded log: schema, keys, and SQLite's errors in the log's words."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from safar.errors import ConfigError, LogCorrupt, LogUnavailable
from safar.lock import turn

# One B-tree for all partitions: the key is the partition in the high bits, the offset in the low ones.
_OFFSET_BITS = 48

# A packed record fills many pages: large ones take half the work of SQLite's usual 4 KiB. The write-ahead log is
# copied into the file each time it has grown by so much.
_PAGE_BYTES = 32 * 1024
_WAL_BYTES = 8 * 1024 * 1024

_PATIENCE_S = 10.0
# What may be over in a moment: somebody holds the file, the disk is full or stutters.
_MAY_PASS = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)

# A segment is a run of records that one writer appended within some minutes; it begins at its key.
RECORDS_SCHEMA = """
CREATE TABLE IF NOT EXISTS identity (log_id TEXT NOT NULL, partitions INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS records (
    key INTEGER PRIMARY KEY, count INTEGER NOT NULL, crc INTEGER NOT NULL, value BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS segments (key INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, begun REAL NOT NULL);
"""
COMMITS_SCHEMA = """
CREATE TABLE IF NOT EXISTS commits (
    reader_group TEXT, log_id TEXT, partition INTEGER, next_offset INTEGER NOT NULL,
    PRIMARY KEY (reader_group, log_id, partition)
);
CREATE TABLE IF NOT EXISTS commit_epochs (
    reader_group TEXT, log_id TEXT, partition INTEGER, next_offset INTEGER NOT NULL, epoch INTEGER NOT NULL,
    PRIMARY KEY (reader_group, log_id, partition)
);
"""


def connect(path: Path, schema: str) -> sqlite3.Connection:
    """Open the file, made when it is missing; a transaction is on disk when COMMIT returns."""
    # One after the other: two connections that turn a new file to WAL at once do not wait for each other, but fail.
    with turn(path.parent / "opening.lock"):
        try:
            connection = sqlite3.connect(path, timeout=_PATIENCE_S, isolation_level=None, check_same_thread=False)
            connection.execute(f"PRAGMA page_size = {_PAGE_BYTES}")  # of a new file only
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(f"PRAGMA wal_autocheckpoint = {_WAL_BYTES // _PAGE_BYTES}")
            connection.executescript(f"BEGIN IMMEDIATE; {schema} COMMIT;")
        except sqlite3.Error as error:
            # The low byte is the kind of error, whatever its details.
            kind = LogUnavailable if getattr(error, "sqlite_errorcode", 0) & 0xFF in _MAY_PASS else ConfigError
            raise kind(f"The log file {path} cannot be opened: {error}.") from error
        return connection


@contextmanager
def translated() -> Iterator[None]:
    """Turn SQLite's errors into ours."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", None) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise LogCorrupt(f"The log's file is damaged: {error}.") from error
        raise LogUnavailable(f"The log does not answer: {error}.") from error


def key_of(partition: int, offset: int) -> int:
    """Where a record stands in the table."""
    return (partition << _OFFSET_BITS) | offset


def offset_of(key: int) -> int:
    """The offset that `key` stands for, within its partition."""
    return key & ((1 << _OFFSET_BITS) - 1)


def end_of(connection: sqlite3.Connection, partition: int) -> int:
    """The offset after the last record of `partition`."""
    last = _edge(connection, "max", partition)
    return 0 if last is None else last + 1


def beginning_of(connection: sqlite3.Connection, partition: int) -> int:
    """The offset of the first record of `partition` that is still there."""
    return _edge(connection, "min", partition) or 0


def _edge(connection: sqlite3.Connection, which: str, partition: int) -> int | None:
    query = f"SELECT {which}(key) FROM records WHERE key >= ? AND key < ?"
    (key,) = connection.execute(query, (key_of(partition, 0), key_of(partition + 1, 0))).fetchone()
    return None if key is None else offset_of(key)


def epoch_of(connection: sqlite3.Connection, partition: int, offset: int) -> int:
    """The epoch of the segment that a record is in; 0 for a record from before there were segments."""
    query = "SELECT epoch FROM segments WHERE key >= ? AND key <= ? ORDER BY key DESC LIMIT 1"
    found = connection.execute(query, (key_of(partition, 0), key_of(partition, offset))).fetchone()
    return found[0] if found else 0


def commits_of(connection: sqlite3.Connection, group: str, log_id: str) -> dict[int, int]:
    """The next offset of each partition that `group` committed."""
    query = "SELECT partition, next_offset FROM commits WHERE reader_group = ? AND log_id = ?"
    return dict(connection.execute(query, (group, log_id)).fetchall())


def used_bytes(connection: sqlite3.Connection) -> int:
    """What is in use of the file; the rest is used again before it grows."""
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
