"""One server for all tests of the doors: a small shop's events, and files that no reader may see."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import door_process
from tests.support.door_process import DoorProcess
from tests.support.door_watch import Canary

_TABLES = (
    """
    CREATE TABLE events
    (
        event_id String, source LowCardinality(String), event LowCardinality(String), user_id String,
        timestamp DateTime64(3, 'UTC'), revenue Nullable(Decimal(38, 6)), properties String
    )
    ENGINE = MergeTree ORDER BY (source, timestamp) SETTINGS non_replicated_deduplication_window = 100
    """,
    "CREATE VIEW touchpoints AS SELECT *, concat('p-', user_id) AS person FROM events",
    """
    INSERT INTO events SELECT
        toString(number), 'shop', ['Product Viewed', 'Product Added', 'Order Completed'][number % 3 + 1],
        concat('u', toString(number % 10)), toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + number * 60,
        if(number % 3 = 2, 19.99, NULL), '{"price": 5, "tags": ["a", "b"]}'
    FROM numbers(3000)
    """,
)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorProcess]:
    directory: Path = tmp_path_factory.mktemp("door")
    (directory / "secrets").write_text("4711 is the secret\n")
    (directory / "secrets.csv").write_text("4711,secret\n")
    running = door_process.start(directory, hosts=["127.0.0.1", "localhost"], insert_max_bytes=1 << 26)
    writer = running.writer()
    for statement in _TABLES:
        writer.command(statement)
    yield running
    writer.close()
    assert running.stop() == 0
    assert "Traceback" not in running.complaints()


@pytest.fixture(scope="module")
def canary() -> Iterator[Canary]:
    listening = Canary()
    yield listening
    listening.close()
