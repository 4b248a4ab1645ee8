"""What is special about the embedded log: one writer, one file, damage, full disks, killed processes."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from safar.errors import ConfigError, DirectoryOwned, LogCorrupt, LogReplaced, LogUnavailable
from safar.log import Log, NewRecord, open_log, sqlite_file, sqlite_reader
from tests.support.logs import lines, open_together, read, until, values

GROUP = "aggregator"
APPENDING = """
import sys
from safar.log import NewRecord, open_log
writer = open_log(sys.argv[1]).writer()
for number in range(int(sys.argv[2])):
    writer.append([NewRecord(number % 2, 1, b"%d-%d" % (number, part)) for part in range(3)])
    print(number, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def log(directory: Path) -> Log:
    return open_log(f"sqlite://{directory}?partitions=2")


@pytest.fixture
def start_appending(directory: Path) -> Iterator[Callable[[int], "subprocess.Popen[str]"]]:
    """Another process that appends so many groups, tells each, and keeps the log open."""
    started: list[subprocess.Popen[str]] = []

    def start(groups: int) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", APPENDING, f"sqlite://{directory}?partitions=2", str(groups)]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
        started.append(subprocess.Popen(command, env=environment, text=True, **pipes))
        return started[-1]

    yield start
    for process in started:
        process.kill()
        process.communicate()


def told(process: "subprocess.Popen[str]", groups: int) -> None:
    """Wait until the process has told of so many groups."""
    assert process.stdout is not None
    for number in range(groups):
        assert process.stdout.readline() == f"{number}\n"


def damage(directory: Path, statement: str, *parameters: object) -> None:
    with closing(sqlite3.connect(directory / "records.db")) as file, file:
        file.execute(statement, parameters)


def append(log: Log, *records: NewRecord) -> None:
    with closing(log.writer()) as writer:
        writer.append(records)


def test_a_second_writer_is_refused_in_one_sentence(log, directory):
    refusal = rf"^Another collector writes to the log in {directory} \(process {os.getpid()}\)\.$"
    with closing(log.writer()), pytest.raises(DirectoryOwned, match=refusal):
        log.writer()
    log.writer().close()


def test_a_writer_in_another_process_is_named_and_its_death_lets_the_next_one_in(log, start_appending):
    owner = start_appending(1)
    told(owner, 1)
    with pytest.raises(DirectoryOwned, match=rf"\(process {owner.pid}\)\.$"):
        log.writer()
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    log.writer().close()


def test_a_second_reader_of_a_group_is_refused_and_other_groups_are_not(log):
    refusal = r"^Another aggregator reads the log in "
    with closing(log.reader(GROUP)), closing(log.reader("another")), pytest.raises(DirectoryOwned, match=refusal):
        log.reader(GROUP)
    log.reader(GROUP).close()


def test_a_directory_that_cannot_be_made_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^[^\n]+\.$"):
        open_log(f"sqlite://{tmp_path}/file/log")


def test_a_file_that_is_no_log_is_refused_in_one_sentence(directory):
    directory.mkdir()
    (directory / "records.db").write_bytes(b"no database" * 1000)
    with pytest.raises(ConfigError, match=r"^The log file .*records\.db cannot be opened: file is not a database\.$"):
        open_log(f"sqlite://{directory}")


def test_a_file_that_somebody_holds_is_unavailable_and_no_mistake_of_the_configuration(log, directory, monkeypatch):
    append(log, *lines(0, ["a"]))
    monkeypatch.setattr(sqlite_file, "_PATIENCE_S", 0.0)
    with closing(sqlite3.connect(directory / "records.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(
            LogUnavailable, match=r"^The log file .*records\.db cannot be opened: database is locked\.$"
        ):
            log.reader(GROUP)


def test_processes_that_open_a_new_directory_at_once_agree_on_one_log(tmp_path):
    found = open_together(f"sqlite://{tmp_path}", rounds=40, processes=3)
    assert len(found) == 40
    assert all(len(each) == 1 for each in found), found


def test_a_reader_sees_what_another_process_appends(log, start_appending):
    with closing(log.reader(GROUP)) as reader:
        assert reader.poll(0) == []
        start_appending(4)
        records = read(reader, 12)
    assert values(records, 0) == ["0-0", "0-1", "0-2", "2-0", "2-1", "2-2"]
    assert values(records, 1) == ["1-0", "1-1", "1-2", "3-0", "3-1", "3-2"]


def test_a_writer_killed_at_any_moment_loses_nothing_that_was_confirmed(log, start_appending):
    writing = start_appending(1_000_000)
    told(writing, 200)
    writing.send_signal(signal.SIGKILL)
    assert writing.stdout is not None
    confirmed = 200 + len(re.findall(r"\d+\n", writing.stdout.read()))
    with closing(log.reader(GROUP)) as reader:
        records = []
        ends = sum(reader.ends().values())
        until(lambda: len(records) >= ends, lambda: records.extend(reader.poll(0.2)))
    assert ends % 3 == 0, "a group is in the log whole or not at all"
    assert confirmed * 3 <= ends <= (confirmed + 1) * 3
    for partition in (0, 1):
        expected = [f"{number}-{part}" for number in range(partition, ends // 3, 2) for part in range(3)]
        assert values(records, partition) == expected


def test_a_damaged_record_is_met_after_those_before_it(log, directory):
    append(log, *lines(0, ["a", "b", "c"]))
    damage(directory, "UPDATE records SET value = x'00' WHERE key = 1")
    with closing(log.reader(GROUP)) as reader:
        assert values(read(reader, 1)) == ["a"]
        for _ in range(2):
            with pytest.raises(LogCorrupt, match=r"^Record 1 of partition 0 does not match its checksum\.$"):
                reader.poll(0)
        reader.seek(0, 2)
        assert values(read(reader, 1)) == ["c"]


def test_a_damaged_file_is_corrupt_in_one_sentence(log, directory):
    append(log, *lines(0, [str(number) * 500 for number in range(100, 300)]))
    size = (directory / "records.db").stat().st_size
    with (directory / "records.db").open("r+b") as file:
        fourth_page = 3 * int.from_bytes(file.read(18)[16:])  # behind the schema and the roots of the tables
        file.seek(fourth_page)
        file.write(b"\xff" * (size - fourth_page))
    for _ in range(2):
        with pytest.raises(LogCorrupt, match=r"^The log's file is damaged: [^\n]+\.$"):
            log.reader(GROUP)


def test_a_log_that_lost_its_tail_is_refused_and_stays_so(log, directory):
    append(log, *lines(1, ["a", "b"]))
    with closing(log.reader(GROUP)) as reader:
        reader.commit({1: 2})
    damage(directory, "DELETE FROM records WHERE key = ?", (1 << 48) + 1)
    for _ in range(2):
        with pytest.raises(LogReplaced, match=r"^Offset 2 of partition 1 is committed, but the log ends at 1: .*\.$"):
            log.reader(GROUP)
    with closing(log.reader("another")) as reader:
        assert values(read(reader, 1), 1) == ["a"]


def test_a_full_disk_is_unavailable_and_offsets_go_on_where_the_file_ends(log):
    with closing(log.writer()) as writer:
        writer.append(lines(0, ["before"]))
        (pages,) = writer._connection.execute("PRAGMA page_count").fetchone()
        writer._connection.execute(f"PRAGMA max_page_count = {pages + 5}")
        too_much = [NewRecord(number % 2, 1, bytes(32_000)) for number in range(20)]
        for _ in range(2):
            with pytest.raises(LogUnavailable, match=r"^The log did not take the records: .*full\.$"):
                writer.append([*lines(0, ["lost"]), *too_much])
        writer.append(lines(0, ["small"]))
        writer._connection.execute("PRAGMA max_page_count = 1000000")
        writer.append([*lines(0, ["after"]), *too_much])
    with closing(log.reader(GROUP)) as reader:
        records = read(reader, 23)
    assert values(records)[:3] == ["before", "small", "after"]
    for partition, count in ((0, 13), (1, 10)):
        assert [record.offset for record in records if record.partition == partition] == list(range(count))


def test_a_writer_that_finds_the_file_locked_is_unavailable_and_goes_on_after(log, directory):
    with (
        closing(log.writer()) as writer,
        closing(sqlite3.connect(directory / "records.db", isolation_level=None)) as other,
    ):
        writer._connection.execute("PRAGMA busy_timeout = 0")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogUnavailable, match="locked"):
            writer.append(lines(0, ["a"]))
        other.execute("COMMIT")
        writer.append(lines(0, ["b"]))
    with closing(log.reader(GROUP)) as reader:
        assert [(record.offset, record.value) for record in read(reader, 1)] == [(0, b"b")]


def test_a_writer_that_finds_its_offset_taken_goes_on_where_the_file_ends(log, directory):
    with closing(log.writer()) as writer:
        damage(directory, "INSERT INTO records VALUES (1, 1, 0, x'')")
        with pytest.raises(LogUnavailable, match="UNIQUE"):
            writer.append(lines(0, ["a", "b"]))
        writer.append(lines(0, ["c"]))
    with closing(log.reader(GROUP)) as reader:
        assert reader.ends() == {0: 3, 1: 0}
        assert [record.value for record in read(reader, 2)] == [b"", b"c"]


def test_a_commit_that_fails_is_unavailable_and_changes_nothing(log, directory):
    append(log, *lines(0, ["a", "b"]))
    with (
        closing(log.reader(GROUP)) as reader,
        closing(sqlite3.connect(directory / "commits.db", isolation_level=None)) as other,
    ):
        reader.commit({0: 1})
        reader._commits.execute("PRAGMA busy_timeout = 0")
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LogUnavailable, match=r"^The commit was not stored: .*locked\.$"):
            reader.commit({0: 2})
        other.execute("COMMIT")
        assert reader.assignment().committed == {0: 1, 1: 0}
        assert log.committed(GROUP) == {0: 1}
        reader.commit({0: 2})
        assert log.committed(GROUP) == {0: 2}


def test_commits_of_a_log_are_not_those_of_one_made_anew_beside_them(log, directory):
    append(log, *lines(0, ["a"]))
    with closing(log.reader(GROUP)) as reader:
        reader.commit({0: 1})
    for file in directory.glob("records.db*"):
        file.unlink()
    anew = open_log(f"sqlite://{directory}")
    assert anew.log_id != log.log_id
    assert anew.committed(GROUP) == {}
    with closing(anew.reader(GROUP)) as reader:
        assert reader.poll(0) == []


def test_one_poll_of_many_partitions_is_bounded(log, monkeypatch):
    monkeypatch.setattr(sqlite_reader, "_POLL_MAX_BYTES", 1000)
    append(log, *(NewRecord(number % 2, 1, bytes(100)) for number in range(100)))
    with closing(log.reader(GROUP)) as reader:
        sizes = []
        until(lambda: sum(sizes) == 100, lambda: sizes.append(len(reader.poll(0.2))))
    assert max(sizes) == 10


def test_a_record_larger_than_a_poll_comes_alone(log, monkeypatch):
    monkeypatch.setattr(sqlite_reader, "_POLL_MAX_BYTES", 1000)
    append(log, *lines(0, ["x" * 5000, "y" * 5000]))
    with closing(log.reader(GROUP)) as reader:
        assert [len(reader.poll(0)) for _ in range(3)] == [1, 1, 0]


def test_a_poll_that_stopped_early_does_not_keep_the_file_from_being_tidied(log, directory, monkeypatch):
    monkeypatch.setattr(sqlite_reader, "_POLL_MAX_BYTES", 2)
    with closing(log.writer()) as writer, closing(log.reader(GROUP)) as reader:
        writer.append(lines(0, ["a", "b", "c"]))
        assert values(reader.poll(0)) == ["a"]
        writer.append(lines(0, ["d"]))
        with closing(sqlite3.connect(directory / "records.db")) as other:
            (busy, _, _) = other.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        assert busy == 0
        assert (directory / "records.db-wal").stat().st_size == 0


def test_what_is_confirmed_is_written_through_to_the_disk(log):
    with closing(log.writer()) as writer, closing(log.reader(GROUP)) as reader:
        for connection in (writer._connection, reader._commits):
            assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
            assert connection.execute("PRAGMA synchronous").fetchone() == (2,)
