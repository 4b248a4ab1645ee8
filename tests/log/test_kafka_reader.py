import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from kafka import KafkaAdminClient, TopicPartition

from safar.errors import LogReplaced
from safar.log import Log, LogReader, open_log
from tests.support.kafka_broker import KafkaBroker
from tests.support.kafka_member import Member
from tests.support.logs import after, lines, owns, read, until, values

GROUP = "aggregator"
SHORT_SESSION = "session_timeout_ms=3000&heartbeat_interval_ms=500"


def open_topic(broker: KafkaBroker, topic: str, partitions: int = 1, options: str = "") -> Log:
    return open_log(f"kafka://{broker.address}/{topic}?partitions={partitions}{options}")


@pytest.fixture
def topic() -> str:
    return f"reader-{uuid.uuid4()}"


def append(log: Log, partition: int, texts: list[str]) -> None:
    with closing(log.writer()) as writer:
        writer.append(lines(partition, texts))


def expect_replaced(reader: LogReader, match: str) -> None:
    with pytest.raises(LogReplaced, match=match):
        until(lambda: False, lambda: reader.poll(0.2))


def test_two_readers_of_a_group_share_the_partitions(kafka_broker, topic):
    log = open_topic(kafka_broker, topic, partitions=4)
    with closing(log.reader(GROUP)) as one, closing(log.reader(GROUP)) as two:
        until(lambda: owns(one, 2) and owns(two, 2), lambda: (one.poll(0.1), two.poll(0.1)))
        assert set(one.assignment().committed) | set(two.assignment().committed) == {0, 1, 2, 3}
        for partition in range(4):
            append(log, partition, [f"{partition}-{number}" for number in range(5)])
        for reader in (one, two):
            records = read(reader, 10)
            assert {record.partition for record in records} == set(reader.assignment().committed)
            assert set(reader.ends()) == set(reader.assignment().committed)


def test_the_partitions_of_a_reader_that_leaves_move_and_go_on_at_their_commits(kafka_broker, topic):
    log = open_topic(kafka_broker, topic, partitions=2)
    with closing(log.reader(GROUP)) as stays:
        with closing(log.reader(GROUP)) as leaves:
            until(lambda: owns(stays, 1) and owns(leaves, 1), lambda: (stays.poll(0.1), leaves.poll(0.1)))
            (moving,), (staying,) = leaves.assignment().committed, stays.assignment().committed
            append(log, moving, ["a", "b", "c"])
            append(log, staying, ["x", "y"])
            stays.commit(after(read(stays, 2)))
            leaves.commit(after(read(leaves, 3)[:1]))
            generation = stays.assignment().generation
        until(lambda: owns(stays, 2), lambda: stays.poll(0.1))
        assert stays.assignment().generation != generation
        assert stays.assignment().committed == {moving: 1, staying: 2}
        assert values(read(stays, 2), moving) == ["b", "c"]


def test_after_a_rebalance_both_readers_go_on_at_the_commits(kafka_broker, topic):
    log = open_topic(kafka_broker, topic, partitions=2)
    append(log, 0, ["a", "b"])
    append(log, 1, ["x", "y"])
    with closing(log.reader(GROUP)) as first:
        buffered = read(first, 4)
        generation = first.assignment().generation
        with closing(log.reader(GROUP)) as second:
            until(lambda: owns(first, 1) and owns(second, 1), lambda: (first.poll(0.1), second.poll(0)))
            assert first.assignment().generation != generation
            (kept,), (moved,) = first.assignment().committed, second.assignment().committed
            assert values(read(first, 2), kept) == values(buffered, kept)
            first.commit(after(buffered))
            assert log.committed(GROUP) == {kept: 2}
            assert values(read(second, 2), moved) == values(buffered, moved)


def test_a_commit_of_a_reader_that_was_put_out_changes_the_generation_and_nothing_else(kafka_broker, topic):
    log = open_topic(kafka_broker, topic, options="&max_poll_interval_ms=1000&session_timeout_ms=6000")
    append(log, 0, ["a", "b"])
    with closing(log.reader(GROUP)) as slow, closing(log.reader(GROUP)) as quick:
        buffered = read(slow, 2)
        generation = slow.assignment().generation
        until(lambda: owns(quick, 1), lambda: quick.poll(0.2))
        slow.commit(after(buffered))
        assert log.committed(GROUP) == {}
        assert slow.assignment().generation != generation
        assert slow.assignment().committed == {}
        slow.seek(0, 0)
        assert slow.ends() == {}
        assert values(read(quick, 2)) == ["a", "b"]


def test_a_join_that_ends_between_two_polls_of_the_member_that_shares_out_is_not_forgotten(kafka_broker, topic):
    log = open_topic(kafka_broker, topic, partitions=2, options="&metadata_max_age_ms=300")
    with closing(log.reader(GROUP)) as first, closing(log.reader(GROUP)) as second:
        until(lambda: owns(first, 2), lambda: first.poll(0.1))
        until(lambda: owns(first, 1) and owns(second, 1), lambda: (first.poll(0.1), second.poll(0.1)))
        with KafkaAdminClient(bootstrap_servers=[kafka_broker.address]) as admin:
            admin.create_partitions({topic: 4})
        until(lambda: owns(first, 0), lambda: first.poll(0))
        until(lambda: owns(second, 2), lambda: second.poll(0.1))
        # At the same time, as two processes do: who polls in turns may miss the end of every join.
        with ThreadPoolExecutor() as pool:
            until(
                lambda: owns(first, 2) and owns(second, 2),
                lambda: list(pool.map(lambda reader: reader.poll(0.5), (first, second))),
            )
        assert set(first.assignment().committed) | set(second.assignment().committed) == {0, 1, 2, 3}


def test_a_member_stopped_beyond_its_session_finds_that_it_owns_nothing_and_joins_again(kafka_broker, topic):
    url = f"kafka://{kafka_broker.address}/{topic}?partitions=1&{SHORT_SESSION}"
    log = open_log(url)
    append(log, 0, ["a", "b"])
    with closing(Member(url, GROUP, 2)) as stopped, closing(log.reader(GROUP)) as other:
        stopped.stop()
        until(lambda: owns(other, 1), lambda: other.poll(0.2))
        stopped.go_on()
        generation, owned = stopped.commit()
        assert generation != stopped.generation
        assert owned == {}
        assert log.committed(GROUP) == {}
        assert values(read(other, 2)) == ["a", "b"]
        other.close()
        assert stopped.read_again() == ["a", "b"]
        assert stopped.commit()[1] == {0: 2}
    assert log.committed(GROUP) == {0: 2}


def test_a_member_stopped_beyond_its_session_cannot_commit_into_a_group_that_has_emptied(kafka_broker, topic):
    url = f"kafka://{kafka_broker.address}/{topic}?partitions=1&{SHORT_SESSION}"
    log = open_log(url)
    append(log, 0, ["a", "b", "c"])
    with closing(Member(url, GROUP, 2)) as stopped:
        stopped.stop()
        with closing(log.reader(GROUP)) as other:
            other.commit(after(read(other, 3)))
        stopped.go_on()
        assert stopped.commit()[1] == {}
    assert log.committed(GROUP) == {0: 3}


def test_a_new_group_begins_where_the_log_begins_now(kafka_broker, topic):
    log = open_topic(kafka_broker, topic)
    append(log, 0, ["a", "b", "c"])
    delete_before(kafka_broker, topic, 2)
    with closing(log.reader(GROUP)) as reader:
        assert values(read(reader, 1)) == ["c"]
        assert reader.assignment().committed == {0: 2}


def test_records_deleted_before_they_were_read_are_not_skipped(kafka_broker, topic):
    log = open_topic(kafka_broker, topic)
    append(log, 0, ["a", "b", "c"])
    with closing(log.reader(GROUP)) as reader:
        reader.commit(after(read(reader, 3)[:1]))
    delete_before(kafka_broker, topic, 2)
    with closing(log.reader(GROUP)) as reader:
        expect_replaced(reader, r"not have the next record to read: offset 1 of partition 0\.$")


def test_a_topic_created_anew_under_a_reader_is_noticed(kafka_broker, topic):
    log = open_topic(kafka_broker, topic)
    append(log, 0, ["a"])
    with closing(log.reader(GROUP)) as reader:
        read(reader, 1)
        kafka_broker.delete_topic(topic)
        append(open_topic(kafka_broker, topic), 0, ["other", "other", "other"])
        expect_replaced(reader, r"\.$")
    with closing(log.reader(GROUP)) as reader:
        expect_replaced(reader, f"^The topic {topic} was deleted and created again")


def test_a_log_that_lost_its_tail_is_noticed_also_when_it_has_grown_again(kafka_broker, topic):
    grown = {f"{topic}-{count}": count for count in (0, 2, 8)}
    for name in grown:
        log = open_topic(kafka_broker, name)
        append(log, 0, ["a", "b", "c", "d"])
        with closing(log.reader(GROUP)) as reader:
            reader.commit(after(read(reader, 4)))
    kafka_broker.stop()
    for name in grown:
        lose_records(kafka_broker, name)
    kafka_broker.start()
    for name, count in grown.items():
        log = open_topic(kafka_broker, name)
        append(log, 0, ["new"] * count)
        with closing(log.reader(GROUP)) as reader:
            expect_replaced(reader, r"of partition 0\.$")


def delete_before(broker: KafkaBroker, topic: str, offset: int) -> None:
    """What retention does: drop the records before `offset`."""
    with KafkaAdminClient(bootstrap_servers=[broker.address]) as admin:
        admin.delete_records({TopicPartition(topic, 0): offset})


def lose_records(broker: KafkaBroker, topic: str) -> None:
    """What a disk that lied about its writes does; the broker must be stopped."""
    directory = broker.directory / "data" / f"{topic}-0"
    for file in [*directory.glob("0*"), directory / "leader-epoch-checkpoint"]:
        file.unlink()
    assert directory.is_dir()
