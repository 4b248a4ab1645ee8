"""Step 5, the event-id layer: an event sent twice is stored once, exactly, inside a bounded window.

A filter says "certainly new" for nearly every event in a microsecond; only "maybe seen" is looked up in the store,
which decides. It can be local because a person's events, and every retry of them, come through one partition.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from safar.store import Store
from services.aggregator.id_filter import IdFilter
from services.aggregator.records import Head, Row

# ClickHouse takes 128 KiB as one parameter of a query.
_LOOKUP_BYTES = 100_000
# How many ids a start has to read from the store at most, because they are not in the kept filter.
_KEEP_EVERY = 2_000_000

_log = logging.getLogger(__name__)

# The id of a refused event is made by the collector: it comes twice only when a record does.
_ID_OF = {"events": "event_id", "failed_events": "failed_id"}

_LOOKUP = """
SELECT source, {name} AS id FROM {table}
WHERE {name} IN {{ids:Array(String)}} AND received_at >= fromUnixTimestamp64Milli({{since_ms:Int64}})
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
_SINCE = """
SELECT source, event_id FROM events
WHERE log_id = {log_id:String} AND log_partition = {partition:UInt32} AND log_offset >= {first:UInt64}
"""


@dataclass(frozen=True)
class Suspects:
    """Indices into a batch."""

    repeated: frozenset[int]
    """Rows whose id stands earlier in the batch."""
    maybe: Mapping[str, tuple[int, Head]]
    """By key: rows whose id may have been here before."""


class SeenIds:
    """Remembers at least the last `window_events` ids, for `window_days`; in `directory` also beyond a restart."""

    def __init__(self, store: Store, window_events: int, window_days: int, directory: Path | None = None) -> None:
        self._store = store
        self._capacity = window_events
        self._window = timedelta(days=window_days)
        self._directory = directory
        self._filter = IdFilter(window_events)
        self._unkept = 0
        # Up to which offset of each partition, exclusively, every stored id is remembered.
        self._covered: dict[int, int] = {}

    @property
    def remembered(self) -> int:
        """How many ids the newer filter holds."""
        return self._filter.count

    def learn(self, log_id: str, committed: Mapping[int, int], now: datetime) -> None:
        """Learn what the store has from the partitions now owned, committed up to here, and from other logs."""
        if not self._covered:
            self._restore(log_id, committed)
        if committed.keys() <= self._covered.keys():
            for partition in committed:
                asked = {"log_id": log_id, "partition": partition, "first": self._covered[partition]}
                self._add(self._store.column_blocks(_SINCE, asked))
        else:
            self._filter = IdFilter(self._capacity)
            self._add(self._store.column_blocks(_REMEMBERED, self._held(log_id, committed, now)))
        self._covered = dict(committed)

    def reached(self, committed: Mapping[int, int], log_id: str) -> None:
        """What was stored is committed up to here; keep what is remembered, now and then."""
        self._covered |= committed
        if self._directory and self._unkept >= _KEEP_EVERY:
            self._unkept = 0
            try:
                self._directory.mkdir(parents=True, exist_ok=True)
                self._filter.save(self._file(self._covered), log_id, self._covered)
            except OSError as error:
                _log.warning("The event ids are not kept beyond a restart: %s.", error.strerror)
                self._directory = None

    def _file(self, partitions: Iterable[int]) -> Path:
        """Several aggregators may share a directory; they never own the same partition."""
        assert self._directory
        return self._directory / f"seen-ids-{min(partitions)}"

    def _restore(self, log_id: str, committed: Mapping[int, int]) -> None:
        kept = IdFilter.load(self._file(committed), log_id, self._capacity) if self._directory and committed else None
        if kept and committed.keys() <= kept[1].keys():
            self._filter, self._covered = kept

    def _held(self, log_id: str, partitions: Iterable[int], now: datetime) -> dict[str, Any]:
        held: dict[str, Any] = {"log_id": log_id, "partitions": list(partitions), "since_ms": self._since_ms(now)}
        if self._store.query(_HOW_MANY, held)[0]["ids"] > self._capacity:
            held |= self._store.query(_CUTOFF, held | {"most": self._capacity})[0]
        return held

    def _add(self, blocks: Iterable[Sequence[Sequence[str]]]) -> None:
        for sources, ids in blocks:
            self._filter.add(map(_key, sources, ids))
            self._unkept += len(ids)

    def suspects(self, rows: Sequence[Row]) -> Suspects:
        """Which of `rows` are doubles of one before them, and which only the store can tell; remembers all."""
        places = [index for index, row in enumerate(rows) if row.head.id]
        keys = [f"{rows[index].head.source}\0{rows[index].head.id}" for index in places]  # _key, in half the time
        first = dict(zip(reversed(keys), reversed(places), strict=True))  # of equal keys the last one put in stays
        repeated: set[int] = set()
        if len(first) < len(keys):
            repeated.update(index for index, key in zip(places, keys, strict=True) if first[key] != index)
        maybe = self._filter.maybe_seen(list(first))
        self._unkept += len(first)
        return Suspects(frozenset(repeated), {key: (first[key], rows[first[key]].head) for key in maybe})

    def doubles(self, suspects: Suspects, now: datetime) -> frozenset[int]:
        """Indices of the rows whose id is stored, or stands earlier among them.

        To be asked when all rows before these are stored. Of what this object holds it uses nothing that changes.
        """
        found = set(suspects.repeated)
        for table in _ID_OF if suspects.maybe else ():
            of_table = {key: (index, head) for key, (index, head) in suspects.maybe.items() if head.table == table}
            stored = self._stored(table, [head.id for _, head in of_table.values()], now)
            found.update(index for key, (index, _) in of_table.items() if key in stored)
        return frozenset(found)

    def _stored(self, table: str, ids: Sequence[str], now: datetime) -> frozenset[str]:
        found: set[str] = set()
        for piece in _pieces(ids):
            sql = _LOOKUP.format(name=_ID_OF[table], table=table)
            rows = self._store.query(sql, {"ids": piece, "since_ms": self._since_ms(now)})
            found.update(_key(row["source"], row["id"]) for row in rows)
        return frozenset(found)

    def _since_ms(self, now: datetime) -> int:
        return round((now - self._window).timestamp() * 1000)


def _key(source: str, name: str) -> str:
    return f"{source}\0{name}"


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
