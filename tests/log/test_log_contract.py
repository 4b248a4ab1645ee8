"""What every log promises, on every implementation: one suite for `safar.log.contract`."""

import os
import shutil
import uuid
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from safar.errors import ConfigError
from safar.log import Log, LogReader, NewRecord, open_log
from tests.support.kafka_broker import KafkaBroker
from tests.support.logs import after, lines, owns, read, until, values

GROUP = "aggregator"


@dataclass(frozen=True)
class Place:
    """Where one log is, how to open it, and how to lose it."""

    url: str
    wipe: Callable[[], None]

    def open(self, **options: int) -> Log:
        return open_log(f"{self.url}?{urlencode(options)}" if options else self.url)


def sqlite_place(directory: str) -> Place:
    return Place(f"sqlite://{directory}", lambda: shutil.rmtree(directory))


def kafka_place(broker: KafkaBroker) -> Place:
    topic = f"contract-{uuid.uuid4()}"
    return Place(f"kafka://{broker.address}/{topic}", lambda: broker.delete_topic(topic))


@pytest.fixture(params=["sqlite", "kafka"])
def place(request: pytest.FixtureRequest, tmp_path) -> Place:
    if request.param == "sqlite":
        return sqlite_place(f"{tmp_path}/log")
    return kafka_place(request.getfixturevalue("kafka_broker"))


@pytest.fixture
def log(place: Place):
    with closing(place.open(partitions=1)) as log:
        yield log


def append(log: Log, *records: NewRecord) -> None:
    with closing(log.writer()) as writer:
        writer.append(records)


def join(reader: LogReader, partitions: int) -> None:
    """Wait until the reader owns its partitions; only on an empty log, for it drops what it reads."""
    until(lambda: owns(reader, partitions), lambda: reader.poll(0.2))


def test_whoever_only_looks_makes_no_log(place):
    with pytest.raises(ConfigError, match=r"^There is no (log|topic) [^\n]+; a collector makes it\.$"):
        open_log(place.url, create=False)
    with closing(place.open(partitions=1)) as made, closing(open_log(place.url, create=False)) as found:
        assert found.log_id == made.log_id


def test_records_come_back_in_order_at_contiguous_offsets(log):
    written = [str(number) for number in range(300)]
    with closing(log.writer()) as writer:
        for start in range(0, 300, 100):
            writer.append(lines(0, written[start : start + 100]))
    with closing(log.reader(GROUP)) as reader:
        records = read(reader, 300)
    assert values(records) == written
    assert [record.offset for record in records] == list(range(300))


def test_bytes_and_counts_come_back_exactly(log):
    every_byte = bytes(range(256))
    sent = [
        NewRecord(0, 3, b'{"a":1}\n{"b":2}\n{"c":3}'),
        NewRecord(0, 256, every_byte * 40),
        NewRecord(0, 2, b"\n\r\n\n"),
        NewRecord(0, 7, "قهوه ☕".encode()),
    ]
    append(log, *sent)
    with closing(log.reader(GROUP)) as reader:
        records = read(reader, len(sent))
    assert [NewRecord(record.partition, record.count, record.value) for record in records] == sent


def test_an_append_of_nothing_stores_nothing(log):
    append(log)
    append(log, *lines(0, ["only"]))
    with closing(log.reader(GROUP)) as reader:
        assert [(record.offset, record.value) for record in read(reader, 1)] == [(0, b"only")]


def test_a_reader_sees_what_is_appended_after_it_came(log):
    with closing(log.reader(GROUP)) as reader, closing(log.writer()) as writer:
        join(reader, 1)
        for value in ("first", "second"):
            writer.append(lines(0, [value]))
            assert values(read(reader, 1)) == [value]


def test_an_empty_poll_returns(log):
    with closing(log.reader(GROUP)) as reader:
        join(reader, 1)
        assert reader.poll(0.1) == []
        assert reader.poll(0) == []


def test_a_new_reader_goes_on_after_the_commit(log):
    append(log, *lines(0, ["a", "b", "c", "d"]))
    with closing(log.reader(GROUP)) as reader:
        reader_records = read(reader, 4)
        reader.commit(after(reader_records[:3]))
    with closing(log.reader(GROUP)) as reader:
        assert values(read(reader, 1)) == ["d"]
        assert reader.assignment().committed == {0: 3}


def test_records_that_were_not_committed_are_read_again(log):
    append(log, *lines(0, ["a", "b"]))
    for _ in range(2):
        with closing(log.reader(GROUP)) as reader:
            assert values(read(reader, 2)) == ["a", "b"]


def test_the_last_commit_counts_even_when_it_goes_back(log):
    append(log, *lines(0, ["a", "b", "c"]))
    with closing(log.reader(GROUP)) as reader:
        read(reader, 3)
        reader.commit({0: 3})
        reader.commit({0: 1})
        assert reader.assignment().committed == {0: 1}
    assert log.committed(GROUP) == {0: 1}


def test_the_commits_of_a_group_are_known_without_joining_it(log):
    append(log, *lines(0, ["a", "b"]))
    assert log.committed(GROUP) == {}
    with closing(log.reader(GROUP)) as reader:
        reader.commit(after(read(reader, 2)))
        assert log.committed(GROUP) == {0: 2}
    assert log.committed(GROUP) == {0: 2}
    assert log.committed("another") == {}


def test_seek_goes_back_and_forth(log):
    append(log, *lines(0, ["a", "b", "c", "d"]))
    with closing(log.reader(GROUP)) as reader:
        read(reader, 4)
        reader.seek(0, 1)
        assert values(read(reader, 3)) == ["b", "c", "d"]
        reader.seek(0, 3)
        assert values(read(reader, 1)) == ["d"]


def test_each_partition_has_its_own_offsets_and_order(place):
    with closing(place.open(partitions=3)) as log:
        append(log, *(record for number in range(20) for record in lines(number % 3, [str(number)])))
        append(log, *lines(2, ["last"]))
        with closing(log.reader(GROUP)) as reader:
            records = read(reader, 21)
            assert reader.assignment().committed == {0: 0, 1: 0, 2: 0}
    for partition in range(3):
        expected = [str(number) for number in range(partition, 20, 3)] + ["last"] * (partition == 2)
        assert values(records, partition) == expected
        offsets = [record.offset for record in records if record.partition == partition]
        assert offsets == list(range(len(expected)))


def test_partitions_are_committed_apart(place):
    with closing(place.open(partitions=2)) as log:
        append(log, *lines(0, ["a", "b"]), *lines(1, ["x", "y"]))
        with closing(log.reader(GROUP)) as reader:
            read(reader, 4)
            reader.commit({1: 2})
        append(log, *lines(1, ["z"]))
        with closing(log.reader(GROUP)) as reader:
            records = read(reader, 3)
            assert reader.assignment().committed == {0: 0, 1: 2}
    assert (values(records, 0), values(records, 1)) == (["a", "b"], ["z"])


def test_groups_do_not_know_of_each_other(log):
    append(log, *lines(0, ["a", "b"]))
    with closing(log.reader("one")) as one, closing(log.reader("two")) as two:
        one.commit(after(read(one, 2)))
        assert values(read(two, 2)) == ["a", "b"]
        assert one.poll(0.1) == []
        assert two.assignment().committed == {0: 0}


def test_the_ends_give_the_lag(place):
    with closing(place.open(partitions=2)) as log, closing(log.reader(GROUP)) as reader:
        join(reader, 2)
        assert reader.ends() == {0: 0, 1: 0}
        append(log, *lines(1, ["a", "b", "c"]))
        assert reader.ends() == {0: 0, 1: 3}


def test_a_record_of_the_largest_size_comes_back(log):
    with closing(log.writer()) as writer:
        value = os.urandom(writer.max_record_bytes)
        writer.append([NewRecord(0, 1, value)])
    with closing(log.reader(GROUP)) as reader:
        (record,) = read(reader, 1)
    assert record.value == value


def test_a_record_over_the_limit_is_refused_and_nothing_of_the_call_is_stored(log):
    with closing(log.writer()) as writer:
        too_large = NewRecord(0, 1, bytes(writer.max_record_bytes + 1))
        with pytest.raises(ConfigError, match=r"SAFAR_RECORD_MAX_BYTES\.$"):
            writer.append([*lines(0, ["small"]), too_large])
        writer.append(lines(0, ["next"]))
    with closing(log.reader(GROUP)) as reader:
        assert values(read(reader, 1)) == ["next"]


def test_the_generation_stays_while_nothing_moves(log):
    append(log, *lines(0, ["a", "b"]))
    with closing(log.reader(GROUP)) as reader:
        records = read(reader, 2)
        generation = reader.assignment().generation
        reader.commit(after(records))
        reader.seek(0, 0)
        read(reader, 2)
        assert reader.assignment().generation == generation
        assert reader.assignment().committed == {0: 2}


def test_a_log_keeps_its_identity_and_its_partitions(place):
    with closing(place.open(partitions=3)) as log:
        made = (log.log_id, log.partitions)
        append(log, *lines(0, ["a"]))
    with closing(place.open()) as log:
        assert (log.log_id, log.partitions) == made
    with closing(place.open(partitions=3)) as log:
        assert (log.log_id, log.partitions) == made


def test_two_logs_have_two_identities(place):
    with closing(place.open()) as log:
        first = log.log_id
    place.wipe()
    with closing(place.open()) as log:
        assert log.log_id != first


def test_a_log_made_anew_knows_no_commit_of_the_old_one(place):
    with closing(place.open(partitions=1)) as log:
        append(log, *lines(0, ["a", "b"]))
        with closing(log.reader(GROUP)) as reader:
            reader.commit(after(read(reader, 2)))
    place.wipe()
    with closing(place.open(partitions=1)) as log:
        append(log, *lines(0, ["new"]))
        assert log.committed(GROUP) == {}
        with closing(log.reader(GROUP)) as reader:
            assert values(read(reader, 1)) == ["new"]


def test_another_number_of_partitions_is_refused_in_one_sentence(place):
    place.open(partitions=2).close()
    with pytest.raises(ConfigError, match=r"has 2 partitions; changing that to 5 is a migration\.$"):
        place.open(partitions=5)


@pytest.mark.parametrize("option", [{"partitions": 0}, {"partitions": "many"}, {"partition": 4}])
def test_an_option_that_makes_no_sense_is_refused_by_name(place, option):
    with pytest.raises(ConfigError, match=r"^SAFAR_LOG_URL: .*partition"):
        place.open(**option)
