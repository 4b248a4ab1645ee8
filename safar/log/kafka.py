"""A Kafka topic as the log (implements `Log`).

The identity is the topic's UUID, which Kafka makes with the topic: a topic deleted and created again under
the same name is another log. Whoever opens the log first creates the topic.
"""

from collections.abc import Mapping, Sequence

from kafka import KafkaAdminClient
from kafka.errors import KafkaError

from safar.errors import ConfigError, LogUnavailable
from safar.log.contract import LogReader, LogWriter
from safar.log.kafka_denied import explain
from safar.log.kafka_reader import KafkaReader
from safar.log.kafka_settings import KafkaSettings
from safar.log.kafka_topic import Topic, create_topic, find_topic
from safar.log.kafka_writer import KafkaWriter


class KafkaLog:
    """One topic, one log (implements `Log`)."""

    def __init__(self, settings: KafkaSettings, topic: Topic) -> None:
        self._settings = settings
        self._topic = topic

    @classmethod
    def open(cls, brokers: Sequence[str], topic: str, options: Mapping[str, str], *, create: bool = True) -> "KafkaLog":
        """Look at the topic, creating it when it does not exist.

        Raises ConfigError for an option that is unknown, malformed or at odds with the topic, for a topic whose
        settings lose records, for a permission that is missing, and for a topic that does not exist and must not be
        created; LogUnavailable when no broker answers or lets us in.
        """
        settings = KafkaSettings.parse(brokers, topic, options)
        with settings.connect(KafkaAdminClient) as admin:
            try:
                found = find_topic(admin, topic) or (create_topic(admin, settings) if create else None)
            except KafkaError as error:
                raise LogUnavailable(f"The topic {topic} cannot be looked at: {error}.") from error
        if found is None:
            raise ConfigError(f"There is no topic {topic}; a collector makes it.")
        if settings.partitions not in (None, found.partitions):
            raise ConfigError(
                f"The topic {topic} has {found.partitions} partitions; "
                f"changing that to {settings.partitions} is a migration."
            )
        return cls(settings, found)

    @property
    def log_id(self) -> str:
        """Made with the topic."""
        return f"kafka:{self._topic.topic_id}"

    @property
    def partitions(self) -> int:
        """As found when the log was opened."""
        return self._topic.partitions

    def writer(self) -> LogWriter:
        """A producer; Kafka takes any number of them."""
        return KafkaWriter(self._settings, self._topic.max_message_bytes)

    def reader(self, group: str) -> LogReader:
        """A member of the consumer group; the broker shares the partitions out among the members."""
        return KafkaReader(self._settings, self._topic.topic_id, group)

    def committed(self, group: str) -> dict[int, int]:
        """Asked of the group's coordinator; Kafka forgets a group's commits when the topic is deleted."""
        topic = self._settings.topic
        with self._settings.connect(KafkaAdminClient) as admin:
            try:
                commits = admin.list_group_offsets({group: None})[group]
            except KafkaError as error:
                otherwise = f"The commits of the group {group} are not known: {error}."
                sentence = explain(error, otherwise, operation="Describe", topic=topic, group=group)
                raise LogUnavailable(sentence) from error
        return {key.partition: commit.offset for key, commit in commits.items() if key.topic == topic}

    def close(self) -> None:
        """Nothing is held open between calls."""
