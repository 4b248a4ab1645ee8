"""Step 5: from packed records to rows, each with its log position. A line that cannot be read becomes a dead letter."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, ClassVar

import msgspec

from safar.contract import CONTRACT_VERSION, FailedEvent, to_line
from safar.errors import RejectionTag
from safar.log import LogRecord

_KEPT_BYTES = 32 * 1024


_Instant = Annotated[datetime, msgspec.Meta(tz=True)]


class EventHead(msgspec.Struct, gc=False, tag_field="kind", tag="event"):
    """What every version of the contract has, and the store would silently fill in; the rest goes there as it is."""

    table: ClassVar = "events"
    source: str
    received_at: _Instant
    timestamp: _Instant
    type: str
    id: Annotated[str, msgspec.Meta(min_length=1)] = msgspec.field(name="event_id")


class FailedHead(msgspec.Struct, tag_field="kind", tag="failed"):
    """The same of a failed event; a dead letter has no more than its time. A refusal has an id of its own."""

    table: ClassVar = "failed_events"
    source: str
    received_at: _Instant
    type: ClassVar = ""
    id: str = msgspec.field(name="failed_id", default="")


Head = EventHead | FailedHead
_decoder = msgspec.json.Decoder(Head)
_UNREADABLE = (msgspec.DecodeError, RecursionError)


class Row(msgspec.Struct, gc=False):
    """One line with its position, ready to insert."""

    head: Head
    text: bytes
    """The row to insert: the line, and in it the position columns."""
    place: bytes
    """The position columns that the lines of a record share, up to the index."""
    index: int

    @classmethod
    def of(cls, head: Head, line: bytes, place: bytes, index: int) -> "Row":
        """The line at `index` of a record."""
        return cls(head, b"%b%b%d}" % (line.rstrip()[:-1], place, index), place, index)

    @property
    def position(self) -> bytes:
        """The position columns as JSON members, and the end of the row."""
        return b"%b%d}" % (self.place, self.index)

    @property
    def line(self) -> bytes:
        """As it stood in the log."""
        return self.text[: -len(self.position)] + b"}"


@dataclass(frozen=True)
class Skipped:
    """A position that rightly gets no row, and why."""

    row: Row
    reason: str

    def json(self) -> bytes:
        """The row of skipped_positions."""
        entry = {
            "reason": self.reason,
            "source": self.row.head.source,
            "event_id": self.row.head.id,
            "received_at": self.row.head.received_at,
        }
        return msgspec.json.encode(entry)[:-1] + self.row.position


def rows_of(record: LogRecord, log_id: str, done: frozenset[int], now: datetime) -> list[Row]:
    """The rows of one packed record, without those at the indices in `done`."""
    place = b',"log_id":%s,"log_partition":%d,"log_epoch":%d,"log_offset":%d,"log_count":%d,"log_index":' % (
        msgspec.json.encode(log_id),
        record.partition,
        record.epoch,
        record.offset,
        record.count,
    )
    lines = record.value.split(b"\n")
    return [
        dead_letter(line, place, index, head, now) if isinstance(head, str) else Row.of(head, line, place, index)
        for index, (line, head) in enumerate(zip(lines, _heads(record.value, lines), strict=True))
        if index not in done
    ]


def _heads(value: bytes, lines: Sequence[bytes]) -> Sequence[Head | str]:
    """What each line is, or why it cannot be read."""
    try:
        heads = _decoder.decode_lines(value)  # all in one go takes half the time
    except _UNREADABLE:
        heads = []
    return heads if len(heads) == len(lines) else list(map(_head, lines))


def _head(line: bytes) -> Head | str:
    try:
        head: Head = _decoder.decode(line)
    except _UNREADABLE as error:
        return f"cannot be read: {error}"
    return head


def dead_letter(line: bytes, place: bytes, index: int, rule: str, now: datetime) -> Row:
    """A line that has no place in events, kept where its owner can see it, at the same position."""
    kept = line[:_KEPT_BYTES]
    try:
        body, text = kept.decode(), True
    except UnicodeDecodeError:
        body, text = base64.b64encode(kept).decode(), False
    failed = FailedEvent(
        contract=CONTRACT_VERSION,
        failed_id="",
        source="",
        received_at=now,
        tag=RejectionTag.UNREADABLE_RECORD,
        rule=rule[:500],
        body=body,
        body_encoding="utf8" if text else "base64",
    )
    return Row.of(FailedHead("", now), to_line(failed), place, index)
