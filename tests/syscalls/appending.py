"""Programs to be killed: appends to an embedded log, and what must be true of the log afterwards.

`append` starts when the write-ahead log is nearly full: a checkpoint and a new start of the write-ahead log fall
between its appends. `create` makes a log and appends to it, `close` ends a writer. Each append that returned, or was
refused, leaves a note that says so. `prepare` and `nothing` are what they start from.
"""

import sqlite3
from collections.abc import Collection, Sequence
from contextlib import closing, suppress
from pathlib import Path

from safar.errors import LogUnavailable, SafarError
from safar.log import Log, LogWriter, NewRecord, open_log
from tests.syscalls.calls import BEGIN, END, NOTES

_FILL = [[20_000] * 20, *[[300]] * 186]
"""The first appends, which leave a few frames less in the write-ahead log than a checkpoint takes."""
_APPENDS = [*_FILL, [100], [40_000], [300, 70_000, 10], [100], [30_000], [10, 10]]
"""The sizes of the records of each append."""
_LAST = len(_APPENDS)
_AFTER_DEATH = _LAST + 1
_READER = "check"

FIRST = len(_FILL)
"""The append that `append` begins with."""


def group(number: int) -> list[NewRecord]:
    """The records of an append, over both partitions; each says which it is."""
    sizes = _APPENDS[number] if number < _LAST else [50]
    return [NewRecord(place % 2, 1, b"%d/%d " % (number, place) + bytes(size)) for place, size in enumerate(sizes)]


def nothing(directory: Path) -> list[str]:
    """No log."""
    return []


def prepare(directory: Path) -> list[str]:
    """An empty log."""
    _log(directory)
    return []


def append(directory: Path) -> list[str]:
    """Append group by group; the last one after the mark, where no fault comes any more."""
    with closing(_filled(directory)) as writer:
        (directory / BEGIN).touch()
        for number in range(FIRST, _LAST):
            _try(directory, number, writer)
        (directory / END).touch()
        _try(directory, _LAST, writer)
    return ["the writer does not go on"] if (directory / NOTES / f"refused.{_LAST}").exists() else []


def create(directory: Path) -> list[str]:
    """Make the log and append two groups; a fault may come before there is a log, and is then said in our words."""
    (directory / BEGIN).touch()
    with suppress(SafarError), closing(_log(directory).writer()) as writer:
        for number in (0, FIRST):
            _try(directory, number, writer)
    (directory / END).touch()
    return []


def close(directory: Path) -> list[str]:
    """The end of a writer."""
    writer = _filled(directory)
    (directory / BEGIN).touch()
    writer.close()
    (directory / END).touch()
    return []


def check(directory: Path, acknowledged: Collection[int]) -> list[str]:
    """What is wrong with the log, in words: each append is in it whole or not at all, once, in order; those that were
    acknowledged are; and the log takes another."""
    try:
        log = _log(directory)
        found = _values(log)
        with closing(log.writer()) as writer:
            writer.append(group(_AFTER_DEATH))
        after = _values(log)
    except SafarError as error:
        return [str(error)]
    problems = [f"append {number} was acknowledged and is lost" for number in acknowledged if not _holds(found, number)]
    whole = [record for number in range(_LAST + 1) if _holds(found, number) for record in group(number)]
    for partition in range(2):
        expected = [record.value for record in whole if record.partition == partition]
        if found[partition] != expected:
            problems.append(f"partition {partition}: {_names(found[partition])}, not {_names(expected)}")
    if after != [found[0] + [group(_AFTER_DEATH)[0].value], found[1]]:
        problems.append("the append after the restart is not at the log's end")
    with closing(sqlite3.connect(directory / "log/records.db")) as file:
        problems += [answer for (answer,) in file.execute("PRAGMA integrity_check") if answer != "ok"]
    return problems


def _log(directory: Path) -> Log:
    return open_log(f"sqlite://{directory}/log?partitions=2")


def _filled(directory: Path) -> LogWriter:
    writer = _log(directory).writer()
    for number in range(FIRST):
        _try(directory, number, writer)
    return writer


def _try(directory: Path, number: int, writer: LogWriter) -> None:
    try:
        writer.append(group(number))
    except LogUnavailable:
        (directory / NOTES / f"refused.{number}").touch()
    else:
        (directory / NOTES / f"acknowledged.{number}").touch()


def _values(log: Log) -> list[list[bytes]]:
    """Everything the log holds, by partition; a record that does not match its checksum is LogCorrupt."""
    with closing(log.reader(_READER)) as reader:
        found: list[list[bytes]] = [[], []]
        while records := reader.poll(0):
            for record in records:
                found[record.partition].append(record.value)
    return found


def _holds(found: Sequence[Sequence[bytes]], number: int) -> bool:
    first = group(number)[0]
    return first.value in found[first.partition]


def _names(values: Sequence[bytes]) -> str:
    return " ".join(value[:8].split()[0].decode() for value in values[-10:])
