"""The event-id layer: an event sent twice is stored once, exactly, inside a bounded window.

A Bloom filter says "certainly new" for nearly every event in a third of a microsecond; only "maybe seen" is looked up
in the store, which decides. It can be local because a person's events, and every retry of them, come through one
partition.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from rbloom import Bloom

from safar.store import Store
from services.aggregator.records import Row

_FALSE_POSITIVES = 0.001
_LOOKUP = """
SELECT source, event_id FROM events
WHERE event_id IN {ids:Array(String)} AND received_at >= {since:DateTime64(3)}
"""
_REMEMBERED = """
SELECT source, event_id FROM events
WHERE log_id = {log_id:String} AND log_partition = {partition:UInt32} AND received_at >= {since:DateTime64(3)}
ORDER BY received_at DESC LIMIT {most:UInt64}
"""


class SeenIds:
    """Remembers at least the last `window_events` ids, for `window_days`."""

    def __init__(self, store: Store, window_events: int, window_days: int) -> None:
        self._store = store
        self._capacity = window_events
        self._window = timedelta(days=window_days)
        self.forget()

    def forget(self) -> None:
        """Start empty."""
        self._current = Bloom(self._capacity, _FALSE_POSITIVES)
        # The generation before: when the current one is full it becomes this one, and memory stays bounded.
        self._previous: Bloom | None = None
        self._count = 0

    @property
    def remembered(self) -> int:
        """How many ids the current generation holds."""
        return self._count

    def load(self, log_id: str, partition: int, now: datetime) -> None:
        """Learn the ids that the store has from this partition: after a start, or when it was another's."""
        parameters = {
            "log_id": log_id,
            "partition": partition,
            "since": now - self._window,
            "most": self._capacity,
        }
        client = self._store.client()
        with client.query_column_block_stream(_REMEMBERED, parameters=parameters) as blocks:
            for sources, ids in blocks:
                for key in zip(sources, ids, strict=True):
                    self._add(key)

    def doubles(self, rows: Sequence[Row], now: datetime) -> frozenset[int]:
        """Indices of the rows whose event id was stored before or stands earlier in `rows`."""
        found: set[int] = set()
        first: dict[tuple[str, str], int] = {}
        maybe: list[int] = []
        for index, row in enumerate(rows):
            if row.table != "events":
                continue
            key = (row.source, row.event_id)
            if first.setdefault(key, index) != index:
                found.add(index)
            elif key in self._current or (self._previous is not None and key in self._previous):
                maybe.append(index)
            else:
                self._add(key)
        stored = self._stored([rows[index] for index in maybe], now)
        found.update(index for index in maybe if (rows[index].source, rows[index].event_id) in stored)
        return frozenset(found)

    def _stored(self, rows: Sequence[Row], now: datetime) -> frozenset[tuple[str, str]]:
        if not rows:
            return frozenset()
        parameters = {"ids": [row.event_id for row in rows], "since": now - self._window}
        return frozenset((row["source"], row["event_id"]) for row in self._store.query(_LOOKUP, parameters))

    def _add(self, key: tuple[str, str]) -> None:
        if self._count >= self._capacity:
            self._previous, self._current, self._count = (
                self._current,
                Bloom(self._capacity, _FALSE_POSITIVES),
                0,
            )
        self._current.add(key)
        self._count += 1
