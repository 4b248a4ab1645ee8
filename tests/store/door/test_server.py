"""`safar store-server`: the writer's door, met by the client that the aggregator uses."""

import asyncio
import gzip
import itertools
from collections.abc import Iterator
from pathlib import Path

import clickhouse_connect
import lz4.frame
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from safar.config import load_config
from safar.errors import ConfigError
from safar.store.door import serve_store
from safar.store.migrate import migrate
from safar.store.store import open_store
from tests.support import door_process
from tests.support.door_process import READ_TOKEN, WRITE_TOKEN, DoorProcess

_LINES = b"".join(b'{"event_id":"e%d","source":"s","timestamp":"2026-01-02T03:04:05.678Z"}\n' % n for n in range(100))
_names = itertools.count()


@pytest.fixture
def writer(server: DoorProcess) -> Iterator[Client]:
    client = server.writer()
    yield client
    client.close()


@pytest.fixture
def table(server: DoorProcess) -> Iterator[str]:
    """An empty table like events."""
    name = f"inserted_{next(_names)}"
    server.bare(f"CREATE TABLE {name} AS events")
    yield name
    server.bare(f"DROP TABLE {name}")


def _count(writer: Client, table: str) -> object:
    return writer.command(f"SELECT count() FROM {table}")


def test_the_writer_creates_inserts_and_reads(writer: Client, table: str) -> None:
    settings = {"date_time_input_format": "best_effort", "input_format_skip_unknown_fields": 1}
    summary = writer.raw_insert(table, insert_block=_LINES, fmt="JSONEachRow", settings=settings)
    assert summary.written_rows == 100
    rows = writer.query(f"SELECT count(), min(toString(timestamp)) FROM {table}").result_rows
    assert rows == [(100, "2026-01-02 03:04:05.678")]


def test_a_batch_sent_twice_with_one_token_is_stored_once(writer: Client, table: str) -> None:
    for token in ("a", "a", "b"):
        settings = {"insert_deduplication_token": token, "date_time_input_format": "best_effort"}
        writer.raw_insert(table, insert_block=_LINES, fmt="JSONEachRow", settings=settings)
    assert _count(writer, table) == 200


def test_an_insert_with_one_bad_row_stores_nothing(writer: Client, table: str) -> None:
    with pytest.raises(DatabaseError) as raised:
        writer.raw_insert(table, insert_block=_LINES + b'{"event_id": [1}\n', fmt="JSONEachRow")
    assert raised.value.code is not None
    assert _count(writer, table) == 0


def test_a_large_insert_becomes_one_part(writer: Client, table: str) -> None:
    lines = b"".join(b'{"event_id":"%d","properties":"%s"}\n' % (n, b"x" * 200) for n in range(150_000))
    writer.raw_insert(table, insert_block=lines, fmt="JSONEachRow")
    assert writer.query(f"SELECT count(), uniqExact(_part) FROM {table}").result_rows == [(150_000, 1)]


def test_rows_that_look_like_statements_stay_rows(writer: Client, table: str) -> None:
    texts = [
        "\n\nDROP TABLE events\n",
        "; DROP TABLE events; --",
        "'); DROP TABLE events",
        "FORMAT Native\n\n",
        "\0\n\n",
    ]
    writer.insert(table, [[text] for text in texts], column_names=["properties"])
    rows = writer.query(f"SELECT properties FROM {table}").result_rows
    assert sorted(row[0] for row in rows) == sorted(texts)
    with pytest.raises(DatabaseError):
        writer.raw_insert(table, insert_block=b'{"event_id":"1"}\n\nDROP TABLE events\n', fmt="JSONEachRow")
    assert writer.command("EXISTS TABLE events") == 1


@pytest.mark.parametrize("compression", [True, "lz4", "zstd", "gzip", False])
def test_a_client_may_compress_what_it_inserts(compression: bool | str, server: DoorProcess, table: str) -> None:
    client = clickhouse_connect.get_client(
        host="127.0.0.1", port=server.port, username="writer", password=WRITE_TOKEN, compress=compression
    )
    # Enough rows for several blocks, which the client compresses one by one.
    rows = [[str(number), "x" * 50] for number in range(60_000)]
    client.insert(table, rows, column_names=["event_id", "properties"])
    assert client.query(f"SELECT count(), uniqExact(event_id) FROM {table}").result_rows == [(60_000, 60_000)]
    client.close()


@pytest.mark.parametrize(("encoding", "encode"), [("gzip", gzip.compress), ("lz4", lz4.frame.compress)])
def test_the_statement_may_stand_in_the_url_and_the_rows_in_a_compressed_body(
    encoding: str, encode: object, server: DoorProcess, writer: Client, table: str
) -> None:
    assert callable(encode)
    head = f"INSERT INTO `{table}` (`event_id`, source, timestamp)"
    query = f"{head} SETTINGS date_time_input_format = 'best_effort' FORMAT JSONEachRow"
    reply = server.ask(
        encode(_LINES),
        user="writer",
        token=WRITE_TOKEN,
        headers={"Content-Encoding": encoding},
        parameters={"query": query},
    )
    assert reply.status == 200, reply.body
    assert '"written_rows": "100"' in reply.headers["X-ClickHouse-Summary"]
    assert _count(writer, table) == 100


def test_a_body_that_inflates_too_far_or_in_an_unknown_way_inserts_nothing(
    server: DoorProcess, writer: Client, table: str
) -> None:
    query = {"query": f"INSERT INTO {table} FORMAT TSV"}
    for encoding, body, status in (("gzip", gzip.compress(b"0" * (80 << 20), 1), 413), ("br", b"x", 415)):
        headers = {"Content-Encoding": encoding}
        reply = server.ask(body, user="writer", token=WRITE_TOKEN, headers=headers, parameters=query)
        assert reply.status == status, reply.body
    assert _count(writer, table) == 0


def test_values_and_selects_can_be_inserted_too(writer: Client, server: DoorProcess, table: str) -> None:
    server.write(f"INSERT INTO {table} (event_id, properties) VALUES ('1', 'FORMAT JSONEachRow'), ('2', '')")
    server.write(f"INSERT INTO {table} (event_id, properties) VALUES ('3', '\n\nDROP TABLE events\n')")
    server.write(f"INSERT INTO {table} (event_id) SELECT toString(number) FROM numbers(3)")
    assert _count(writer, table) == 6


def test_a_statement_after_the_values_is_not_run(server: DoorProcess, table: str) -> None:
    server.ask(f"INSERT INTO {table} (event_id) VALUES ('1'); DROP TABLE {table}", user="writer", token=WRITE_TOKEN)
    assert server.write(f"EXISTS TABLE {table}") == "1\n"


def test_an_insert_in_a_form_that_could_be_misread_is_refused(server: DoorProcess, writer: Client, table: str) -> None:
    statement = (
        f"INSERT INTO {table} (* EXCEPT (event_id)) FORMAT JSONEachRow\n" + '{"source":"x"}\n\nDROP TABLE events\n'
    )
    reply = server.ask(statement, user="writer", token=WRITE_TOKEN)
    assert (reply.status, reply.code) == (403, 497)
    assert writer.command("EXISTS TABLE events") == 1
    assert _count(writer, table) == 0


def test_settings_of_one_request_do_not_reach_the_next(writer: Client, server: DoorProcess) -> None:
    query = "SELECT value FROM system.settings WHERE name = 'max_insert_threads'"
    assert server.write(query, max_insert_threads="3") == "3\n"
    assert server.write(query) != "3\n"
    for name in ("nosuch_setting", "additional_table_filters", "a = 1; DROP TABLE events; --"):
        bad = server.ask("SELECT 1", user="writer", token=WRITE_TOKEN, parameters={name: "1"})
        assert (bad.status, bad.code) == (403, 497)
        assert f"the setting {name} is not allowed" in bad.body


def test_a_get_request_never_writes(server: DoorProcess) -> None:
    request = {"user": "writer", "token": WRITE_TOKEN, "method": "GET"}
    assert server.ask(parameters={"query": "SELECT 1"}, **request).body == "1\n"
    reply = server.ask(parameters={"query": "DROP TABLE events"}, **request)
    assert (reply.status, reply.code) == (403, 497)


def test_only_the_write_token_makes_a_writer(server: DoorProcess) -> None:
    for user, token, status in (("writer", READ_TOKEN, 401), ("writer", "", 401), ("other", READ_TOKEN, 403)):
        assert server.ask("CREATE TABLE stolen (a UInt8) ENGINE = Memory", user=user, token=token).status == status
    assert server.write("EXISTS TABLE stolen") == "0\n"


def test_the_store_of_the_aggregator_works_over_this_door(tmp_path: Path) -> None:
    fresh = door_process.start(tmp_path)
    store = open_store(f"http://writer:{WRITE_TOKEN}@127.0.0.1:{fresh.port}/default")
    assert migrate(store)
    assert migrate(store) == []
    line = (
        b'{"event_id":"1","source":"s","timestamp":"2026-01-02T03:04:05.678Z","received_at":"2026-01-02T03:04:05Z"}\n'
    )
    for _ in range(2):
        store.insert_lines("events", line, "a token")
    assert store.query("SELECT event_id, toString(timestamp) AS at FROM events") == [
        {"event_id": "1", "at": "2026-01-02 03:04:05.678"}
    ]
    store.close()
    assert fresh.stop() == 0


async def test_a_server_without_a_write_token_or_with_a_taken_port_says_so(server: DoorProcess, tmp_path: Path) -> None:
    environment = {"SAFAR_DATA_DIR": str(tmp_path), "SAFAR_SQL_PORT": str(server.port)}
    with pytest.raises(ConfigError, match="SAFAR_WRITE_TOKEN must be set"):
        await serve_store(load_config(environment), asyncio.Event())
    with pytest.raises(ConfigError, match="SAFAR_SQL_PORT"):
        await serve_store(load_config({**environment, "SAFAR_WRITE_TOKEN": "w"}), asyncio.Event())


async def test_a_remote_store_has_no_door_of_ours(tmp_path: Path, server: DoorProcess) -> None:
    dsn = f"http://writer:{WRITE_TOKEN}@127.0.0.1:{server.port}/default"
    environment = {"SAFAR_DATA_DIR": str(tmp_path), "SAFAR_STORE_DSN": dsn, "SAFAR_WRITE_TOKEN": "w"}
    with pytest.raises(ConfigError, match="ClickHouse server"):
        await serve_store(load_config(environment), asyncio.Event())
