"""How much of an embedded log is kept: by age and by size, and never less than what is not committed."""

import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from safar.log.sqlite_file import COMMITS_SCHEMA, beginning_of, connect, end_of, key_of, offset_of, used_bytes

# How long a segment is filled: its youngest record is so much younger than it is.
SEGMENT_S = 600.0

# An append must not wait long for a large cut.
_RECORDS_A_CUT = 256


@dataclass(frozen=True)
class Retention:
    """Records go when they are committed by every group, and older than `hours` or over `bytes` in all.

    The log never grows beyond `most_bytes`, committed or not; 0 means that there is no such limit.
    """

    hours: float = 7 * 24
    bytes: int = 0
    most_bytes: int = 0


class Cutter:
    """Cuts one log from its beginning, in the writer's own thread."""

    def __init__(
        self, records: sqlite3.Connection, directory: Path, log_id: str, partitions: int, retention: Retention
    ) -> None:
        self._records = records
        self._commits = connect(directory / "commits.db", COMMITS_SCHEMA)
        self._log_id = log_id
        self._partitions = partitions
        self._retention = retention

    def cut(self) -> int:
        """Remove some of what may go; return how many records went."""
        over = bool(self._retention.bytes) and used_bytes(self._records) > self._retention.bytes
        return sum(self._cut(partition, offset, over) for partition, offset in self._committed().items())

    def _committed(self) -> dict[int, int]:
        """Up to where every group that ever committed has come."""
        query = "SELECT partition, min(next_offset) FROM commits WHERE log_id = ? GROUP BY partition"
        return dict(self._commits.execute(query, (self._log_id,)).fetchall())

    def _cut(self, partition: int, committed: int, over: bool) -> int:
        # The last record stays: the next offset is known from it.
        limit = min(committed, end_of(self._records, partition) - 1)
        if not over:
            limit = min(limit, self._too_old(partition, limit))
        first = beginning_of(self._records, partition)
        limit = min(limit, first + _RECORDS_A_CUT)
        if limit <= first:
            return 0
        gone = (key_of(partition, 0), key_of(partition, limit))
        self._records.execute("BEGIN IMMEDIATE")
        self._records.execute("DELETE FROM records WHERE key >= ? AND key < ?", gone)
        # The segment that the first record left is in began before it, or with it.
        self._records.execute(
            "DELETE FROM segments WHERE key >= ? AND key < (SELECT max(key) FROM segments WHERE key >= ? AND key <= ?)",
            (gone[0], *gone),
        )
        self._records.execute("COMMIT")
        return limit - first

    def _too_old(self, partition: int, limit: int) -> int:
        """The offset below which everything was appended longer ago than what is kept, `limit` at most."""
        if self._retention.hours == 0:
            return limit
        oldest = time.time() - self._retention.hours * 3600 - SEGMENT_S
        query = "SELECT min(key) FROM segments WHERE key >= ? AND key < ? AND begun >= ?"
        edges = (key_of(partition, 0), key_of(partition + 1, 0))
        (key,) = self._records.execute(query, (*edges, oldest)).fetchone()
        return limit if key is None else offset_of(key)

    def close(self) -> None:
        """Let go of the commits."""
        self._commits.close()
