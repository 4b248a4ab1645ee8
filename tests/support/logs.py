"""Read a log in tests: bounded polling instead of sleeping."""

import time
from collections.abc import Callable, Mapping, Sequence

from safar.log import LogReader, LogRecord, NewRecord

_PATIENCE_S = 60


def read(reader: LogReader, count: int) -> list[LogRecord]:
    """Poll until `count` records have come; more than that is the caller's to notice."""
    records: list[LogRecord] = []
    until(lambda: len(records) >= count, lambda: records.extend(reader.poll(0.2)))
    return records


def until(reached: Callable[[], bool], step: Callable[[], object]) -> None:
    """Repeat `step` until `reached`, or fail after a minute."""
    deadline = time.monotonic() + _PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, "what the test waits for did not happen within a minute"
        step()


def owns(reader: LogReader, partitions: int) -> bool:
    """Whether the reader's assignment has this many partitions."""
    return len(reader.assignment().committed) == partitions


def lines(partition: int, values: Sequence[str]) -> list[NewRecord]:
    """Records of one line each."""
    return [NewRecord(partition, 1, value.encode()) for value in values]


def values(records: Sequence[LogRecord], partition: int = 0) -> list[str]:
    """The records of one partition as text, in the order they came."""
    return [record.value.decode() for record in records if record.partition == partition]


def after(records: Sequence[LogRecord]) -> Mapping[int, int]:
    """What to commit when all of `records` are stored."""
    return {record.partition: record.offset + 1 for record in records}
