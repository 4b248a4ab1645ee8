"""Step 5 begins: records are gathered into batches, each cut by rows, bytes or age, whichever comes first."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from safar.log import LogRecord

_AGE_PER_ROW_S = 20e-6
_ROWS_WORTH_WAITING_FOR = 20_000


@dataclass(frozen=True)
class Limits:
    """When a batch is cut."""

    rows: int
    bytes: int
    age_s: float = 0.5
    quiet_age_s: float = 0.1

    def due(self, first: float, last: float, rows: int) -> float:
        """When a batch is cut at the latest, whose records came between the moments `first` and `last`.

        A quiet shop sees its events at once, a busy one makes large inserts: each leaves a part to be merged, and
        20,000 rows at once cost half as much a row as 3,000. More gain little. When nothing comes any more, nothing
        is waited for.
        """
        if rows >= _ROWS_WORTH_WAITING_FOR:
            return last
        return min(first + min(self.age_s, self.quiet_age_s + rows * _AGE_PER_ROW_S), last + self.quiet_age_s)


class Gathering:
    """The records that will be the next batch."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self.records: list[LogRecord] = []
        self._rows = self._bytes = 0
        self._first = self._last = 0.0

    def add(self, records: Sequence[LogRecord]) -> None:
        """What one poll gave, perhaps nothing."""
        if not records:
            return
        self._last = time.monotonic()
        if not self.records:
            self._first = self._last
        self.records += records
        self._rows += sum(record.count for record in records)
        self._bytes += sum(len(record.value) for record in records)

    def due_in_s(self) -> float:
        """How long more may be waited for; 0 when the batch is to be cut. Only of one that has records."""
        if self._rows >= self._limits.rows or self._bytes >= self._limits.bytes:
            return 0.0
        return max(0.0, self._limits.due(self._first, self._last, self._rows) - time.monotonic())
