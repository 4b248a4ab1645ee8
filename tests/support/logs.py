"""Read a log in tests: bounded polling instead of sleeping."""

import multiprocessing
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.queues import SimpleQueue
from multiprocessing.synchronize import Barrier

from safar.errors import SafarError
from safar.log import LogReader, LogRecord, NewRecord, open_log

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


def open_together(url: str, rounds: int, processes: int) -> list[set[str]]:
    """Let several processes open `rounds` new logs, each at the same moment; the identities they found, by round."""
    spawn = multiprocessing.get_context("spawn")
    together, answers = spawn.Barrier(processes), spawn.SimpleQueue()
    started = [spawn.Process(target=_open_each, args=(url, rounds, together, answers)) for _ in range(processes)]
    for process in started:
        process.start()
    found = [answers.get() for _ in started]
    for process in started:
        process.join()
    return [set(each) for each in zip(*found, strict=True)]


def _open_each(url: str, rounds: int, together: Barrier, answers: "SimpleQueue[list[str]]") -> None:
    found = []
    for number in range(rounds):
        together.wait(_PATIENCE_S)
        try:
            log = open_log(f"{url}/{number}")
            log.committed("group")
            found.append(log.log_id)
        except SafarError as error:
            found.append(str(error))
    answers.put(found)
