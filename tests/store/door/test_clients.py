"""The reader's door as unmodified clients of other kinds meet it: Node, Go over HTTP, JDBC, and SQLAlchemy."""

from collections.abc import Iterator
from decimal import Decimal

import pytest
import sqlalchemy

from tests.support.door_clients import answer, go_client, java_client, node_client
from tests.support.door_process import READ_TOKEN, DoorProcess

_CODES = [47, 497, 395]
"""An unknown column, a refused statement, an error in the middle of a long answer."""

_ROWS = 300_000
_SUM = sum(range(_ROWS))


def test_the_node_client_works(server: DoorProcess) -> None:
    found = answer(node_client(), f"http://127.0.0.1:{server.port}", READ_TOKEN)
    assert found["ping"]
    assert found["pingWithSelect"]
    row = {"text": "it's a\ttab, a \\ and سفر", "list": ["a'b", "c\\d"], "number": 8, "none": None}
    assert found["parameters"] == [row]
    kinds = ["Order Completed", "Product Added", "Product Viewed"]
    assert found["events"] == [{"event": kind, "n": 1000} for kind in kinds]
    assert (found["rows"], found["sum"], found["text"]) == (_ROWS, _SUM, "1,2\n")
    assert found["errors"] == _CODES


@pytest.mark.parametrize("compression", ["none", "lz4"])
def test_the_go_client_works_over_http(compression: str, server: DoorProcess) -> None:
    found = answer(go_client(), f"127.0.0.1:{server.port}", READ_TOKEN, compression)
    assert (found["text"], found["when"]) == ("it's سفر", "2026-01-02T03:04:12Z")
    revenues = {"Order Completed": "19.99", "Product Added": None, "Product Viewed": None}
    assert found["events"] == [[kind, 1000, most, ["shop"], {"k": 1}] for kind, most in revenues.items()]
    assert (found["rows"], found["sum"]) == (_ROWS, _SUM)
    assert found["errors"] == _CODES


@pytest.mark.parametrize("compression", ["plain", "compressed"])
def test_the_jdbc_driver_works(compression: str, server: DoorProcess) -> None:
    found = answer(java_client(), f"127.0.0.1:{server.port}", READ_TOKEN, compression)
    assert found["valid"]
    assert found["tables"] == ["events", "touchpoints"]
    assert {"event_id", "timestamp", "revenue"} <= set(found["columns"])
    revenues = {"Order Completed": "19990.000000", "Product Added": "null", "Product Viewed": "null"}
    assert {event: total for event, total, _ in found["revenues"]} == revenues
    assert found["revenues"][2] == ["Product Viewed", "null", "2026-01-01T00:00:00Z"]
    assert (found["bound"], found["sum"]) == (100, _SUM)
    assert found["errors"] == _CODES


@pytest.fixture
def engine(server: DoorProcess) -> Iterator[sqlalchemy.Engine]:
    made = sqlalchemy.create_engine(f"clickhousedb://analyst:{READ_TOKEN}@127.0.0.1:{server.port}/default")
    yield made
    made.dispose()


def test_sqlalchemy_lists_tables_and_their_columns(engine: sqlalchemy.Engine) -> None:
    inspector = sqlalchemy.inspect(engine)
    assert {"events", "touchpoints"} <= set(inspector.get_table_names())
    assert not inspector.has_table("nosuch")
    columns = {column["name"]: str(column["type"]) for column in inspector.get_columns("events")}
    assert columns["timestamp"] == "DateTime64(3, 'UTC')"


def test_sqlalchemy_queries_by_text_and_by_expression(engine: sqlalchemy.Engine) -> None:
    events = sqlalchemy.Table("events", sqlalchemy.MetaData(), autoload_with=engine)
    total = sqlalchemy.func.sum(events.c.revenue)
    wanted = sqlalchemy.select(events.c.event, total).where(events.c.source == "shop").group_by(events.c.event)
    text = sqlalchemy.text("SELECT count() FROM touchpoints WHERE person = :person AND event LIKE '%Viewed'")
    with engine.connect() as connection:
        sums = dict(connection.execute(wanted).all())
        assert sums == {"Order Completed": Decimal("19990"), "Product Added": None, "Product Viewed": None}
        assert connection.execute(text, {"person": "p-u1"}).scalar() == 100
        for refused in ("SELECT nosuch", "DROP TABLE events"):
            with pytest.raises(sqlalchemy.exc.DatabaseError, match=r"Code: (47|497)\."):
                connection.execute(sqlalchemy.text(refused))
