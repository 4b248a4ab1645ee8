"""Embedded stores for tests, and events to put into them.

The engine opens one directory at a time in a process, and closing lets the next one in after some milliseconds: a
store lasts for a test or a module, never for a session. conftest files import the fixtures `engine` and `store`; a test
that opens stores itself uses neither.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safar.contract import CONTRACT_VERSION, Event, FailedEvent, to_line
from safar.errors import RejectionTag
from safar.store import Store, migrate, open_store
from safar.store.positions import POSITION_TABLES

NOW = datetime(2026, 3, 15, 12, tzinfo=UTC)
"""The time by every test's clock."""


@contextmanager
def fresh_store(directory: Path) -> Iterator[Store]:
    """A migrated store in `directory`; whoever used it before has closed it."""
    store = open_store(f"chdb://{directory}/store")
    try:
        migrate(store)
        yield store
    finally:
        store.close()


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The store of a file of tests: making one takes half a second, emptying it a hundredth of that."""
    with fresh_store(tmp_path_factory.mktemp("engine")) as opened:
        yield opened


@pytest.fixture
def store(engine: Store) -> Store:
    """An empty store."""
    empty(engine)
    return engine


def empty(store: Store) -> None:
    for table in (*POSITION_TABLES, "fencing_tokens", "user_aliases", "model_runs", "predictions"):
        store.command(f"TRUNCATE TABLE {table}")


def clock() -> datetime:
    return NOW


def event(event_id: str, /, **fields: Any) -> Event:
    """A product view in the shop, an hour ago by the clock unless `fields` say otherwise."""
    usual = {"source": "shop", "type": "track", "event": "Product Viewed", "stage": "awareness"}
    times = {"timestamp": NOW.replace(hour=11), "received_at": NOW.replace(hour=11)}
    return Event(contract=CONTRACT_VERSION, event_id=event_id, **(usual | times | fields))


def failed(failed_id: str, **fields: Any) -> FailedEvent:
    """An event that the collector refused."""
    usual = {"source": "shop", "tag": RejectionTag.MALFORMED_EVENT, "body": "{", "body_encoding": "utf8"}
    return FailedEvent(
        contract=CONTRACT_VERSION, failed_id=failed_id, received_at=NOW.replace(hour=11), **(usual | fields)
    )


def line(event_id: str, /, **members: Any) -> bytes:
    """The stored line of an event with any JSON values, also such as no collector writes."""
    made: dict[str, Any] = msgspec.json.decode(to_line(event(event_id)))
    return msgspec.json.encode(made | members)


def without(event_id: str, *names: str) -> bytes:
    """The stored line of an event, lacking some members."""
    made: dict[str, Any] = msgspec.json.decode(to_line(event(event_id)))
    return msgspec.json.encode({name: value for name, value in made.items() if name not in names})


def insert(store: Store, events: Sequence[Event], offset: int = 0, log_id: str = "log", epoch: int = 0) -> None:
    """Put events into the store as one packed record of partition 0 would be."""
    place = {"log_id": log_id, "log_partition": 0, "log_epoch": epoch, "log_offset": offset}
    position = place | {"log_count": len(events)}
    rows = [
        msgspec.json.encode(msgspec.json.decode(to_line(item)) | position | {"log_index": index})
        for index, item in enumerate(events)
    ]
    store.insert_lines("events", b"\n".join(rows), f"{log_id}:{offset}")


def ids(store: Store, table: str = "events") -> list[str]:
    """The event ids of a table, doubles too, in order of the alphabet."""
    return [row["event_id"] for row in store.query(f"SELECT event_id FROM {table} ORDER BY event_id")]


def count(store: Store, table: str) -> int:
    return int(store.query(f"SELECT count() AS rows FROM {table}")[0]["rows"])
