"""Step 6: one batch into the store. Rows and positions arrive together; the offset is committed after."""

import logging
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from safar.errors import StoreUnavailable
from safar.store import RowsRefused, Store
from safar.store.fence import Fence
from safar.telemetry import AggregatorMetrics
from services.aggregator.records import Row, Skipped, dead_letter

# When a batch has more unstorable rows than this, it is not the rows: stop, rather than bury the log.
_DEAD_LETTER_LIMIT = 1000

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Batch:
    """By what name a batch is known to the store, and by what right it is inserted."""

    token: str
    fence: Fence | None = None

    def part(self, name: str) -> "Batch":
        """One insert of the batch."""
        return Batch(f"{self.token}:{name}", self.fence)


class Sink:
    """Inserts the rows of a batch, in pieces that are each one atomic insert."""

    def __init__(self, store: Store, metrics: AggregatorMetrics) -> None:
        self._store = store
        self._metrics = metrics

    def write(self, rows: Sequence[Row], skipped: Sequence[Skipped], batch: Batch, now: datetime) -> None:
        """Return when every row is stored. StoreUnavailable: some may be; read the positions before going on."""
        by_table: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            by_table[row.head.table].append(row)
        dead: list[Row] = []
        for table, its_rows in by_table.items():
            self._insert(table, its_rows, batch.part(table), dead, now)
        self._insert_lines("failed_events", [row.text for row in dead], batch.part("dead"))
        self._insert_lines("skipped_positions", [entry.json() for entry in skipped], batch.part("skipped"))
        self._metrics.duplicates.inc(len(skipped))
        self._metrics.dead_letters.inc(len(dead))

    def _insert(self, table: str, rows: Sequence[Row], batch: Batch, dead: list[Row], now: datetime) -> None:
        """Insert; when the store refuses a row, halve until it stands alone and becomes a dead letter.

        A refused insert stores nothing: it is parsed whole before anything is written.
        """
        try:
            self._insert_lines(table, [row.text for row in rows], batch)
        except RowsRefused as refusal:
            if len(rows) == 1:
                # The position only: the refusal quotes the row.
                _log.warning("The store refused a row; it is kept in failed_events: %s.", rows[0].position.decode())
                dead.append(dead_letter(rows[0].line, rows[0].place, rows[0].index, str(refusal), now))
                if len(dead) > _DEAD_LETTER_LIMIT:
                    raise StoreUnavailable("The store refuses row after row; its tables do not fit.") from refusal
                return
            middle = len(rows) // 2
            self._insert(table, rows[:middle], batch.part("<"), dead, now)
            self._insert(table, rows[middle:], batch.part(">"), dead, now)

    def _insert_lines(self, table: str, lines: Sequence[bytes], batch: Batch) -> None:
        if not lines:
            return
        self._store.insert_lines(table, b"\n".join(lines), batch.token, batch.fence)
        self._metrics.rows.labels(table).inc(len(lines))
