"""Step 5, the event-id layer: an event sent twice is stored once, exactly, inside a bounded window.

A Bloom filter says "certainly new" for nearly every event in a third of a microsecond; only "maybe seen" is looked up
in the store, which decides. It can be local because a person's events, and every retry of them, come through one
partition.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from rbloom import Bloom

from safar.store import Store
from services.aggregator.records import Row

_FALSE_POSITIVES = 0.001
# ClickHouse takes 128 KiB as one parameter of a query.
_LOOKUP_BYTES = 100_000

_Key = tuple[str, str]
"""(source, event id)."""

_LOOKUP = """
SELECT source, event_id FROM events
WHERE event_id IN {ids:Array(String)} AND received_at >= fromUnixTimestamp64Milli({since_ms:Int64})
"""
# Another log's events are those of this source before its log was made anew.
_HELD = """
FROM events WHERE received_at >= fromUnixTimestamp64Milli({since_ms:Int64})
    AND (log_id != {log_id:String} OR has({partitions:Array(UInt32)}, log_partition))
"""
_HOW_MANY = f"SELECT count() AS ids {_HELD}"
_CUTOFF = f"""
SELECT toUnixTimestamp64Milli(received_at) AS since_ms {_HELD} ORDER BY received_at DESC LIMIT 1 OFFSET {{most:UInt64}}
"""
_REMEMBERED = f"SELECT source, event_id {_HELD}"


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

    def load(self, log_id: str, partitions: Sequence[int], now: datetime) -> None:
        """Learn what the store has from these partitions and from other logs: after a start, or a rebalance."""
        held: dict[str, Any] = {"log_id": log_id, "partitions": list(partitions), "since_ms": self._since_ms(now)}
        if self._store.query(_HOW_MANY, held)[0]["ids"] > self._capacity:
            held |= self._store.query(_CUTOFF, held | {"most": self._capacity})[0]
        for sources, ids in self._store.column_blocks(_REMEMBERED, held):
            for key in zip(sources, ids, strict=True):
                self._add(key)

    def doubles(self, rows: Sequence[Row], now: datetime) -> frozenset[int]:
        """Indices of the rows whose event id was stored before or stands earlier in `rows`."""
        places = [index for index, row in enumerate(rows) if row.head.table == "events"]
        keys = [(rows[index].head.source, rows[index].head.event_id) for index in places]
        first = dict(zip(reversed(keys), reversed(places), strict=True))  # of equal keys the last one put in stays
        found: set[int] = set()
        if len(first) < len(keys):
            found.update(index for index, key in zip(places, keys, strict=True) if first[key] != index)
        maybe = self._maybe_seen(first)
        stored = self._stored([event_id for _, event_id in maybe], now)
        found.update(first[key] for key in maybe if key in stored)
        return frozenset(found)

    def _maybe_seen(self, keys: Mapping[_Key, int]) -> list[_Key]:
        """Which of `keys` may have been here before; all have from now on."""
        current, previous = self._current, self._previous
        here = [key for key in keys if key in current]
        before = [key for key in keys if key in previous] if previous is not None else []
        if self._count + len(keys) - len(here) > self._capacity:
            for key in keys.keys() - set(here):
                self._add(key)
        else:
            current.update(keys)
            self._count += len(keys) - len(here)
        return list(dict.fromkeys(here + before))

    def _stored(self, ids: Sequence[str], now: datetime) -> frozenset[_Key]:
        found: set[_Key] = set()
        for piece in _pieces(ids):
            rows = self._store.query(_LOOKUP, {"ids": piece, "since_ms": self._since_ms(now)})
            found.update((row["source"], row["event_id"]) for row in rows)
        return frozenset(found)

    def _since_ms(self, now: datetime) -> int:
        return round((now - self._window).timestamp() * 1000)

    def _add(self, key: _Key) -> None:
        if self._count >= self._capacity:
            self._previous, self._current, self._count = self._current, Bloom(self._capacity, _FALSE_POSITIVES), 0
        self._current.add(key)
        self._count += 1


def _pieces(ids: Iterable[str]) -> Iterator[list[str]]:
    """Cut `ids` so that each piece fits into one query."""
    piece: list[str] = []
    room = _LOOKUP_BYTES
    for event_id in ids:
        size = len(repr(event_id).encode()) + 1
        if size > room:
            yield piece
            piece, room = [], _LOOKUP_BYTES
        piece.append(event_id)
        room -= size
    if piece:
        yield piece
