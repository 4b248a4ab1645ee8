"""Account for every position: what the log holds below the commit is in the store once, or has a reason not to be.

Reads only; repairs nothing.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from safar.errors import LogUnavailable
from safar.log import Log, LogReader, LogRecord
from safar.store.positions import POSITION_TABLES
from safar.store.store import Store

VERIFY_GROUP = "safar-verify"

_SLICE = 20_000
# Rows that one query groups: what the engine must hold in memory at once.
_GROUPED_ROWS = 1_000_000
_POLL_S = 1.0
_SILENCE_S = 30.0

_POSITIONS = " UNION ALL ".join(
    f"SELECT log_id, log_partition, log_epoch, log_offset, log_index, log_count FROM {table}"
    for table in POSITION_TABLES
)
_STORED = f"""
SELECT log_offset, log_epoch, count() AS rows, uniqExact(log_index) AS indices
FROM ({_POSITIONS})
WHERE log_id = {{log_id:String}} AND log_partition = {{partition:UInt32}}
  AND log_offset >= {{first:UInt64}} AND log_offset <= {{last:UInt64}}
GROUP BY log_offset, log_epoch
"""
# Of what the log no longer has the store alone can tell: each row says how many its record had.
_CUT = f"""
SELECT uniqExact(log_offset) AS offsets, countIf(rows != lines OR indices != lines) AS broken
FROM
(
    SELECT log_offset, any(log_count) AS lines, count() AS rows, uniqExact(log_index) AS indices
    FROM ({_POSITIONS})
    WHERE log_id = {{log_id:String}} AND log_partition = {{partition:UInt32}}
      AND log_offset >= {{first:UInt64}} AND log_offset < {{end:UInt64}}
    GROUP BY log_epoch, log_offset
)
"""
_READ = f"""
SELECT log_partition, max(log_offset) + 1 AS end FROM ({_POSITIONS})
WHERE log_id = {{log_id:String}} GROUP BY log_partition
"""
_TWICE = f"""
SELECT count() AS found FROM
(
    SELECT log_id, log_partition, log_epoch, log_offset, log_index FROM ({_POSITIONS})
    WHERE log_offset % {{parts:UInt32}} = {{part:UInt32}}
    GROUP BY ALL HAVING count() > 1
)
"""
_DOUBLE_IDS = """
SELECT count() AS found FROM
(
    SELECT source, event_id FROM events WHERE cityHash64(event_id) % {parts:UInt32} = {part:UInt32}
    GROUP BY source, event_id
    HAVING count() > 1 AND min(received_at) > max(received_at) - toIntervalDay({days:UInt32})
)
"""
_RAW = "SELECT count() AS events FROM events"
_PROJECTED = "SELECT sum(c) AS events FROM (SELECT count() AS c FROM events GROUP BY source, anonymous_id, user_id)"


@dataclass
class Verification:
    """What was found. `problems` is empty when every position is accounted for."""

    records: int = 0
    lines: int = 0
    tables: dict[str, int] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def verify(
    log: Log, store: Store, group: str, id_window_days: int, progress: Callable[[int], object] = lambda _: None
) -> Verification:
    """Compare the log below the commit of `group` with the store."""
    result = Verification()
    result.tables = {table: _one(store, f"SELECT count() AS n FROM {table}") for table in POSITION_TABLES}
    committed = log.committed(group)
    reader = log.reader(VERIFY_GROUP)
    try:
        beginnings = _beginnings(reader, committed)
        _check_cut(log.log_id, beginnings, store, result)
        for piece in _slices(reader, committed, beginnings):
            _check_slice(log.log_id, piece, store, result)
            progress(sum(record.count for record in piece))
        _check_tails(log.log_id, reader, committed, store, result)
    finally:
        reader.close()
    _check_doubles(store, id_window_days, result)
    return result


def _beginnings(reader: LogReader, committed: Mapping[int, int]) -> dict[int, int]:
    """Where the log begins, once it says so: a member of a group owns nothing at first."""
    deadline = time.monotonic() + _SILENCE_S
    while not committed.keys() <= reader.assignment().committed.keys():
        reader.poll(0)
        if time.monotonic() > deadline:
            raise LogUnavailable(f"The log gave nothing for {_SILENCE_S:.0f} s.")
    for partition, first in reader.beginnings().items():
        reader.seek(partition, first)
    return reader.beginnings()


def _check_cut(log_id: str, beginnings: Mapping[int, int], store: Store, result: Verification) -> None:
    """The records that the log no longer keeps: they must be in the store, from the first to the last."""
    for partition, beginning in beginnings.items():
        for first in range(0, beginning, _SLICE):
            end = min(first + _SLICE, beginning)
            asked = {"log_id": log_id, "partition": partition, "first": first, "end": end}
            found = store.query(_CUT, asked)[0]
            where = f"partition {partition}, offsets {first} to {end - 1}, which the log no longer has"
            if found["broken"]:
                result.problems.append(f"{where}: {found['broken']} records are not in the store once")
            if found["offsets"] != end - first:
                result.problems.append(f"{where}: {end - first - found['offsets']} records are missing from the store")


def _slices(
    reader: LogReader, committed: Mapping[int, int], beginnings: Mapping[int, int]
) -> Iterator[list[LogRecord]]:
    """The records below the commit, a few thousand of one partition at a time, without their values."""
    waiting: dict[int, list[LogRecord]] = {}
    read = {partition: first for partition, first in beginnings.items() if partition in committed}
    ends = dict(committed)
    heard = time.monotonic()
    while any(read[partition] < min(end, ends.get(partition, end)) for partition, end in committed.items()):
        records = reader.poll(_POLL_S)
        if records:
            heard = time.monotonic()
        elif time.monotonic() - heard > _SILENCE_S:
            raise LogUnavailable(f"The log gave nothing for {_SILENCE_S:.0f} s, before the commit was reached.")
        else:
            ends = reader.ends()  # a log that lost its tail never reaches the commit
        for record in records:
            read[record.partition] = record.offset + 1
            if record.offset < committed.get(record.partition, 0):
                waiting.setdefault(record.partition, []).append(replace(record, value=b""))
        for partition in [p for p, held in waiting.items() if len(held) >= _SLICE]:
            yield waiting.pop(partition)
    yield from waiting.values()


def _check_slice(log_id: str, records: list[LogRecord], store: Store, result: Verification) -> None:
    partition = records[0].partition
    parameters = {
        "log_id": log_id,
        "partition": partition,
        "first": records[0].offset,
        "last": records[-1].offset,
    }
    stored = {(row["log_epoch"], row["log_offset"]): row for row in store.query(_STORED, parameters)}
    for record in records:
        result.records += 1
        result.lines += record.count
        row = stored.pop((record.epoch, record.offset), None)
        result.problems += _compare(record, row)
    result.problems += [f"partition {partition}, offset {offset}: in the store, not in the log" for _, offset in stored]


def _compare(record: LogRecord, row: Mapping[str, int] | None) -> Iterator[str]:
    where = f"partition {record.partition}, offset {record.offset}"
    indices, rows = (row["indices"], row["rows"]) if row else (0, 0)
    if indices < record.count:
        yield f"{where}: {record.count - indices} of {record.count} lines are missing from the store"
    if rows > indices:
        yield f"{where}: {rows - indices} lines are stored more than once"


def _check_tails(
    log_id: str, reader: LogReader, committed: Mapping[int, int], store: Store, result: Verification
) -> None:
    """Whatever was read from the log must still be in it."""
    stored = {row["log_partition"]: row["end"] for row in store.query(_READ, {"log_id": log_id})}
    for partition, end in reader.ends().items():
        read = max(committed.get(partition, 0), stored.get(partition, 0))
        if read > end:
            result.problems.append(f"partition {partition}: read up to offset {read}, but the log ends at {end}")


def _check_doubles(store: Store, id_window_days: int, result: Verification) -> None:
    if twice := _in_parts(store, _TWICE, sum(result.tables.values()), {}):
        result.problems.append(f"{twice} positions are stored more than once")
    if ids := _in_parts(store, _DOUBLE_IDS, result.tables["events"], {"days": id_window_days}):
        result.problems.append(f"{ids} event ids are stored more than once")
    # Events may come in meanwhile: the projection must count something between before and after.
    before, projected, after = _one(store, _RAW), _one(store, _PROJECTED), _one(store, _RAW)
    if not before <= projected <= after:
        result.problems.append(f"the projection counts {projected} events, the table has {after}")


def _in_parts(store: Store, sql: str, rows: int, parameters: Mapping[str, int]) -> int:
    """The sum of what `sql` finds in each part of the table's rows."""
    parts = 1 + rows // _GROUPED_ROWS
    asked = [{**parameters, "parts": parts, "part": part} for part in range(parts)]
    return sum(store.query(sql, each)[0]["found"] for each in asked)


def _one(store: Store, sql: str) -> int:
    (value,) = store.query(sql)[0].values()
    return int(value or 0)
