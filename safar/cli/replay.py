"""Send failed events again: those that the contract takes now. The others are counted with their reason.

What is still refused is not sent: the collector would keep it as failed once more, and each replay would make the
list longer. Anyone with a write key can fill that list, so no body in it, whatever its bytes, stops the others.
"""

import asyncio
import base64
import logging
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from safar.clock import system_clock
from safar.config import Config
from safar.contract import to_line
from safar.contract.accept import Receipt, accept
from safar.demo.send import send_calls
from safar.errors import EventRejected, RejectionTag
from safar.fault import kind_and_place
from safar.sources import Source
from services.collector.decode import check_size

_log = logging.getLogger(__name__)

# As the comment of failed_events.body says.
_KEPT_BYTES = 32 * 1024
_SHOWN = 20
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NULL = msgspec.Raw(b"null")

_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.encode


@dataclass
class Replay:
    """One replay of events of `source`; `refused` and `hopeless` count the reasons of what was not sent."""

    source: Source
    event_max_bytes: int
    refused: Counter[str] = field(default_factory=Counter)
    hopeless: Counter[str] = field(default_factory=Counter)

    def calls(self, rows: Iterable[Mapping[str, Any]]) -> Iterator[msgspec.Raw]:
        """The calls that the contract takes now."""
        receipt = Receipt(self.source.name, system_clock(), strict=self.source.strict, currency=self.source.currency)
        for row in rows:
            try:
                call = _call(row)
                _check(call, receipt, self.event_max_bytes)
            except EventRejected as error:
                # No fix of the contract makes JSON of what is none.
                counts = self.hopeless if error.rejection is RejectionTag.MALFORMED_EVENT else self.refused
                counts[f"{error.rejection}: {error}"] += 1
            else:
                yield msgspec.Raw(call)


def replay(config: Config, source: Source, rows: Iterable[Mapping[str, Any]]) -> int:
    """Send `rows` of failed_events again and print what became of them; exit code 1 when any is left."""
    work = Replay(source, config.event_max_bytes)
    url = f"http://{config.collector_host}:{config.collector_port}"
    result = asyncio.run(send_calls(work.calls(rows), url=url, write_key=source.write_keys[0]))
    refused, hopeless = result.rejected + work.refused.total(), work.hopeless.total()
    print(f"{result.accepted} accepted now, {refused} still refused, {hopeless} cannot be sent again")
    for reason, count in (work.refused + work.hopeless).most_common(_SHOWN):
        print(f"{count} not sent: {reason}")
    for one in result.examples:
        print(f"refused by the collector, which has another contract: {one.reason}")
    return 1 if refused or hopeless else 0


def _call(row: Mapping[str, Any]) -> bytes:
    """The call as a batch item: a single call's path named its type, and `failed_id` is the id it never had."""
    body = base64.b64decode(row["body"]) if row["body_encoding"] == "base64" else row["body"].encode()
    try:
        call = _members(body)
    except _UNREADABLE:
        cut = len(body) >= _KEPT_BYTES
        rule = f"only its first {_KEPT_BYTES} bytes were kept" if cut else "must be a JSON object in UTF-8"
        raise EventRejected(RejectionTag.MALFORMED_EVENT, "", rule) from None
    if row["endpoint"] != "batch":
        call["type"] = msgspec.Raw(_encode(row["endpoint"]))
    if call.get("messageId", _NULL) == _NULL:
        call["messageId"] = msgspec.Raw(_encode(row["failed_id"]))
    return _encode(call)


def _check(call: bytes, receipt: Receipt, max_bytes: int) -> None:
    """Raise EventRejected where the collector would."""
    try:
        check_size(call, max_bytes)
        check_size(to_line(accept(call, receipt)), max_bytes * 2)
    except EventRejected:
        raise
    except Exception as error:
        _log.error("an event was not sent again: %s", kind_and_place(error))
        raise EventRejected(RejectionTag.INVALID_FIELD, "", "meets a fault of Safar") from error
