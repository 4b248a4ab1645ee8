"""The spool: what the log does not take is on disk, comes into the log in order, and is never too much."""

import shutil
import threading
import uuid
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from safar.errors import ConfigError, DirectoryOwned, LogFull, LogUnavailable
from safar.log import Log, LogRecord, NewRecord, open_log, spool
from safar.log.spool import Spool, SpooledLog, SpoolingWriter
from safar.log.sqlite_reader import SqliteReader
from tests.support.kafka_broker import KafkaBroker
from tests.support.logs import lines, read, until, values

MIB = 1 << 20


@dataclass
class Behind:
    """A log that can be away: a real one, whose writer and address fail while it is."""

    directory: Path
    away: threading.Event = field(default_factory=threading.Event)
    slow: threading.Event = field(default_factory=threading.Event)

    def connect(self) -> Log:
        self._here()
        log = open_log(f"sqlite://{self.directory}?partitions=2")
        log.writer = lambda: closing_writer(self, type(log).writer(log))  # type: ignore[method-assign]
        return log

    def _here(self) -> None:
        if self.away.is_set():
            raise LogUnavailable("The log is away.")

    def records(self) -> list[LogRecord]:
        with closing(open_log(f"sqlite://{self.directory}").reader("test")) as reader:
            return read(reader, sum(reader.ends().values()))


def closing_writer(behind: Behind, writer):
    """The real writer, as far as the log is there."""
    append = writer.append

    def append_when_here(records: Sequence[NewRecord]) -> None:
        behind._here()
        while behind.slow.is_set():
            threading.Event().wait(0.01)
        append(records)

    writer.append = append_when_here
    return writer


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_BACKOFF_FIRST_S", 0.01)
    monkeypatch.setattr(spool, "_BACKOFF_MOST_S", 0.05)


@pytest.fixture
def behind(tmp_path) -> Behind:
    return Behind(tmp_path / "log")


@pytest.fixture
def place(tmp_path) -> Spool:
    return Spool(f"{tmp_path}/spool", 10 * MIB)


@pytest.fixture
def writer(behind: Behind, place: Spool) -> Iterator[SpoolingWriter]:
    with closing(SpooledLog(behind.connect, place)) as log, closing(log.writer()) as opened:
        yield opened
        behind.away.clear()
        behind.slow.clear()


def wait(seconds: float = 0.01) -> None:
    threading.Event().wait(seconds)


def is_empty(writer: SpoolingWriter) -> bool:
    return not writer._behind.is_set()


def test_while_the_log_answers_nothing_is_spooled(writer, behind):
    writer.append(lines(0, "ab"))
    assert values(behind.records()) == ["a", "b"]
    assert writer.spooled_bytes == 0


def test_what_comes_while_the_log_is_away_comes_into_it_in_order(writer, behind):
    writer.append(lines(0, ["before"]))
    behind.away.set()
    for number in range(20):
        writer.append([*lines(0, [str(number)]), *lines(1, [str(-number)])])
    assert writer.spooled_bytes > 0
    behind.away.clear()
    until(lambda: is_empty(writer), wait)
    writer.append(lines(0, ["after"]))
    assert values(behind.records()) == ["before", *map(str, range(20)), "after"]
    assert values(behind.records(), 1) == [str(-number) for number in range(20)]
    assert writer.spooled_bytes == 0


def test_what_comes_before_the_spool_is_empty_waits_behind_it(writer, behind):
    behind.away.set()
    writer.append(lines(0, "a"))
    behind.slow.set()
    behind.away.clear()
    writer.append(lines(0, "b"))
    behind.slow.clear()
    until(lambda: is_empty(writer), wait)
    assert values(behind.records()) == ["a", "b"]


def test_a_log_that_does_not_confirm_in_time_costs_nobody_more_than_that(writer, behind, monkeypatch):
    """It may confirm after all: then the same lines are in the log twice, for the event-id layer to see."""
    monkeypatch.setattr(spool, "_PATIENCE_S", 0.05)
    behind.slow.set()
    writer.append(lines(0, "a"))
    writer.append(lines(0, "b"))
    behind.slow.clear()
    until(lambda: is_empty(writer), wait)
    assert values(behind.records()) == ["a", "a", "b"]


def test_a_fault_of_ours_while_the_spool_is_brought_is_said_and_tried_again(writer, behind, monkeypatch, caplog):
    faults = iter([ValueError("what somebody sent")])
    poll = SqliteReader.poll

    def poll_after_a_fault(reader, timeout_s):
        for fault in faults:
            raise fault
        return poll(reader, timeout_s)

    monkeypatch.setattr(SqliteReader, "poll", poll_after_a_fault)
    behind.away.set()
    writer.append(lines(0, "a"))
    behind.away.clear()
    until(lambda: is_empty(writer), wait)
    assert values(behind.records()) == ["a"]
    assert any("ValueError at test_spool.py" in message for message in caplog.messages)
    assert "somebody" not in caplog.text


def test_what_a_killed_collector_left_is_brought_by_the_next(behind, place, tmp_path):
    with closing(SpooledLog(behind.connect, place)) as log, closing(log.writer()) as writer:
        behind.away.set()
        writer.append(lines(1, "abc"))
        shutil.copytree(place.directory, tmp_path / "left")
    behind.away.clear()
    left = Spool(f"{tmp_path}/left", MIB)
    with closing(SpooledLog(behind.connect, left)) as log, closing(log.writer()) as writer:
        assert writer.spooled_bytes == 3
        writer.append(lines(1, "d"))
        until(lambda: is_empty(writer), wait)
    assert values(behind.records(), 1) == ["a", "b", "c", "d"]


def test_a_collector_may_start_while_the_log_is_away_if_it_knew_it_before(behind, place):
    with closing(SpooledLog(behind.connect, place)) as log, closing(log.writer()):
        pass
    behind.away.set()
    with closing(SpooledLog(behind.connect, place)) as log, closing(log.writer()) as writer:
        assert log.partitions == 2
        writer.append(lines(1, "a"))
        behind.away.clear()
        until(lambda: is_empty(writer), wait)
    assert values(behind.records(), 1) == ["a"]


def test_a_collector_that_never_met_the_log_does_not_start_without_it(behind, place):
    behind.away.set()
    with pytest.raises(LogUnavailable, match="away"):
        SpooledLog(behind.connect, place)


def test_a_full_spool_refuses_and_takes_again_when_it_was_brought(behind, tmp_path):
    small = Spool(f"{tmp_path}/spool", MIB)
    with closing(SpooledLog(behind.connect, small)) as log, closing(log.writer()) as writer:
        behind.away.set()
        writer.append([NewRecord(0, 1, bytes(300_000))] * 4)
        with pytest.raises(LogFull):
            writer.append(lines(0, ["refused"]))
        behind.away.clear()
        until(lambda: is_empty(writer), wait)
        behind.away.set()
        writer.append(lines(0, ["taken"]))
        behind.away.clear()
        until(lambda: is_empty(writer), wait)
    assert [len(record.value) for record in behind.records()] == [300_000] * 4 + [5]


def test_a_log_with_other_partitions_than_the_spool_is_refused_in_words(behind, place):
    with closing(SpooledLog(behind.connect, place)) as log, closing(log.writer()):
        pass
    shutil.rmtree(behind.directory)
    open_log(f"sqlite://{behind.directory}?partitions=3")

    def connect() -> Log:
        return open_log(f"sqlite://{behind.directory}")

    with pytest.raises(ConfigError, match="partitions"):
        SpooledLog(connect, place)


def test_two_collectors_do_not_share_a_spool(writer, behind, place):
    with closing(SpooledLog(behind.connect, place)) as log, pytest.raises(DirectoryOwned):
        log.writer()


def test_a_broker_that_is_away_delays_events_and_loses_none(tmp_path, kafka_broker: KafkaBroker, monkeypatch):
    monkeypatch.setattr(spool, "_PATIENCE_S", 0.5)
    url = f"kafka://{kafka_broker.address}/spooled-{uuid.uuid4()}?partitions=1"
    place = Spool(f"{tmp_path}/spool", 10 * MIB)
    with closing(open_log(url, spool=place)) as log, closing(log.writer()) as writer:
        assert isinstance(writer, SpoolingWriter)
        writer.append(lines(0, ["before"]))
        kafka_broker.kill()
        for number in range(5):
            writer.append(lines(0, [f"away {number}"]))
        assert writer.spooled_bytes > 0
        kafka_broker.start()
        until(lambda: is_empty(writer), lambda: wait(0.1))
        writer.append(lines(0, ["after"]))
    with closing(open_log(url)) as log, closing(log.reader("test")) as reader:
        until(lambda: bool(reader.assignment().committed), lambda: reader.poll(0.2))
        found = values(read(reader, reader.ends()[0]))
    assert list(dict.fromkeys(found)) == ["before", *(f"away {number}" for number in range(5)), "after"]
