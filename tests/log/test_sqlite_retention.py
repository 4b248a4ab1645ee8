"""What an embedded log keeps: never less than what is not committed, never more than it may."""

import shutil
import sqlite3
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from safar.errors import LogFull, LogReplaced
from safar.log import Log, NewRecord, open_log, sqlite_writer
from safar.log.sqlite_writer import SqliteWriter
from tests.support.logs import lines, read, values

GROUP = "aggregator"
BIG = bytes(200_000)


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "log"


def opened(directory: Path, options: str) -> Log:
    return open_log(f"sqlite://{directory}?{options}")


def append(log: Log, *records: NewRecord) -> None:
    with closing(log.writer()) as writer:
        writer.append(records)


def commit(log: Log, offsets: Mapping[int, int], group: str = GROUP) -> None:
    with closing(log.reader(group)) as reader:
        reader.commit(offsets)


def kept(log: Log) -> dict[int, tuple[int, int]]:
    """From where to where each partition goes."""
    with closing(log.reader("looking")) as reader:
        ends = reader.ends()
        return {partition: (first, ends[partition]) for partition, first in reader.beginnings().items()}


def age(directory: Path, hours: float) -> None:
    with closing(sqlite3.connect(directory / "records.db")) as file, file:
        file.execute("UPDATE segments SET begun = begun - ?", (hours * 3600,))


def cut(log: Log) -> int:
    with closing(log.writer()) as writer:
        assert isinstance(writer, SqliteWriter)
        return writer.cut()


def test_what_is_committed_and_old_goes_and_the_rest_stays(directory):
    log = opened(directory, "partitions=2&retention_hours=5")
    append(log, *lines(0, "abc"), *lines(1, "xyz"))
    age(directory, 6)
    append(log, *lines(0, "de"))
    commit(log, {0: 4, 1: 2})
    assert cut(log) == 5
    assert kept(log) == {0: (3, 5), 1: (2, 3)}


def test_what_no_group_has_committed_stays_however_old_and_large_it_is(directory):
    log = opened(directory, "retention_hours=1&retention_bytes=1")
    append(log, *lines(0, "ab"))
    age(directory, 100)
    append(log, *lines(0, "c"))
    assert cut(log) == 0


def test_the_slowest_group_decides(directory):
    log = opened(directory, "retention_bytes=1")
    append(log, *lines(0, "abcdef"))
    commit(log, {0: 5})
    commit(log, {0: 2}, "slow")
    assert cut(log) == 2
    assert kept(log) == {0: (2, 6)}


def test_a_log_over_its_size_is_cut_to_what_is_not_committed(directory):
    log = opened(directory, "retention_bytes=1000000")
    append(log, *[NewRecord(0, 1, BIG)] * 10)
    commit(log, {0: 8})
    append(log, *lines(0, ["next"]))
    assert kept(log) == {0: (8, 11)}


def test_a_log_within_its_size_is_not_cut(directory):
    log = opened(directory, "retention_bytes=100000000")
    append(log, *[NewRecord(0, 1, BIG)] * 10)
    commit(log, {0: 8})
    append(log, *lines(0, ["next"]))
    assert kept(log) == {0: (0, 11)}


def test_offsets_go_on_after_everything_was_committed_and_cut(directory):
    log = opened(directory, "retention_bytes=1")
    append(log, *lines(0, "abc"))
    commit(log, {0: 3})
    cut(log)
    append(log, *lines(0, "d"))
    assert kept(log)[0][1] == 4
    with closing(log.reader(GROUP)) as reader:
        (record,) = read(reader, 1)
        assert (record.offset, record.value) == (3, b"d")


def test_a_new_group_begins_where_the_log_begins_now(directory):
    log = opened(directory, "retention_bytes=1")
    append(log, *lines(0, "abc"))
    commit(log, {0: 2})
    cut(log)
    with closing(log.reader("new")) as reader:
        assert reader.assignment().committed == {0: 2}
        assert values(read(reader, 1)) == ["c"]


def test_the_file_does_not_grow_when_what_comes_is_read(directory):
    log = opened(directory, "retention_bytes=3000000")
    with closing(log.writer()) as writer, closing(log.reader(GROUP)) as reader:
        assert isinstance(writer, SqliteWriter)
        for offset in range(200):
            writer.append([NewRecord(0, 1, BIG)])
            reader.commit({0: offset + 1})
            writer.cut()
        (pages,) = writer._connection.execute("PRAGMA page_count").fetchone()
    assert pages * 32768 < 4_000_000


def test_a_log_that_may_not_grow_refuses_and_goes_on_when_it_was_read(directory):
    log = opened(directory, "most_bytes=1000000&retention_hours=0")
    with closing(log.writer()) as writer, closing(log.reader(GROUP)) as reader:
        writer.append([NewRecord(0, 1, BIG)] * 6)
        with pytest.raises(LogFull, match="as large as it may be"):
            writer.append(lines(0, ["refused"]))
        assert reader.ends() == {0: 6}
        reader.commit({0: 6})
        writer.append(lines(0, ["taken"]))
        assert reader.ends() == {0: 7}


def test_every_writer_has_an_epoch_of_its_own(directory):
    log = opened(directory, "partitions=2")
    append(log, *lines(0, "ab"), *lines(1, "x"))
    append(log, *lines(0, "c"))
    with closing(log.reader(GROUP)) as reader:
        records = read(reader, 4)
    first, second = records[0].epoch, records[2].epoch
    assert 0 < first < second
    assert [record.epoch for record in records] == [first, first, second, first]


def test_records_of_a_log_from_before_there_were_segments_have_epoch_0(directory):
    log = opened(directory, "")
    append(log, *lines(0, "a"))
    with closing(sqlite3.connect(directory / "records.db")) as file, file:
        file.execute("DROP TABLE segments")
    log = opened(directory, "")
    append(log, *lines(0, "b"))
    with closing(log.reader(GROUP)) as reader:
        assert [record.epoch > 0 for record in read(reader, 2)] == [False, True]


def test_a_copy_put_back_that_has_grown_since_is_refused_in_words_and_can_be_read_anew(
    directory, tmp_path, monkeypatch
):
    log = opened(directory, "")
    append(log, *lines(0, "a"))
    shutil.copytree(directory, tmp_path / "copy")
    append(log, *lines(0, "bcd"))
    commit(log, {0: 4})
    for file in directory.glob("records.db*"):
        file.unlink()
    for file in (tmp_path / "copy").glob("records.db*"):
        shutil.copy(file, directory)
    now = time.time()
    monkeypatch.setattr(sqlite_writer.time, "time", lambda: now + 3600)
    append(log, *lines(0, "BCDEF"))
    with pytest.raises(LogReplaced, match=r"Offset 3 of partition 0 is committed, but another record stands there now"):
        log.reader(GROUP)
    (directory / "commits.db").unlink()
    with closing(log.reader(GROUP)) as reader:
        assert values(read(reader, 6)) == ["a", "B", "C", "D", "E", "F"]


@pytest.mark.parametrize("option", ["retention_hours=-1", "most_bytes=many", "retention_bytes=1.5"])
def test_an_option_that_makes_no_sense_is_refused_with_its_rule(directory, option):
    with pytest.raises(Exception, match=r"^SAFAR_LOG_URL: \w+ must be a number from 0 to \d+, not "):
        opened(directory, option)
