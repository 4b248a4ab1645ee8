"""Inserts at the writer's door that select from their own body, as the aggregator sends them."""

import itertools
from collections.abc import Iterator

import pytest

from tests.support.door_process import WRITE_TOKEN, DoorProcess, Reply

_names = itertools.count()
_LINES = "".join(f'{{"event_id":"e{n}","user_id":"u{n}","price":{n}.5}}\n' for n in range(100))
_STRUCTURE = (
    "`event_id` String, `user_id` String, `properties` String DEFAULT \\'none\\', `revenue` Nullable(Decimal(38, 6))"
)
_COLUMNS = "`event_id`, user_id, `properties`"


@pytest.fixture
def table(server: DoorProcess) -> Iterator[str]:
    name = f"selected_{next(_names)}"
    server.bare(f"CREATE TABLE {name} AS events")
    yield name
    server.bare(f"DROP TABLE {name}")


def _head(table: str, rest: str = "") -> str:
    return (
        f"INSERT INTO `{table}` ({_COLUMNS}) SELECT {_COLUMNS} FROM input('{_STRUCTURE}') {rest}\nFORMAT JSONEachRow\n"
    )


def _send(server: DoorProcess, statement: str, **request: object) -> Reply:
    request.setdefault("parameters", {"input_format_skip_unknown_fields": "1"})
    return server.ask(statement, user="writer", token=WRITE_TOKEN, **request)


def _count(server: DoorProcess, table: str) -> int:
    return int(server.write(f"SELECT count() FROM {table}"))


def test_rows_in_the_body_are_selected_and_inserted_with_their_defaults(server: DoorProcess, table: str) -> None:
    reply = _send(server, _head(table) + _LINES)
    assert reply.status == 200, reply.body
    assert '"written_rows": "100"' in reply.headers["X-ClickHouse-Summary"]
    assert (
        server.write(f"SELECT uniqExact(event_id), any(properties), uniqExact(_part) FROM {table}") == "100\tnone\t1\n"
    )


def test_the_statement_may_stand_in_the_url_and_settings_in_it(server: DoorProcess, table: str) -> None:
    query = _head(table, "SETTINGS input_format_skip_unknown_fields = 1, insert_deduplication_token = 'a'")
    for _ in range(2):
        assert _send(server, _LINES, parameters={"query": query}).status == 200
    assert _count(server, table) == 100


def test_a_condition_chooses_rows_and_the_summary_counts_those_written(server: DoorProcess, table: str) -> None:
    condition = "WHERE event_id != 'a\\'b FORMAT JSONEachRow\\n' AND toUInt32(substring(`user_id`, 2)) >= 90 / 1 - 0"
    reply = _send(server, _head(table, condition) + _LINES)
    assert '"written_rows": "10"' in reply.headers["X-ClickHouse-Summary"]
    assert _count(server, table) == 10


def test_a_fence_that_throws_stores_nothing_and_tells_the_client(server: DoorProcess, table: str) -> None:
    words = "'another owner; it''s \"gone\"'"
    fence = f"WHERE throwIf((SELECT count() FROM {table}) >= 100, {words}) = 0 SETTINGS async_insert = 0"
    assert _send(server, _head(table, fence) + _LINES).status == 200
    reply = _send(server, _head(table, fence) + _LINES)
    assert (reply.status, reply.code) == (500, 395)
    assert 'another owner; it\'s "gone"' in reply.body
    assert _count(server, table) == 100


def test_rows_that_look_like_statements_stay_rows(server: DoorProcess, table: str) -> None:
    lines = [
        '{"event_id":"1","user_id":"\' FORMAT JSONEachRow\\n"}',
        '{"event_id":"2","user_id":"\\n\\n; DROP TABLE events; --"}',
        "",
        '{"event_id":"3","user_id":"\') SETTINGS x = 1 FORMAT JSONEachRow"}',
    ]
    reply = _send(server, _head(table, "WHERE user_id != 'x'") + "\n".join(lines))
    assert reply.status == 200, reply.body
    assert _count(server, table) == 3
    cut = _send(server, _head(table) + '{"event_id":"1"}\n\nDROP TABLE events\n')
    assert cut.code == 27, cut.body
    assert (_count(server, table), server.write("EXISTS TABLE events")) == (3, "1\n")


def test_one_bad_row_stores_nothing(server: DoorProcess, table: str) -> None:
    assert _send(server, _head(table) + _LINES + '{"event_id": [1}\n').status in (400, 500)
    assert _count(server, table) == 0


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO {t} (event_id) SELECT upper(event_id) FROM input('event_id String') FORMAT JSONEachRow\n",
        "INSERT INTO {t} (event_id) SELECT event_id FROM input('event_id String', 1) FORMAT JSONEachRow\n",
        "INSERT INTO {t} (event_id) SELECT event_id FROM input('event_id String') FORMAT CSV\n",
        "INSERT INTO {t} (event_id) SELECT event_id FROM input('event_id String') LIMIT 1 FORMAT JSONEachRow\n",
        "INSERT INTO {t} (event_id) SELECT event_id FROM input('event_id String') WHERE 1 -- ' FORMAT JSONEachRow\n",
        "INSERT INTO {t} (event_id) SELECT event_id FROM input('event_id String') WHERE 1 /* ' */ FORMAT JSONEachRow\n",
        "INSERT INTO {t} (event_id) SELECT event_id FROM input('event_id String') WHERE 1; FORMAT JSONEachRow\n",
        "INSERT INTO {t} (event_id) SELECT event_id FROM input('event_id String') WHERE ‘it's’ FORMAT JSONEachRow\n",
        "INSERT INTO {t} (event_id) SELECT event_id FROM input('event_id String') WHERE $$'$$ FORMAT JSONEachRow\n",
        "INSERT INTO {t} SELECT event_id FROM input('event_id String') FORMAT JSONEachRow\n",
    ],
)
def test_a_form_that_is_not_known_is_refused_and_inserts_nothing(
    statement: str, server: DoorProcess, table: str
) -> None:
    reply = _send(server, statement.format(t=table) + '{"event_id":"\' FORMAT JSONEachRow\\n"}\n')
    assert reply.status in (400, 403), reply.body
    assert _count(server, table) == 0
