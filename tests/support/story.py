"""Events of a few people, made by hand so that every answer can be counted by hand."""

import json
import uuid
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from safar.contract import CONTRACT_VERSION, Event, FailedEvent, to_line, touchpoints
from safar.store import Store

_STAGES = {point.name: point.stage for point in touchpoints()}
_POSITION = b',"log_id":"story","log_partition":0,"log_epoch":0,"log_offset":0,"log_index":0,"log_count":1}'


def at(text: str) -> datetime:
    """An instant; without an offset it is UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def touch(user: str, event: str, when: str | datetime, **columns: Any) -> Event:
    """A track event of `user`; its stage is the contract's, money is `revenue=Decimal(...), currency=...`."""
    moment = at(when) if isinstance(when, str) else when
    made = {
        "contract": CONTRACT_VERSION,
        "event_id": uuid.uuid4().hex,
        "source": "",
        "type": "track",
        "event": event,
        "stage": _STAGES.get(event, "unmapped"),
        "user_id": user,
        "timestamp": moment,
        "received_at": moment,
    }
    return Event(**{**made, **columns})


def failure(when: str | datetime, **columns: Any) -> FailedEvent:
    """A refused event."""
    moment = at(when) if isinstance(when, str) else when
    made = {"contract": CONTRACT_VERSION, "failed_id": uuid.uuid4().hex, "source": "", "received_at": moment}
    return FailedEvent(**{**made, "tag": "missing_field", "body_encoding": "utf8", **columns})


def predict(
    store: Store,
    source: str,
    when: datetime,
    values: Mapping[str, float],
    each: Mapping[str, float] | None = None,
    **columns: Any,
) -> None:
    """A model run in EUR, and what it says that persons are worth; `status="failed"` for one that failed.

    `each` are more columns of every prediction, `columns` those of the run.
    """
    run = {"source": source, "currency": "EUR", "run_id": uuid.uuid4().hex, "status": "complete", "message": ""}
    run |= {"model": "BG/NBD", "finished_at": when.isoformat(), "observed_until": "2026-06-30"}
    run |= {"weeks": 52, "months": 12, **columns}
    same = {name: run[name] for name in ("source", "currency", "run_id")} | {"made_at": f"{when:%Y-%m-%d %H:%M:%S}"}
    same |= {"p_alive": 0.5, "expected_orders": 2.0, **(each or {})}
    rows = [same | {"person": person, "value": value} for person, value in values.items()]
    for table, lines in (("predictions", rows), ("model_runs", [run])):
        if lines:
            store.insert_lines(table, "\n".join(map(json.dumps, lines)).encode(), uuid.uuid4().hex)


def tell(store: Store, source: str, items: Iterable[Event | FailedEvent]) -> None:
    """Store `items` as events of `source`."""
    lines: dict[str, list[bytes]] = {"events": [], "failed_events": []}
    for item in items:
        item.source = source
        table = "events" if isinstance(item, Event) else "failed_events"
        lines[table].append(to_line(item)[:-1] + _POSITION)
    for table, rows in lines.items():
        if rows:
            store.insert_lines(table, b"\n".join(rows), uuid.uuid4().hex)
