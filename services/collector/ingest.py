"""The path of one request, from its bytes to the durable log: `Ingest.take` is the ordered list of steps."""

import base64
import logging
import uuid
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from safar.clock import Clock
from safar.config import Config
from safar.contract import CONTRACT_VERSION, Event, FailedEvent, to_line, to_lines
from safar.contract.accept import Receipt, accept, accept_read
from safar.contract.careful import read_json
from safar.contract.event import CallType
from safar.contract.quick import is_plain
from safar.contract.values import parse_timestamp
from safar.errors import EventRejected, MalformedRequest, RejectionTag
from safar.fault import kind_and_place
from safar.log import NewRecord
from safar.sources import Source, Sources
from safar.telemetry import CollectorMetrics
from services.collector.decode import Body, check_size, single, split_batch
from services.collector.publish import Publisher, partition_of

_log = logging.getLogger(__name__)

_KEPT_BYTES = 32 * 1024


@dataclass(frozen=True)
class Rejection:
    """The outcome of one rejected event of a batch."""

    index: int
    message_id: str
    tag: str
    field: str
    rule: str

    def to_json(self) -> dict[str, Any]:
        """As the answer names it."""
        return {
            "index": self.index,
            "messageId": self.message_id,
            "tag": self.tag,
            "field": self.field,
            "rule": self.rule,
        }


@dataclass
class Outcome:
    """What became of a request's events, all of them durable."""

    accepted: int = 0
    unmapped: int = 0
    rejected: list[Rejection] = field(default_factory=list)
    records: list[NewRecord] = field(default_factory=list)
    """What is stored."""


@dataclass(frozen=True)
class Ingest:
    """What taking a request needs."""

    config: Config
    sources: Sources
    publisher: Publisher
    partitions: int
    metrics: CollectorMetrics
    clock: Clock

    async def take(self, body: bytes, header_key: str, kind: str) -> Outcome:
        """Decode, find the source, validate and enrich each event, append; returns when all of it is durable."""
        received_at = self.clock()
        decoded = await self._decode(body, header_key, kind, received_at)
        source = self.sources.by_key(header_key or decoded.write_key)
        outcome = self._accept_all(decoded, kind, source, received_at)
        del decoded  # what waits for the log is held once
        await self.publisher.publish(outcome.records)
        self._count(outcome, source)
        return outcome

    async def _decode(self, body: bytes, header_key: str, kind: str, received_at: datetime) -> Body:
        try:
            if kind == "batch":
                return split_batch(body, self.config.batch_max_events, self.config.event_max_bytes)
            return single(body)
        except MalformedRequest as error:
            # The body names no source; when the header does, what came is kept for its owner to see.
            if header_key:
                source = self.sources.by_key(header_key)
                refused = EventRejected(RejectionTag.MALFORMED_EVENT, "", str(error))
                failed = _failed(refused, body, kind, Receipt(source.name, received_at))
                partition = partition_of(source.name, failed.failed_id, self.partitions)
                await self.publisher.publish([NewRecord(partition, 1, to_line(failed))])
                self.metrics.rejected.labels(refused.rejection).inc()
            raise

    def _accept_all(self, body: Body, kind: str, source: Source, received_at: datetime) -> Outcome:
        receipt = _receipt(body, kind, source, received_at)
        outcome = self._accept_each(body, kind, receipt, measured=False)
        # Nearly always all lines together are smaller than one may be.
        if all(_fit(record, self.config.event_max_bytes * 2) for record in outcome.records):
            return outcome
        return self._accept_each(body, kind, receipt, measured=True)

    def _accept_each(self, body: Body, kind: str, receipt: Receipt, *, measured: bool) -> Outcome:
        outcome = Outcome()
        kept: dict[int, list[Event | FailedEvent]] = defaultdict(list)
        limit = self.config.event_max_bytes
        may_be_large = len(body.text) > limit
        for index in range(body.count):
            try:
                if may_be_large:
                    check_size(body.raw[index], limit)
                event = self._event(body, index, receipt)
                if measured:
                    check_size(to_line(event), limit * 2)
            except EventRejected as refused:
                failed = _failed(refused, bytes(body.raw[index]), kind, receipt)
                outcome.rejected.append(Rejection(index, failed.event_id, failed.tag, failed.field, failed.rule))
                kept[partition_of(failed.source, failed.failed_id, self.partitions)].append(failed)
            else:
                person = event.anonymous_id or event.user_id
                kept[partition_of(receipt.source, person, self.partitions)].append(event)
                if event.stage == "unmapped":
                    outcome.unmapped += 1
        outcome.accepted = body.count - len(outcome.rejected)
        outcome.records = [NewRecord(partition, len(items), to_lines(items)) for partition, items in kept.items()]
        return outcome

    def _event(self, body: Body, index: int, receipt: Receipt) -> Event:
        """What is stored of a call. A fault of ours costs this event only: it is kept, to be replayed after the fix."""
        try:
            event = accept_read(body.read[index], receipt) if body.read else None
            return event or accept(body.raw[index], receipt)
        except EventRejected:
            raise
        except Exception as error:
            _log.error("an event was kept as failed: %s", kind_and_place(error))
            rule = "met a fault of the collector, and is kept"
            raise EventRejected(RejectionTag.MALFORMED_EVENT, "", rule) from error

    def _count(self, outcome: Outcome, source: Source) -> None:
        if outcome.accepted:
            self.metrics.accepted(source.name).inc(outcome.accepted)
        if outcome.unmapped:
            self.metrics.unmapped.inc(outcome.unmapped)
        for rejection in outcome.rejected:
            self.metrics.rejected.labels(rejection.tag).inc()


def _fit(record: NewRecord, most: int) -> bool:
    """Whether each line has at most `most` bytes."""
    return len(record.value) <= most or max(map(len, record.value.split(b"\n"))) <= most


def _receipt(body: Body, kind: str, source: Source, received_at: datetime) -> Receipt:
    return Receipt(
        source.name,
        received_at,
        _lenient_time(body.sent_at),
        source.strict,
        source.currency,
        None if kind == "batch" else cast(CallType, kind),
        is_plain(body.text),
        body.context,
    )


def _lenient_time(sent_at: Any) -> datetime | None:  # noqa: ANN401 - anything may be sent
    """The batch's sentAt only corrects clocks: when it cannot be read, clocks are not corrected."""
    try:
        return parse_timestamp(sent_at, "sentAt")
    except EventRejected:
        return None


def _failed(reason: EventRejected, raw: bytes, endpoint: str, receipt: Receipt) -> FailedEvent:
    body, encoding = _as_text(raw[:_KEPT_BYTES])
    named = _readable(raw)
    return FailedEvent(
        contract=CONTRACT_VERSION,
        failed_id=str(uuid.uuid4()),
        source=receipt.source,
        received_at=receipt.received_at,
        tag=reason.rejection,
        field=reason.field,
        rule=reason.rule,
        event_id=_short_text(named.get("messageId")),
        event=_short_text(named.get("event")),
        body=body,
        body_encoding=encoding,
        endpoint=endpoint,
    )


def _readable(raw: bytes) -> dict[str, Any]:
    try:
        call = read_json(raw)
    except EventRejected:
        return {}
    return call if isinstance(call, dict) else {}


def _short_text(value: Any) -> str:  # noqa: ANN401
    return value[:255] if isinstance(value, str) else ""


def _as_text(raw: bytes) -> tuple[str, Any]:
    try:
        return raw.decode(), "utf8"
    except UnicodeDecodeError:
        return base64.b64encode(raw).decode(), "base64"
