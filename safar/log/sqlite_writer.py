"""The one writer of an embedded log."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from crc32c import crc32c

from safar.errors import ConfigError, LogUnavailable
from safar.lock import DirectoryLock
from safar.log.contract import NewRecord
from safar.log.sqlite_file import RECORDS_SCHEMA, connect, end_of, key_of, translated

_MAX_RECORD_BYTES = 64 * 1024 * 1024


class SqliteWriter:
    """Appends whole groups, one transaction (one fsync) a call."""

    max_record_bytes = _MAX_RECORD_BYTES

    def __init__(self, directory: Path, partitions: int) -> None:
        self._lock = DirectoryLock(directory / "writer.lock", f"Another collector writes to the log in {directory}")
        self._connection = connect(directory / "records.db", RECORDS_SCHEMA)
        self._partitions = partitions
        with translated():
            self._next = self._ends()

    def _ends(self) -> list[int]:
        return [end_of(self._connection, partition) for partition in range(self._partitions)]

    def append(self, records: Sequence[NewRecord]) -> None:
        """Durable when this returns; on LogUnavailable nothing or everything of the call is in the log."""
        self._check_sizes(records)
        following = list(self._next)
        rows = []
        for record in records:
            key = key_of(record.partition, following[record.partition])
            rows.append((key, record.count, crc32c(record.value), record.value))
            following[record.partition] += 1
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._recover()
            raise LogUnavailable(f"The log did not take the records: {error}.") from error
        self._next = following

    def _check_sizes(self, records: Sequence[NewRecord]) -> None:
        size = max((len(record.value) for record in records), default=0)
        if size > self.max_record_bytes:
            limit = self.max_record_bytes
            raise ConfigError(f"A record of {size} bytes is over this log's {limit}; lower SAFAR_RECORD_MAX_BYTES.")

    def _recover(self) -> None:
        """After a failed transaction, trust only what the file says."""
        with translated():
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._next = self._ends()

    def close(self) -> None:
        """Close the file and let another writer in."""
        self._connection.close()
        self._lock.release()
