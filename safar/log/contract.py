"""The log between collector and aggregator: what both implementations promise.

A log has one identity (`log_id`, made with it) and `partitions` append-only sequences. A packed record holds
newline-delimited JSON lines of one partition; `count` is the number of lines. A line's position is
(log_id, partition, epoch, offset, index). The contract suite in tests/log runs on every implementation.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class NewRecord:
    """A packed record on its way in."""

    partition: int
    count: int
    value: bytes


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A packed record as read back. Offsets rise by one within a partition."""

    partition: int
    epoch: int
    offset: int
    count: int
    value: bytes


@dataclass(frozen=True)
class Assignment:
    """Which partitions this reader owns, and where to go on.

    `generation` changes whenever the set may have changed; whoever buffered records of an older
    generation must forget them. `committed` maps each owned partition to the offset after what was last committed.
    """

    generation: int
    committed: Mapping[int, int]


class LogWriter(Protocol):
    """The collector's side. Used by one thread at a time."""

    @property
    def max_record_bytes(self) -> int:
        """The largest `value` that `append` takes."""

    def append(self, records: Sequence[NewRecord]) -> None:
        """Block until every record is durable. On LogUnavailable some may be in the log, in order."""

    def close(self) -> None:
        """Let go of the log. Nothing is pending, for `append` blocks."""


class LogReader(Protocol):
    """The aggregator's side. Used by one thread; several readers of a group share the partitions."""

    def assignment(self) -> Assignment:
        """What this reader owns as of the last `poll`."""

    def poll(self, timeout_s: float) -> list[LogRecord]:
        """Wait up to `timeout_s` for records, in offset order per partition, of the current assignment only."""

    def seek(self, partition: int, offset: int) -> None:
        """Read this owned partition from `offset` next."""

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Remember durably the next offset to read for each partition given."""

    def beginnings(self) -> dict[int, int]:
        """The offset of the first record of every owned partition that the log still has."""

    def ends(self) -> dict[int, int]:
        """The offset after the last record of every owned partition: lag is the end minus the position."""

    def close(self) -> None:
        """Leave the group."""


class Log(Protocol):
    """One log, not yet opened for writing or reading."""

    @property
    def log_id(self) -> str:
        """Identity made with the log: a recreated log has another one."""

    @property
    def partitions(self) -> int:
        """How many partitions; kept with the log, never changed under it."""

    def writer(self) -> LogWriter:
        """Open for appending. The SQLite log allows one writer; a second raises DirectoryOwned."""

    def reader(self, group: str) -> LogReader:
        """Join `group` as a reader."""

    def committed(self, group: str) -> dict[int, int]:
        """The next offset `group` will read of each partition, without joining it; absent when it never committed."""

    def close(self) -> None:
        """Let go of what looking at the log needed."""
