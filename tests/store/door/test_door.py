"""A door with many callers: its room, its limits, and what becomes of the statement of a client that leaves."""

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from clickhouse_connect.driver.exceptions import DatabaseError, StreamFailureError

from tests.support import door_process
from tests.support.door_process import WRITE_TOKEN, DoorProcess

_SLOW = "SELECT sum(sipHash64(number)) FROM numbers(100000000000)"


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


def test_a_client_that_leaves_frees_its_place(narrow: DoorProcess) -> None:
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
