"""Append to a Kafka topic: every record acknowledged by all in-sync replicas before `append` returns.

The producer is idempotent, so its own retries neither double nor reorder records, also across a broker that
was killed. It is not transactional, so no marker takes an offset: offsets of a partition rise by one.

A producer that left a record unconfirmed is not used again: kafka-python 3.0.12 can wait for ever for a new
producer's number that a silent broker, or one that denied it, did not give.
"""

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError, KafkaTimeoutError

from safar.errors import ConfigError, LogUnavailable
from safar.log.contract import NewRecord
from safar.log.kafka_denied import explain
from safar.log.kafka_settings import KafkaSettings

COUNT_HEADER = "count"
"""Record header with the number of lines in the record, as decimal text."""

# What a record batch adds around one value: batch and record headers, our own header, the lengths.
_RECORD_OVERHEAD_BYTES = 1024
# Packed records of one partition travel together; at the default of 16 KiB each waits for the one before.
_BATCH_BYTES = 512 * 1024
_PRODUCER = {
    "acks": "all",
    "enable_idempotence": True,
    "compression_type": "lz4",
    "delivery_timeout_ms": 30_000,
    "max_block_ms": 10_000,
    "metrics_enabled": False,
}


class KafkaWriter:
    """One producer at a time (implements `LogWriter`)."""

    def __init__(self, settings: KafkaSettings, max_message_bytes: int) -> None:
        self._settings = settings
        self._topic = settings.topic
        request = settings.client.get("max_request_size", KafkaProducer.DEFAULT_CONFIG["max_request_size"])
        self._max_record_bytes: int = min(request, max_message_bytes) - _RECORD_OVERHEAD_BYTES
        self._producer: Any = self._connect()

    def _connect(self) -> Any:  # noqa: ANN401 - kafka-python has no types
        # A batch over the topic's limit is refused, and kafka-python sends its halves: every record travels twice.
        batch = min(_BATCH_BYTES, self._max_record_bytes)
        return self._settings.connect(KafkaProducer, batch_size=batch, **_PRODUCER)

    @property
    def max_record_bytes(self) -> int:
        """What fits into one request of the client and into one batch of the topic, however little it compresses."""
        return self._max_record_bytes

    def append(self, records: Sequence[NewRecord]) -> None:
        """Return when the brokers have confirmed every record.

        Raises LogUnavailable when one was not confirmed within `delivery_timeout_ms`; then the producer has given
        up on every record of the call. Raises ConfigError for a record that is too large, and then sends nothing.
        """
        self._check_sizes(records)
        if self._producer is None:
            self._producer = self._connect()
        sent: list[Any] = []
        failure: Exception | None = None
        try:
            for record in records:
                sent.append(self._send(record))
        except (KafkaError, ValueError) as error:
            failure = error
        failure = self._wait(sent) or failure
        if failure is not None:
            self.close()
            otherwise = f"Kafka did not confirm every record: {failure}."
            raise LogUnavailable(explain(failure, otherwise, operation="Write", topic=self._topic)) from failure

    def _check_sizes(self, records: Sequence[NewRecord]) -> None:
        limit = self.max_record_bytes
        size = max((len(record.value) for record in records), default=0)
        if size > limit:
            raise ConfigError(f"A record of {size} bytes is over this log's {limit}; lower SAFAR_RECORD_MAX_BYTES.")

    def _send(self, record: NewRecord) -> Any:  # noqa: ANN401 - kafka-python has no types
        headers = [(COUNT_HEADER, str(record.count).encode())]
        return self._producer.send(self._topic, record.value, headers=headers, partition=record.partition)

    def _wait(self, sent: Sequence[Any]) -> Exception | None:
        """Wait for all of `sent`, which the delivery timeout ends at the latest; return the first failure."""
        delivery_s = self._producer.config["delivery_timeout_ms"] / 1000
        deadline = time.monotonic() + delivery_s + 5
        failure: KafkaError | None = None
        for future in sent:
            try:
                future.get(timeout=max(0.0, deadline - time.monotonic()))
            except KafkaError as error:
                failure = failure or error
        return failure

    def close(self) -> None:
        """End the producer at once: what it may still hold is known to be unconfirmed, for `append` blocks."""
        producer, self._producer = self._producer, None
        if producer is not None:
            producer._sender.force_close()
            producer._sender.join(timeout=5)
            with contextlib.suppress(KafkaTimeoutError):
                producer.close(timeout=0)
