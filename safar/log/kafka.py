"""A Kafka topic as the log (implements `Log`).

The identity is the topic's UUID, which Kafka makes with the topic: a topic deleted and created again under
the same name is another log. Whoever opens the log first creates the topic; replication, retention and
`min.insync.replicas` of a topic that exists are the operator's.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from kafka import KafkaAdminClient
from kafka.errors import (
    BrokerResponseError,
    KafkaError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
)

from safar.errors import ConfigError, LogUnavailable
from safar.log.contract import LogReader, LogWriter
from safar.log.kafka_reader import KafkaReader
from safar.log.kafka_settings import KafkaSettings
from safar.log.kafka_writer import KafkaWriter

_DEFAULT_PARTITIONS = 4


class KafkaLog:
    """One topic, one log (implements `Log`)."""

    def __init__(self, settings: KafkaSettings, topic_id: str, partitions: int) -> None:
        self._settings = settings
        self._topic_id = topic_id
        self._partitions = partitions

    @classmethod
    def open(cls, brokers: Sequence[str], topic: str, options: Mapping[str, str], *, create: bool = True) -> "KafkaLog":
        """Look at the topic, creating it when it does not exist.

        Raises ConfigError for an option that is unknown, malformed or at odds with the topic, and for a topic that
        does not exist and must not be created; LogUnavailable when no broker answers.
        """
        settings = KafkaSettings.parse(brokers, topic, options)
        with settings.connect(KafkaAdminClient) as admin:
            try:
                found = _find(admin, topic) or (_create(admin, settings) if create else None)
            except KafkaError as error:
                raise LogUnavailable(f"The topic {topic} cannot be looked at: {error}.") from error
        if found is None:
            raise ConfigError(f"There is no topic {topic}; a collector makes it.")
        topic_id, partitions = found
        wanted = settings.partitions
        if wanted not in (None, partitions):
            raise ConfigError(
                f"The topic {topic} has {partitions} partitions; changing that to {wanted} is a migration."
            )
        return cls(settings, topic_id, partitions)

    @property
    def log_id(self) -> str:
        """Made with the topic."""
        return f"kafka:{self._topic_id}"

    @property
    def partitions(self) -> int:
        """As found when the log was opened."""
        return self._partitions

    def writer(self) -> LogWriter:
        """A producer; Kafka takes any number of them."""
        return KafkaWriter(self._settings)

    def reader(self, group: str) -> LogReader:
        """A member of the consumer group; the broker shares the partitions out among the members."""
        return KafkaReader(self._settings, self._topic_id, group)

    def committed(self, group: str) -> dict[int, int]:
        """Asked of the group's coordinator; Kafka forgets a group's commits when the topic is deleted."""
        with self._settings.connect(KafkaAdminClient) as admin:
            try:
                commits = admin.list_group_offsets({group: None})[group]
            except KafkaError as error:
                raise LogUnavailable(f"The commits of the group {group} are not known: {error}.") from error
        topic = self._settings.topic
        return {key.partition: commit.offset for key, commit in commits.items() if key.topic == topic}

    def close(self) -> None:
        """Nothing is held open between calls."""


def _find(admin: Any, topic: str) -> tuple[str, int] | None:  # noqa: ANN401 - kafka-python has no types
    """The topic's UUID and number of partitions; None when there is no such topic."""
    (found,) = admin.describe_topics([topic])
    if found["error_code"] == UnknownTopicOrPartitionError.errno:
        return None
    if found["error_code"] != 0:
        raise LogUnavailable(f"The broker does not show the topic {topic} (error code {found['error_code']}).")
    if found["topic_id"] is None:
        raise ConfigError("This Kafka broker has no topic ids; Safar needs Kafka 2.8 or later.")
    return str(found["topic_id"]), len(found["partitions"])


def _create(admin: Any, settings: KafkaSettings) -> tuple[str, int]:  # noqa: ANN401 - no types
    topic = settings.topic
    wish = {
        "num_partitions": settings.partitions or _DEFAULT_PARTITIONS,
        "replication_factor": settings.replication,
    }
    try:
        admin.create_topics({topic: wish})
    except TopicAlreadyExistsError:
        pass  # Collector and aggregator start together; whichever came first has made it.
    except BrokerResponseError as error:
        raise ConfigError(f"The topic {topic} cannot be created: {error}.") from error
    admin.wait_for_topics([topic])
    found = _find(admin, topic)
    if found is None:
        raise LogUnavailable(f"The topic {topic} was created and is gone again.")
    return found
