"""A reader of an embedded log: one a group, by polling the file."""

import sqlite3
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing
from pathlib import Path

from crc32c import crc32c

from safar.errors import LogCorrupt, LogReplaced, LogUnavailable
from safar.lock import DirectoryLock
from safar.log.contract import Assignment, LogRecord
from safar.log.sqlite_file import (
    COMMITS_SCHEMA,
    RECORDS_SCHEMA,
    beginning_of,
    commits_of,
    connect,
    end_of,
    epoch_of,
    key_of,
    offset_of,
    translated,
)

_POLL_INTERVAL_S = 0.003
_POLL_MAX_BYTES = 8 * 1024 * 1024

_FETCH = """
SELECT key, count, crc, value,
    (SELECT epoch FROM segments WHERE segments.key >= ? AND segments.key <= records.key ORDER BY key DESC LIMIT 1)
FROM records WHERE key >= ? AND key < ? ORDER BY key
"""


class SqliteReader:
    """Reads by polling the file; every partition is its own, so the generation never changes."""

    def __init__(self, directory: Path, log_id: str, partitions: int, group: str) -> None:
        self._log_id = log_id
        self._group = group
        with ExitStack() as held:
            owner = f"Another aggregator reads the log in {directory}"
            held.callback(DirectoryLock(directory / f"reader-{group}.lock", owner).release)
            self._records = held.enter_context(closing(connect(directory / "records.db", RECORDS_SCHEMA)))
            self._commits = held.enter_context(closing(connect(directory / "commits.db", COMMITS_SCHEMA)))
            with translated():
                committed = commits_of(self._commits, group, log_id)
                beginnings = {number: beginning_of(self._records, number) for number in range(partitions)}
                self._assignment = Assignment(0, beginnings | committed)
                self._next = dict(self._assignment.committed)
                self._check_tail(committed)
            self._held = held.pop_all()

    def _check_tail(self, committed: Mapping[int, int]) -> None:
        """What was read must still be the log's: a copy from yesterday is shorter, or has grown again otherwise."""
        ends = self.ends()
        for partition, offset in committed.items():
            if offset > ends[partition]:
                raise LogReplaced(
                    f"Offset {offset} of partition {partition} is committed, but the log ends at {ends[partition]}:"
                    " it lost its tail."
                )
        query = "SELECT partition, next_offset, epoch FROM commit_epochs WHERE reader_group = ? AND log_id = ?"
        for partition, offset, epoch in self._commits.execute(query, (self._group, self._log_id)).fetchall():
            last = offset - 1
            if committed[partition] != offset or last < self._beginning(partition):
                continue  # somebody has set the commit back, or the record is cut off
            if epoch_of(self._records, partition, last) != epoch:
                raise LogReplaced(
                    f"Offset {last} of partition {partition} is committed, but another record stands there now: the log"
                    " was put back from a copy and has grown since. Remove its commits.db to read it from the"
                    " beginning; what is stored already is not stored again."
                )

    def _beginning(self, partition: int) -> int:
        return beginning_of(self._records, partition)

    def assignment(self) -> Assignment:
        """Every partition, for the life of the reader."""
        return self._assignment

    def poll(self, timeout_s: float) -> list[LogRecord]:
        """Look every few milliseconds; SQLite has no notification across processes."""
        deadline = time.monotonic() + timeout_s
        while True:
            with translated():
                records = [record for partition in self._next for record in self._fetch(partition)]
            if records or time.monotonic() >= deadline:
                return records
            time.sleep(_POLL_INTERVAL_S)

    def _fetch(self, partition: int) -> list[LogRecord]:
        """Up to this partition's share of a poll; a damaged record is met only when it is the first."""
        records: list[LogRecord] = []
        room = _POLL_MAX_BYTES // len(self._next)
        first, following = key_of(partition, self._next[partition]), key_of(partition + 1, 0)
        rows = self._records.execute(_FETCH, (key_of(partition, 0), first, following))
        for key, count, crc, value, epoch in rows:
            offset = offset_of(key)
            if crc32c(value) != crc:
                if records:
                    break
                raise LogCorrupt(f"Record {offset} of partition {partition} does not match its checksum.")
            records.append(LogRecord(partition, epoch or 0, offset, count, value))
            room -= len(value)
            if room <= 0:
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
        epochs = [(*row, epoch_of(self._records, row[2], row[3] - 1)) for row in rows]
        try:
            self._commits.execute("BEGIN IMMEDIATE")
            self._commits.executemany("INSERT OR REPLACE INTO commits VALUES (?, ?, ?, ?)", rows)
            self._commits.executemany("INSERT OR REPLACE INTO commit_epochs VALUES (?, ?, ?, ?, ?)", epochs)
            self._commits.execute("COMMIT")
        except sqlite3.Error as error:
            if self._commits.in_transaction:
                self._commits.execute("ROLLBACK")
            raise LogUnavailable(f"The commit was not stored: {error}.") from error
        self._assignment = Assignment(0, {**self._assignment.committed, **offsets})

    def beginnings(self) -> dict[int, int]:
        """Read from the file."""
        with translated():
            return {partition: self._beginning(partition) for partition in self._next}

    def ends(self) -> dict[int, int]:
        """Read from the file."""
        with translated():
            return {partition: end_of(self._records, partition) for partition in self._next}

    def waiting_bytes(self) -> int:
        """The size of all records that are not committed."""
        query = "SELECT coalesce(sum(length(value)), 0) FROM records WHERE key >= ? AND key < ?"
        with translated():
            return sum(
                self._records.execute(query, (key_of(partition, offset), key_of(partition + 1, 0))).fetchone()[0]
                for partition, offset in self._assignment.committed.items()
            )

    def close(self) -> None:
        """Close both files and let another reader of the group in."""
        self._held.close()
