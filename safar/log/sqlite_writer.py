"""The one writer of an embedded log."""

import sqlite3
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path

from crc32c import crc32c

from safar.errors import ConfigError, LogFull, LogUnavailable
from safar.lock import DirectoryLock
from safar.log.contract import NewRecord
from safar.log.sqlite_file import RECORDS_SCHEMA, connect, end_of, key_of, translated, used_bytes
from safar.log.sqlite_retention import SEGMENT_S, Cutter, Retention

_MAX_RECORD_BYTES = 64 * 1024 * 1024
_CUT_EVERY_S = 1.0


class SqliteWriter:
    """Appends whole groups, one transaction (one fsync) a call, and cuts off what is kept no longer."""

    max_record_bytes = _MAX_RECORD_BYTES

    def __init__(self, directory: Path, log_id: str, partitions: int, retention: Retention) -> None:
        self._partitions = partitions
        self._most_bytes = retention.most_bytes
        self._cut_at = 0.0
        # When the segment began that this writer fills, by partition.
        self._begun: dict[int, float] = {}
        with ExitStack() as held:
            owner = f"Another collector writes to the log in {directory}"
            held.callback(DirectoryLock(directory / "writer.lock", owner).release)
            self._connection = held.enter_context(closing(connect(directory / "records.db", RECORDS_SCHEMA)))
            cutter = Cutter(self._connection, directory, log_id, partitions, retention)
            self._cutter = held.enter_context(closing(cutter))
            with translated():
                self._next = self._ends()
                self._epoch = self._new_epoch()
            self._held = held.pop_all()

    def _ends(self) -> list[int]:
        return [end_of(self._connection, partition) for partition in range(self._partitions)]

    def _new_epoch(self) -> int:
        """An epoch of its own for every writer, also for one that goes on with a copy from yesterday.

        So the same offset given twice, before and after the copy was put back, is told apart.
        """
        (last,) = self._connection.execute("SELECT max(epoch) FROM segments").fetchone()
        return max(int(time.time()), (last or 0) + 1)

    def append(self, records: Sequence[NewRecord]) -> None:
        """Durable when this returns. LogUnavailable, LogFull: nothing, or with the former everything, is in the log."""
        self._check_sizes(records)
        self._tidy()
        following, segments = list(self._next), self._segments(records)
        rows = []
        for record in records:
            key = key_of(record.partition, following[record.partition])
            rows.append((key, record.count, crc32c(record.value), record.value))
            following[record.partition] += 1
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany("INSERT INTO segments VALUES (?, ?, ?)", segments.values())
            self._connection.executemany("INSERT INTO records VALUES (?, ?, ?, ?)", rows)
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            self._recover()
            raise LogUnavailable(f"The log did not take the records: {error}.") from error
        self._next = following
        self._begun |= {partition: begun for partition, (_, _, begun) in segments.items()}

    def _segments(self, records: Sequence[NewRecord]) -> dict[int, tuple[int, int, float]]:
        """The segments to begin, by partition: the first of this writer, and one every few minutes."""
        now = time.time()
        due = {record.partition for record in records if now >= self._begun.get(record.partition, 0.0) + SEGMENT_S}
        return {partition: (key_of(partition, self._next[partition]), self._epoch, now) for partition in due}

    def _check_sizes(self, records: Sequence[NewRecord]) -> None:
        size = max((len(record.value) for record in records), default=0)
        if size > self.max_record_bytes:
            limit = self.max_record_bytes
            raise ConfigError(f"A record of {size} bytes is over this log's {limit}; lower SAFAR_RECORD_MAX_BYTES.")

    def _tidy(self) -> None:
        """Cut off a little of what may go, now and then, and look whether there is room."""
        with translated():
            full = bool(self._most_bytes) and used_bytes(self._connection) > self._most_bytes
            if full or time.monotonic() >= self._cut_at:
                more = self.cut()
                self._cut_at = time.monotonic() + (0 if more else _CUT_EVERY_S)
                while full and more:
                    full = used_bytes(self._connection) > self._most_bytes
                    more = self.cut()
        if full:
            raise LogFull("The log is as large as it may be, and what is in it is not read yet; send again later.")

    def cut(self) -> int:
        """Remove some of what is kept no longer; return how many records went."""
        try:
            return self._cutter.cut()
        except sqlite3.Error:
            self._recover()
            return 0  # it will be tried again; the append decides whether the log is well

    def _recover(self) -> None:
        """After a failed transaction, trust only what the file says."""
        with translated():
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            self._next = self._ends()
            self._begun = {}

    def close(self) -> None:
        """Close the files and let another writer in."""
        self._held.close()
