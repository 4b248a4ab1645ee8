"""The reader's door as clients meet it: unmodified clients, raw HTTP, and what a request may be."""

import gzip
import http.client
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from tests.support import door_process
from tests.support.door_process import WRITE_TOKEN, DoorProcess


@pytest.fixture
def reader(server: DoorProcess) -> Iterator[Client]:
    client = server.reader()
    yield client
    client.close()


def test_an_unmodified_client_connects_pings_and_queries(reader: Client) -> None:
    assert reader.ping()
    result = reader.query("SELECT count() AS n, sum(revenue) AS total FROM touchpoints")
    assert result.column_names == ("n", "total")
    assert result.result_rows == [(3000, Decimal("19990.000000"))]


def test_a_client_gets_the_columns_of_an_empty_table_when_it_asks_for_them(reader: Client) -> None:
    assert reader.query("SELECT user_id, revenue FROM events LIMIT 0").column_names == ("user_id", "revenue")
    assert reader.query("SELECT user_id FROM events WHERE 0").result_rows == []


def test_a_client_gets_a_data_frame_and_an_arrow_table(reader: Client) -> None:
    query = "SELECT event, count() AS n FROM events GROUP BY event ORDER BY event"
    frame = reader.query_df(query)
    assert frame.to_dict("records") == reader.query_arrow(query).to_pylist()
    assert frame["event"].tolist() == ["Order Completed", "Product Added", "Product Viewed"]
    assert frame["n"].tolist() == [1000, 1000, 1000]


def test_a_client_binds_parameters_of_every_kind(reader: Client) -> None:
    parameters = {
        "number": 7,
        "text": "it's a\ttab, a \\ and a\nline سفر",
        "items": ["a'b", "c\\d"],
        "when": datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
    }
    query = "SELECT {number:UInt8} + 1, {text:String}, {items:Array(String)}, {when:DateTime('UTC')}"
    row = reader.query(query, parameters=parameters).result_rows[0]
    assert row == (8, parameters["text"], parameters["items"], datetime(2026, 1, 2, 3, 4, 5))


def test_a_client_sends_parameters_too_long_for_a_url_in_a_form(reader: Client) -> None:
    wanted = [str(number) for number in range(5000)]
    query = "SELECT count() FROM events WHERE event_id IN {wanted:Array(String)}"
    assert reader.query(query, parameters={"wanted": wanted}).result_rows == [(3000,)]


def test_a_client_streams_blocks_and_may_stop_in_the_middle(reader: Client) -> None:
    with reader.query_row_block_stream("SELECT number FROM numbers(300000)") as blocks:
        sizes = [len(block) for block in blocks]
    assert sum(sizes) == 300_000
    assert len(sizes) > 1
    with reader.query_row_block_stream("SELECT number FROM numbers(3000000)") as blocks:
        next(iter(blocks))
    assert reader.command("SELECT 1") == 1


def test_a_clients_command_gives_one_value_or_an_empty_text(reader: Client) -> None:
    assert reader.command("SELECT count() FROM events") == 3000
    assert reader.command("EXISTS TABLE events") == 1
    assert reader.command("SELECT 1 WHERE 0") == ""


def test_a_client_raises_its_ordinary_errors(reader: Client) -> None:
    for query, code in (
        ("SELECT nosuch", 47),
        ("SELEC 1", 62),
        ("SELECT * FROM nosuch", 60),
        ("DROP TABLE events", 497),
    ):
        with pytest.raises(DatabaseError) as raised:
            reader.query(query)
        assert raised.value.code == code


def test_an_error_in_the_middle_of_an_answer_reaches_the_client(reader: Client) -> None:
    with pytest.raises(StreamFailureError, match="throwIf"):
        _ = reader.query("SELECT throwIf(number = 400000) FROM numbers(500000)").result_rows


def test_an_answer_cut_off_in_the_middle_does_not_look_complete(server: DoorProcess) -> None:
    with pytest.raises(http.client.IncompleteRead) as raised:
        server.ask("SELECT throwIf(number = 400000) FROM numbers(500000)")
    assert b"Code: 395. DB::Exception: " in raised.value.partial[-2000:]


async def test_an_asynchronous_client_works_too(server: DoorProcess) -> None:
    client = await clickhouse_connect.get_async_client(
        host="127.0.0.1", port=server.port, username="any", password=door_process.READ_TOKEN
    )
    result = await client.query("SELECT count() FROM events")
    assert result.result_rows == [(3000,)]
    await client.close()


def test_a_raw_request_is_answered_as_clickhouse_answers(server: DoorProcess) -> None:
    get = server.ask(method="GET", parameters={"query": "SELECT 1, 'a\tb'", "query_id": "mine"})
    assert (get.status, get.body) == (200, "1\ta\\tb\n")
    assert get.headers["X-ClickHouse-Format"] == "TabSeparated"
    assert get.headers["X-ClickHouse-Query-Id"] == "mine"
    assert get.headers["Content-Type"] == "text/tab-separated-values; charset=UTF-8"
    assert '"read_rows"' in get.headers["X-ClickHouse-Summary"]
    assert server.ask("SELECT 1 AS x FORMAT JSONEachRow").body == '{"x":1}\n'
    assert server.ask("SELECT 1 AS x format csvwithnames").body == '"x"\n1\n'
    assert server.ask("SELECT 1, 2", parameters={"default_format": "CSV"}).body == "1,2\n"
    assert server.ask("SELECT 1, 2", headers={"X-ClickHouse-Format": "CSV"}).body == "1,2\n"
    assert server.ask("1", parameters={"query": "SELECT"}).body == "1\n"
    assert server.ask(method="GET").body == "Ok.\n"
    assert server.ask(method="GET", path="/ping", token="").body == "Ok.\n"


def test_a_query_id_cannot_add_a_header(server: DoorProcess) -> None:
    reply = server.ask("SELECT 1", parameters={"query_id": "x\r\nSet-Cookie: a=b"})
    assert reply.status == 200
    assert "Set-Cookie" not in reply.headers


def test_every_way_of_sending_the_token_is_understood_and_no_token_is_refused(server: DoorProcess) -> None:
    token = door_process.READ_TOKEN
    for headers in ({"Authorization": f"Bearer {token}"}, {"X-ClickHouse-User": "any", "X-ClickHouse-Key": token}):
        assert server.ask("SELECT 1", headers=headers).body == "1\n"
    for headers in ({"Authorization": "Bearer wrong"}, {"X-ClickHouse-Key": "wrong"}, {"Authorization": ""}):
        reply = server.ask("SELECT 1", headers=headers)
        assert (reply.status, reply.code) == (401, 516)
        assert reply.headers["WWW-Authenticate"].startswith("Basic")
    assert server.ask("SELECT 1", headers={"Authorization": "Basic ???"}).status == 400
    assert server.ask("SELECT 1", token=WRITE_TOKEN).status == 401


def test_only_the_doors_own_names_are_answered(server: DoorProcess) -> None:
    assert server.ask("SELECT 1", headers={"Host": f"localhost:{server.port}"}).status == 200
    odd = ("localhost.", "[[localhost]]", "[localhost", "localhost:", "localhost:80:80", "[::1]", "127.1")
    for host in ("evil.example", f"evil.example:{server.port}", "127.0.0.1.evil.example", "", *odd):
        reply = server.ask("SELECT 1", headers={"Host": host})
        assert (reply.status, reply.code) == (403, 497)


def test_external_tables_are_declined_in_words(server: DoorProcess) -> None:
    sent = _send_form(server, b'Content-Disposition: form-data; name="t"; filename="t"\r\n\r\n1')
    assert (sent.status, sent.code) == (415, 48)


def test_a_form_that_cannot_be_read_or_would_inflate_is_refused(server: DoorProcess) -> None:
    part = b'Content-Disposition: form-data; name="query"\r\n'
    assert _send_form(server, part + b"\r\nSELECT 2").body == "2\n"
    bomb = gzip.compress(b" " * (64 << 20))
    for content, status, code in (
        (part + b"Content-Encoding: gzip\r\n\r\n" + bomb, 415, 48),
        (part + b"Content-Transfer-Encoding: base64\r\n\r\n!!!!", 415, 48),
        (part + b"\r\nSELECT '\xff'", 400, 36),
        (part + b"\r\n" + b" " * (1 << 20), 413, 307),
    ):
        reply = _send_form(server, content)
        assert (reply.status, reply.code) == (status, code), reply.body
    headers = {"Content-Type": "multipart/form-data"}
    assert server.ask(b"x", headers=headers).status == 400


def _send_form(server: DoorProcess, part: bytes) -> door_process.Reply:
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    return server.ask(b"--b\r\n" + part + b"\r\n--b--\r\n", headers=headers, parameters={"query": "SELECT 1"})


def test_a_reader_may_not_send_as_much_as_a_writer(server: DoorProcess) -> None:
    long = f"SELECT 1 /* {'x' * (1 << 20)} */"
    for body, encoding in ((long.encode(), ""), (gzip.compress(long.encode()), "gzip")):
        reply = server.ask(body, headers={"Content-Encoding": encoding})
        assert (reply.status, reply.code) == (413, 307)


def test_a_password_or_a_format_that_is_no_text_is_an_ordinary_refusal(server: DoorProcess) -> None:
    assert server.ask("SELECT 1", headers={"X-ClickHouse-Key": "\xff\xfe"}).status == 401
    assert server.ask("SELECT 1", headers={"X-ClickHouse-Format": "\xff"}).status == 403
