import uuid
from collections.abc import Callable
from contextlib import closing, suppress
from typing import TypeVar
from urllib.parse import urlencode

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ACL, ACLOperation, ACLPermissionType, ResourcePattern, ResourceType

from safar.errors import ConfigError, LogUnavailable, SafarError
from safar.log import Log, open_log
from tests.support.kafka_broker import KafkaBroker, plain
from tests.support.logs import lines, owns, read, until, values

Granted = TypeVar("Granted")


@pytest.fixture
def topic() -> str:
    return f"denied-{uuid.uuid4()}"


class Guest:
    """A user who may do nothing with the topic until it is allowed."""

    def __init__(self, broker: KafkaBroker, topic: str) -> None:
        self._broker = broker
        self._topic = topic

    def open(self) -> Log:
        return open_log(f"kafka://{self._broker.sasl_address}/{self._topic}?{urlencode(plain('guest'))}")

    def allow(self, operation: ACLOperation, group: str | None = None) -> None:
        kind, name = (ResourceType.TOPIC, self._topic) if group is None else (ResourceType.GROUP, group)
        rule = ACL("User:guest", "*", operation, ACLPermissionType.ALLOW, ResourcePattern(kind, name))
        with KafkaAdminClient(bootstrap_servers=[self._broker.address]) as admin:
            admin.create_acls([rule])


def until_refused(call: Callable[[], object], error: type[SafarError], permission: str) -> None:
    """Repeat `call`, which the broker still may refuse for a permission just given, until it wants this one."""

    def refused() -> bool:
        try:
            call()
        except error as said:
            return str(said) == f"The Kafka user of SAFAR_LOG_URL lacks the permission {permission}."
        return False

    until(refused, lambda: None)


def until_granted(call: Callable[[], Granted]) -> Granted:
    """Repeat `call` until the broker has learned that it is allowed."""
    granted: list[Granted] = []

    def attempt() -> None:
        with suppress(SafarError):
            granted.append(call())

    until(lambda: bool(granted), attempt)
    return granted[0]


def test_whoever_may_not_look_or_create_is_told_which_permission_is_missing(kafka_broker, topic):
    guest = Guest(kafka_broker, topic)
    until_refused(guest.open, ConfigError, f"Describe on the topic {topic}")
    guest.allow(ACLOperation.DESCRIBE)
    until_refused(guest.open, ConfigError, f"Create on the topic {topic}")
    guest.allow(ACLOperation.CREATE)
    made = until_granted(guest.open)
    until_refused(guest.open, ConfigError, f"DescribeConfigs on the topic {topic}")
    guest.allow(ACLOperation.DESCRIBE_CONFIGS)
    assert until_granted(guest.open).log_id == made.log_id


def test_whoever_may_not_write_or_read_is_told_which_permission_is_missing_and_goes_on_when_it_is_given(
    kafka_broker, topic
):
    with closing(open_log(f"kafka://{kafka_broker.address}/{topic}?partitions=1").writer()) as writer:
        writer.append(lines(0, ["a"]))
    guest = Guest(kafka_broker, topic)
    guest.allow(ACLOperation.DESCRIBE)
    guest.allow(ACLOperation.DESCRIBE_CONFIGS)
    log = until_granted(guest.open)
    with closing(log.writer()) as writer:
        until_refused(lambda: writer.append(lines(0, ["b"])), LogUnavailable, f"Write on the topic {topic}")
        guest.allow(ACLOperation.WRITE)
        until_granted(lambda: writer.append(lines(0, ["b"])))
    with closing(log.reader(topic)) as reader:
        until_refused(lambda: log.committed(topic), LogUnavailable, f"Read on the group {topic}")
        until_refused(lambda: reader.poll(0.1), LogUnavailable, f"Read on the group {topic}")
        guest.allow(ACLOperation.READ, group=topic)
        until_granted(lambda: log.committed(topic))
        until(lambda: owns(reader, 1), lambda: until_granted(lambda: reader.poll(0.1)))
        until_refused(lambda: reader.poll(0.1), LogUnavailable, f"Read on the topic {topic}")
        guest.allow(ACLOperation.READ)
        assert values(until_granted(lambda: read(reader, 2))) == ["a", "b"]
