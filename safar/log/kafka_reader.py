"""Read a Kafka topic as a member of a consumer group, committing by hand.

- **Rebalance**: a listener notes it, and the `poll` that met it takes over: it makes a new `Assignment`, goes
  back to the committed offset of every owned partition, and returns no records.
- **Broker away**: `poll` returns nothing and the client reconnects by itself; `commit` and `ends` raise
  LogUnavailable, so whoever wants to know asks `ends`.
- **Lost records are never skipped**: the client is given no offset to fall back on. An offset that the log no
  longer has, or had in a leader epoch that was cut off, and a topic created anew raise LogReplaced, which is
  final.
- **Member killed**: its partitions move to the others when `session_timeout_ms` is over.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from kafka import ConsumerRebalanceListener, KafkaConsumer, TopicPartition
from kafka.errors import (
    CommitFailedError,
    CorruptRecordError,
    KafkaError,
    LogTruncationError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RebalanceInProgressError,
    RetriableError,
)
from kafka.structs import OffsetAndMetadata

from safar.errors import LogCorrupt, LogReplaced, LogUnavailable
from safar.log.contract import Assignment, LogRecord
from safar.log.kafka_denied import explain
from safar.log.kafka_settings import KafkaSettings
from safar.log.kafka_writer import COUNT_HEADER

_JOIN_PATIENCE_MS = 500
_CONSUMER = {
    "enable_auto_commit": False,
    "auto_offset_reset": "none",
    # Several packed records of each partition; what one fetch brings, inflated, must fit into memory.
    "max_partition_fetch_bytes": 4 * 1024 * 1024,
    "fetch_max_bytes": 8 * 1024 * 1024,
    # A fetch that waits for records holds back other questions to the same broker, `ends` among them.
    "fetch_max_wait_ms": 100,
    # Heartbeats tell of rebalances. They come from the client's own thread, while between two polls there may
    # be a long insert or a recovery.
    "session_timeout_ms": 10_000,
    "heartbeat_interval_ms": 1_000,
    "max_poll_interval_ms": 600_000,
    # A topic deleted and created again between two polls looks the same until the metadata is read again.
    "metadata_max_age_ms": 5_000,
    "metrics_enabled": False,
}


class _Rebalances(ConsumerRebalanceListener):  # type: ignore[misc] # kafka-python has no types
    """What the group gave and took; called on the client's own thread, which must not wait for the broker."""

    def __init__(self, consumer: Any) -> None:  # noqa: ANN401 - kafka-python has no types
        self._consumer = consumer
        self.joining = True
        self.seen = 0
        self.owned: frozenset[TopicPartition] = frozenset()

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002 - always all
        """The member gives all partitions back before it joins again."""
        # kafka-python 3.0.12 forgets a join that a poll was too short for when changed metadata was its reason:
        # it never finishes, sends no heartbeat and owns nothing for ever. This flag lasts until the join is done.
        self._consumer._coordinator.request_rejoin()
        self.joining = True
        self._changed(())

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """The member has joined and owns exactly these."""
        self.joining = False
        self._changed(assigned)

    def _changed(self, owned: Iterable[TopicPartition]) -> None:
        self.owned = frozenset(owned)
        self.seen += 1


class KafkaReader:
    """One member of a consumer group (implements `LogReader`)."""

    def __init__(self, settings: KafkaSettings, topic_id: str, group: str) -> None:
        self._topic = settings.topic
        self._topic_id = topic_id
        self._group = group
        self._taken_over = 0
        self._assignment = Assignment(0, {})
        self._epochs: dict[int, int] = {}
        self._consumer = settings.connect(KafkaConsumer, group_id=group, **_CONSUMER)
        self._rebalances = _Rebalances(self._consumer)
        self._call_timeout_ms = self._consumer.config["request_timeout_ms"]
        self._consumer.subscribe([self._topic], listener=self._rebalances)

    def assignment(self) -> Assignment:
        """Owns nothing until the group has let this member in, which takes some polls."""
        return self._assignment

    def poll(self, timeout_s: float) -> list[LogRecord]:
        """Return records; none when none came, the broker is away, or the assignment has just changed."""
        try:
            fetched = self._fetch(timeout_s)
            if self._rebalances.seen != self._taken_over:
                self._take_over()
                return []
        except RetriableError:
            return []
        except KafkaError as error:
            raise self._unavailable(error, f"The topic {self._topic} cannot be read: {error}.") from error
        return [self._record(record) for records in fetched.values() for record in records]

    def _fetch(self, timeout_s: float) -> Mapping[TopicPartition, list[Any]]:
        fetched: Mapping[TopicPartition, list[Any]] = {}
        try:
            fetched = self._consumer.poll(timeout_ms=self._patience_ms(timeout_s))
        except NoOffsetForPartitionError:
            pass  # The group has not committed yet; taking over finds its beginning.
        except OffsetOutOfRangeError as error:
            raise LogReplaced(f"The log does not have the next record to read: {_named(error.args[0])}.") from error
        except LogTruncationError as error:
            lost = _named(error.divergent_offsets)
            raise LogReplaced(f"The log lost records that were already read: from {lost}.") from error
        except CorruptRecordError as error:
            raise LogCorrupt(f"A record of the topic {self._topic} does not match its checksum: {error}.") from error
        self._check_identity()
        return fetched

    def _patience_ms(self, timeout_s: float) -> int:
        """A join that ends between two polls begins again: while there is one, no poll may be very short."""
        timeout_ms = int(timeout_s * 1000)
        return max(timeout_ms, _JOIN_PATIENCE_MS) if self._rebalances.joining else timeout_ms

    def _check_identity(self) -> None:
        """Offsets of a topic created anew begin at 0 again and must not be taken for those of this log."""
        current = self._consumer._cluster.topic_id(self._topic)
        if current is not None and str(current) != self._topic_id:
            raise LogReplaced(f"The topic {self._topic} was deleted and created again while it was being read.")

    def _take_over(self) -> None:
        """Own what the group gave, from its committed offsets; until this succeeds, own nothing."""
        seen, owned = self._rebalances.seen, sorted(self._rebalances.owned)
        self._assign({})
        positions = self._positions(owned)
        for partition, position in positions.items():
            # `KafkaConsumer.seek` takes no epoch, without which the client cannot see a lost tail.
            self._consumer._subscription.seek(partition, position)
            self._epochs[partition.partition] = position.leader_epoch
        self._assign({partition.partition: position.offset for partition, position in positions.items()})
        self._taken_over = seen

    def _assign(self, committed: Mapping[int, int]) -> None:
        self._assignment = Assignment(self._assignment.generation + 1, committed)

    def _positions(self, partitions: list[TopicPartition]) -> dict[TopicPartition, OffsetAndMetadata]:
        """Where the group goes on: at its commit, or at the beginning where it has none."""
        beginnings = self._consumer.beginning_offsets(partitions, timeout_ms=self._call_timeout_ms)
        positions = {partition: OffsetAndMetadata(offset) for partition, offset in beginnings.items()}
        for partition in partitions:
            committed = self._consumer.committed(partition, metadata=True, timeout_ms=self._call_timeout_ms)
            positions[partition] = committed or positions[partition]
        return positions

    def _record(self, record: Any) -> LogRecord:  # noqa: ANN401 - kafka-python has no types
        epoch = max(record.leader_epoch, 0)
        self._epochs[record.partition] = epoch
        value = record.value or b""
        return LogRecord(record.partition, epoch, record.offset, _count(record.headers, value), value)

    def seek(self, partition: int, offset: int) -> None:
        """Read from `offset` next; nothing happens when the partition has just been taken away."""
        if partition in self._assignment.committed:
            self._consumer.seek(TopicPartition(self._topic, partition), offset)

    def commit(self, offsets: Mapping[int, int]) -> None:
        """Durable when this returns in the same generation; LogUnavailable when no broker confirmed it."""
        committed = self._assignment.committed
        owned = {partition: offset for partition, offset in offsets.items() if partition in committed}
        try:
            self._consumer.commit(self._with_epochs(owned), timeout_ms=self._call_timeout_ms)
        except (CommitFailedError, RebalanceInProgressError):
            # Another member may own the partition now. It goes on from the last commit, reads again what this
            # one has inserted, and recovery inserts only what is missing: this costs work, never events.
            self._assign({})
            self._taken_over = -1
        except KafkaError as error:
            raise self._unavailable(error, f"The commit was not stored: {error}.") from error
        else:
            self._assignment = Assignment(self._assignment.generation, {**committed, **owned})

    def _with_epochs(self, offsets: Mapping[int, int]) -> dict[TopicPartition, OffsetAndMetadata]:
        """Offsets as Kafka stores them: the epoch last read lets whoever goes on there see a lost tail."""
        return {
            TopicPartition(self._topic, partition): OffsetAndMetadata(offset, "", self._epochs[partition])
            for partition, offset in offsets.items()
        }

    def beginnings(self) -> dict[int, int]:
        """Asked of the brokers; LogUnavailable when they do not answer."""
        return self._asked(self._consumer.beginning_offsets)

    def ends(self) -> dict[int, int]:
        """Asked of the brokers; LogUnavailable when they do not answer."""
        return self._asked(self._consumer.end_offsets)

    def _asked(self, question: Any) -> dict[int, int]:  # noqa: ANN401 - kafka-python has no types
        owned = [TopicPartition(self._topic, partition) for partition in self._assignment.committed]
        try:
            offsets = question(owned, timeout_ms=self._call_timeout_ms)
        except KafkaError as error:
            raise self._unavailable(error, f"The offsets of the topic {self._topic} are not known: {error}.") from error
        return {partition.partition: offset for partition, offset in offsets.items()}

    def _unavailable(self, error: KafkaError, otherwise: str) -> LogUnavailable:
        return LogUnavailable(explain(error, otherwise, operation="Read", topic=self._topic, group=self._group))

    def close(self) -> None:
        """Leave the group, so that the others get the partitions at once."""
        self._consumer.close(autocommit=False, timeout_ms=self._call_timeout_ms)


def _count(headers: Iterable[tuple[str, bytes]], value: bytes) -> int:
    """The number of lines: from the header, or counted when another program wrote the record."""
    text = dict(headers).get(COUNT_HEADER, b"")
    return int(text) if text.isdigit() else value.rstrip(b"\n").count(b"\n") + 1


def _named(positions: Mapping[TopicPartition, Any]) -> str:
    """Positions in words, for a message."""
    return ", ".join(f"{_offset(position)} of partition {key.partition}" for key, position in positions.items())


def _offset(position: Any) -> str:  # noqa: ANN401 - a number or a position; None: the broker does not know
    offset = getattr(position, "offset", position)
    return "an unknown offset" if offset is None else f"offset {offset}"
