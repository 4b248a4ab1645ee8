import threading
import uuid
from contextlib import closing
from urllib.parse import urlencode

import pytest
from kafka import KafkaProducer

from safar.errors import ConfigError, LogUnavailable
from safar.log import Log, LogRecord, open_log
from tests.support.logs import after, lines, read, until, values

QUICK = {"bootstrap_timeout_ms": 300, "request_timeout_ms": 1000, "delivery_timeout_ms": 1500}
PARTITIONS = 2


@pytest.fixture
def topic() -> str:
    return f"kafka-{uuid.uuid4()}"


def open_topic(address: str, topic: str, **options: object) -> Log:
    return open_log(f"kafka://{address}/{topic}?{urlencode({'partitions': PARTITIONS, **options})}")


class Load(threading.Thread):
    """Appends numbered records to both partitions, one call after the other, and remembers what was acknowledged."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.acknowledged = 0
        self.failure: Exception | None = None
        self._log = log
        self._enough = threading.Event()

    def run(self) -> None:
        try:
            with closing(self._log.writer()) as writer:
                while not self._enough.is_set():
                    batch = [str(number) for number in range(self.acknowledged, self.acknowledged + 20)]
                    writer.append([record for partition in range(PARTITIONS) for record in lines(partition, batch)])
                    self.acknowledged += len(batch)
        except Exception as error:
            self.failure = error

    def grow(self, count: int, step) -> None:
        """Wait until `count` more are acknowledged, calling `step` meanwhile."""
        target = self.acknowledged + count
        until(lambda: self.acknowledged >= target or self.failure is not None, step)

    def finish(self) -> None:
        self._enough.set()
        self.join()


def test_a_broker_killed_under_load_loses_doubles_and_reorders_nothing(kafka_broker, topic):
    records: list[LogRecord] = []
    with closing(open_topic(kafka_broker.address, topic)) as log, closing(log.reader("load")) as reader:
        load = Load(log)
        load.start()
        for _ in range(2):
            load.grow(400, lambda: records.extend(reader.poll(0.05)))
            kafka_broker.kill()
            kafka_broker.start()
        load.grow(400, lambda: records.extend(reader.poll(0.05)))
        load.finish()
        assert load.failure is None
        records += read(reader, load.acknowledged * PARTITIONS - len(records))
        assert reader.poll(0.5) == []
    for partition in range(PARTITIONS):
        mine = [record for record in records if record.partition == partition]
        assert values(mine, partition) == [str(number) for number in range(load.acknowledged)]
        assert [record.offset for record in mine] == list(range(load.acknowledged))
        assert [record.epoch for record in mine] == sorted(record.epoch for record in mine)
        assert len({record.epoch for record in mine}) > 1


def test_a_broker_that_is_away_is_said_within_the_bound_and_found_again(kafka_broker, topic):
    session = {"session_timeout_ms": 2000, "heartbeat_interval_ms": 500}  # over before the broker is back
    log = open_topic(kafka_broker.address, topic, **QUICK, **session)
    with closing(log.writer()) as writer, closing(log.reader("away")) as reader:
        writer.append(lines(0, ["a", "b"]))
        records = read(reader, 2)
        kafka_broker.kill()
        try:
            assert reader.poll(0.2) == []
            for call in (lambda: writer.append(lines(0, ["lost"])), lambda: reader.commit({0: 1}), reader.ends):
                with pytest.raises(LogUnavailable, match=r"\.$"):
                    call()
            for come in (log.writer, lambda: log.reader("late"), lambda: log.committed("away")):
                with pytest.raises(
                    LogUnavailable, match=r"^No Kafka broker at .* let this client in: nobody listens there\.$"
                ):
                    come()
        finally:
            kafka_broker.start()
        writer.append(lines(0, ["c"]))
        assert values(read(reader, 1)) == ["c"]
        reader.commit(after(records))
    assert log.committed("away") == {0: 2}


def test_timeouts_that_contradict_each_other_are_refused_in_one_sentence(kafka_broker, topic):
    log = open_topic(kafka_broker.address, topic, request_timeout_ms=9000, delivery_timeout_ms=1000)
    with pytest.raises(ConfigError, match=r"^SAFAR_LOG_URL: the Kafka client refuses these options: .*\.$"):
        log.writer()


def test_the_request_size_of_the_url_limits_the_record(kafka_broker, topic):
    with closing(open_topic(kafka_broker.address, topic, max_request_size=4096).writer()) as writer:
        writer.append(lines(0, ["x" * writer.max_record_bytes]))
        assert writer.max_record_bytes < 4096


@pytest.mark.parametrize(
    ("headers", "value", "count"),
    [
        ([], b'{"a":1}', 1),
        ([], b'{"a":1}\n{"b":2}\n', 2),
        ([("count", b"many")], b'{"a":1}\n{"b":2}', 2),
        ([("count", b"5")], b'{"a":1}', 5),
    ],
)
def test_lines_are_counted_when_another_program_wrote_the_record(kafka_broker, topic, headers, value, count):
    log = open_topic(kafka_broker.address, topic)
    with closing(KafkaProducer(bootstrap_servers=[kafka_broker.address])) as producer:
        producer.send(topic, value, headers=headers, partition=0).get(timeout=30)
    with closing(log.reader("foreign")) as reader:
        (record,) = read(reader, 1)
    assert (record.count, record.value) == (count, value)
