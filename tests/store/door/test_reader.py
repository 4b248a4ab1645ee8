"""The reader's door as clients meet it: unmodified clients, raw HTTP, limits, and many at once."""

import gzip
import http.client
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import clickhouse_connect
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from tests.support import door_process
from tests.support.door_process import WRITE_TOKEN, DoorProcess

_SLOW = "SELECT sum(sipHash64(number)) FROM numbers(100000000000)"


@pytest.fixture
def reader(server: DoorProcess) -> Iterator[Client]:
    client = server.reader()
    yield client
    client.close()


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorProcess]:
    """A door with room for one statement and small answers."""
    running = door_process.start(
        tmp_path_factory.mktemp("narrow"),
        workers=1,
        waiting=0,
        max_seconds=3,
        max_memory_bytes=100_000_000,
        answer_max_bytes=3_000_000,
        whole_max_bytes=1_000_000,
        body_max_bytes=100_000,
    )
    yield running
    assert running.stop() == 0
    assert "Traceback" not in running.complaints()


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DoorProcess]:
    """A door with one worker, that lets others wait for a second."""
    running = door_process.start(tmp_path_factory.mktemp("busy"), workers=1, waiting=8, wait_seconds=1, max_seconds=50)
    yield running
    assert running.stop() == 0
    assert "Traceback" not in running.complaints()


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


def test_a_thousand_callers_at_once_are_answered_or_told_to_come_back(server: DoorProcess) -> None:
    with ThreadPoolExecutor(1000) as callers:
        asked = callers.map(lambda _: server.ask("SELECT sum(number) FROM numbers(100000)"), range(1000))
        statuses = {reply.status for reply in asked}
    assert statuses <= {200, 503}
    assert 200 in statuses
    assert server.ask("SELECT 1").body == "1\n"


def test_readers_see_whole_inserts_only_and_are_not_kept_waiting(server: DoorProcess) -> None:
    server.bare("CREATE OR REPLACE TABLE batches (n UInt64) ENGINE = MergeTree ORDER BY n")
    counts: list[list[int]] = []

    def read() -> None:
        client = server.reader()
        seen = []
        while not seen or seen[-1] < 10_000:
            seen.append(client.command("SELECT count() FROM batches"))
        counts.append(seen)
        client.close()

    readers = [threading.Thread(target=read) for _ in range(3)]
    for thread in readers:
        thread.start()
    for batch in range(20):
        server.write("INSERT INTO batches FORMAT TSV\n" + "".join(f"{batch * 500 + row}\n" for row in range(500)))
    for thread in readers:
        thread.join(timeout=60)
    server.bare("DROP TABLE batches")
    assert len(counts) == 3
    for seen in counts:
        assert seen == sorted(seen)
        assert all(count % 500 == 0 for count in seen)


def test_a_statement_beyond_the_room_is_told_to_come_back(narrow: DoorProcess) -> None:
    slow: list[door_process.Reply] = []

    def ask_until_there_is_room() -> None:
        while not slow or slow[-1].status == 503:
            slow.append(narrow.ask(_SLOW))

    running = threading.Thread(target=ask_until_there_is_room)
    running.start()
    deadline = time.monotonic() + 30
    while (reply := narrow.ask("SELECT 1")).status != 503 and time.monotonic() < deadline:
        pass
    assert (reply.status, reply.code) == (503, 202)
    assert reply.headers["Retry-After"] == "1"
    # The writer has a room of its own.
    assert narrow.write("SELECT 1") == "1\n"
    running.join(timeout=60)
    # The same statement shows the other limit: it is stopped when its time is up, and the room is free again.
    assert (slow[-1].status, slow[-1].code) == (408, 159)
    assert narrow.ask("SELECT 1").body == "1\n"


def test_an_answer_too_large_is_cut_off_with_a_reason(narrow: DoorProcess) -> None:
    client = narrow.reader()
    with pytest.raises((StreamFailureError, DatabaseError), match="bytes"):
        _ = client.query("SELECT number FROM numbers(1000000)").result_rows
    whole = narrow.ask("SELECT number FROM numbers(1000000) FORMAT JSON")
    assert (whole.status, whole.code) == (500, 396)
    # Small in the engine's memory, large as text.
    with pytest.raises(http.client.IncompleteRead) as raised:
        narrow.ask(f"SELECT number AS {'n' * 100} FROM numbers(200000) FORMAT JSONEachRow")
    assert b"The answer is over 3000000 bytes" in raised.value.partial[-1000:]
    assert client.command("SELECT 1") == 1
    client.close()


def test_a_statement_too_hungry_or_too_long_is_refused(narrow: DoorProcess) -> None:
    hungry = narrow.ask("SELECT length(groupArray(number)) FROM numbers(1000000000)")
    assert (hungry.status, hungry.code) == (500, 241)
    long = narrow.ask("SELECT '" + "x" * 200_000 + "'")
    assert (long.status, long.code) == (413, 307)


def test_a_client_that_leaves_frees_its_place(narrow: DoorProcess, tmp_path: Path) -> None:
    client = narrow.reader()
    stream = client.raw_stream("SELECT number FROM numbers(300000)", fmt="Native")
    assert stream.read(10)
    client.close_connections()
    stream.close()
    deadline = time.monotonic() + 30
    while (reply := narrow.ask("SELECT 1")).status != 200 and time.monotonic() < deadline:
        pass
    assert reply.body == "1\n"


def test_a_short_statement_behind_slow_ones_is_answered_or_told_to_come_back_within_seconds(busy: DoorProcess) -> None:
    with busy.leaving(_SLOW), busy.leaving(_SLOW), busy.leaving(_SLOW):
        _until(lambda: _running(busy) == 1)
        began = time.monotonic()
        reply = busy.ask("SELECT 1")
        assert time.monotonic() - began < 10
        assert (reply.status, reply.code) == (503, 202)
        assert reply.headers["Retry-After"] == "1"
        assert "No worker became free for 1 seconds; try again" in reply.body


@pytest.mark.parametrize("output", ["TSV", "JSON"])
def test_the_statement_of_a_client_that_left_burns_no_core(busy: DoorProcess, output: str) -> None:
    with busy.leaving(f"{_SLOW} FORMAT {output}"):
        _until(lambda: _running(busy) == 1)
    _until(lambda: _running(busy) == 0)
    assert busy.ask("SELECT 1").body == "1\n"


def test_a_client_that_leaves_while_it_waits_never_gets_a_worker(busy: DoorProcess) -> None:
    with busy.leaving(_SLOW):
        _until(lambda: _running(busy) == 1)
        with busy.leaving(_SLOW.replace("sum", "max")):
            pass
    _until(lambda: _running(busy) == 0)
    assert busy.ask("SELECT 1").body == "1\n"


def test_the_statement_of_a_writer_that_left_is_finished(server: DoorProcess) -> None:
    server.bare("CREATE OR REPLACE TABLE kept (n UInt64) ENGINE = MergeTree ORDER BY n")
    insert = "INSERT INTO kept SELECT max(sipHash64(number)) FROM numbers(60000000)"
    with server.leaving(insert, user="writer", token=WRITE_TOKEN):
        _until(lambda: _running(server) == 1)
    _until(lambda: server.bare("SELECT count() FROM kept") == "1\n")
    server.bare("DROP TABLE kept")


def _running(server: DoorProcess) -> int:
    """How many slow statements are at work, by the engine's own list."""
    return int(server.bare("SELECT count() FROM system.processes WHERE query LIKE '%(sipHash64(' || 'number%'"))


def _until(held: Callable[[], bool]) -> None:
    """Wait until it holds, far less than a slow statement may take."""
    deadline = time.monotonic() + 20
    while not held():
        assert time.monotonic() < deadline
        time.sleep(0.1)
