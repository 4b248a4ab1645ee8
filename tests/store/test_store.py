"""One ClickHouse database, embedded or over HTTP: opening, errors in words, threads."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from safar.contract import to_line
from safar.errors import ConfigError, DirectoryOwned, StoreUnavailable
from safar.store import RowsRefused, Store, migrate, open_store
from tests.support import door_process
from tests.support.pipeline import free_port
from tests.support.stores import count, event, failed, fresh_store, ids, insert, line

ONE_SENTENCE = re.compile(r"[^\n]+\.")


@pytest.fixture(scope="module", params=["embedded", "over HTTP"])
def any_store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    directory = tmp_path_factory.mktemp("store")
    if request.param == "embedded":
        with fresh_store(directory) as store:
            yield store
        return
    server = door_process.start(directory, hosts=["127.0.0.1"])
    try:
        with closing(open_store(f"http://writer:{door_process.WRITE_TOKEN}@127.0.0.1:{server.port}/default")) as store:
            migrate(store)
            yield store
    finally:
        server.stop()


@pytest.mark.parametrize(
    "dsn",
    [
        "",
        "store",
        "ftp://host/database",
        "http://",
        "http://[half",
        "http://user:secret@host:port/database",
        "chdb://",
        "chdb:///",
        "chdb:store",
        "chdb://data/store",
    ],
)
def test_an_address_that_makes_no_sense_is_refused_in_one_sentence(dsn):
    with pytest.raises(ConfigError, match=r"^SAFAR_STORE_DSN must ") as refusal:
        open_store(dsn)
    assert ONE_SENTENCE.fullmatch(str(refusal.value))
    assert "secret" not in str(refusal.value)


def test_a_file_where_the_directory_should_be_is_refused_in_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    for dsn, reason in (
        (f"chdb://{tmp_path}/file", "is not a directory"),
        (f"chdb://{tmp_path}/file/store", "cannot be"),
    ):
        with pytest.raises(ConfigError, match=reason) as refusal:
            open_store(dsn)
        assert ONE_SENTENCE.fullmatch(str(refusal.value))


def test_a_directory_that_another_process_has_open_is_refused_with_that_process(tmp_path):
    program = "import sys, safar.store as s; o = s.open_store(sys.argv[1]); print(flush=True); sys.stdin.read()"
    dsn = f"chdb://{tmp_path}/store"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    with subprocess.Popen([sys.executable, "-c", program, dsn], env=environment, **pipes) as owner:
        assert owner.stdout is not None
        owner.stdout.readline()
        with pytest.raises(
            DirectoryOwned, match=rf"^Another process works on the store in .* \(process {owner.pid}\)\.$"
        ):
            open_store(dsn)
        owner.kill()
    open_store(dsn).close()


def test_a_directory_that_this_process_has_open_is_refused(tmp_path):
    with fresh_store(tmp_path), pytest.raises(DirectoryOwned, match=f"process {os.getpid()}"):
        open_store(f"chdb://{tmp_path}/store")


def test_a_closed_store_can_be_opened_again_and_so_can_another(tmp_path):
    with fresh_store(tmp_path / "one") as store:
        insert(store, [event("a")])
    with fresh_store(tmp_path / "two") as store:
        assert ids(store) == []
    with fresh_store(tmp_path / "one") as store:
        assert ids(store) == ["a"]


@pytest.mark.parametrize("name", ["it's", "a$b^", "[ab]|(c)+", "سفر"])
def test_a_directory_may_be_called_nearly_anything(tmp_path, name):
    with fresh_store(tmp_path / name) as store:
        insert(store, [event("a")])
        assert ids(store) == ["a"]
    assert not list(tmp_path.glob("*/store.incoming/*"))


@pytest.mark.parametrize("name", ["{a}", "a*", "a$b*", "}"])
def test_a_directory_whose_rows_the_engine_would_not_find_is_refused_in_one_sentence(tmp_path, name):
    """It takes the name of a file for a pattern, and would insert nothing without a word when none fits."""
    with pytest.raises(ConfigError, match=r"^The store cannot be in .* patterns") as refusal:
        open_store(f"chdb://{tmp_path}/{name}/store")
    assert ONE_SENTENCE.fullmatch(str(refusal.value))


def test_rows_that_a_killed_process_left_half_inserted_are_cleared_away(tmp_path):
    left = tmp_path / "store.incoming" / "rows"
    left.parent.mkdir()
    left.write_text("half a r")
    with fresh_store(tmp_path):
        assert not left.exists()


def test_a_second_directory_beside_an_open_one_is_refused_in_words(tmp_path):
    refusal = pytest.raises(StoreUnavailable, match="already initialized with path")
    with fresh_store(tmp_path / "one"), closing(open_store(f"chdb://{tmp_path}/two/store")) as second, refusal:
        second.query("SELECT 1")


def test_a_closed_store_answers_nobody(tmp_path):
    with fresh_store(tmp_path) as store:
        pass
    with pytest.raises(StoreUnavailable, match=r"^The store is closed\.$"):
        store.query("SELECT 1")


def test_a_server_that_is_away_is_named_without_its_password():
    store = open_store(f"http://writer:hush@127.0.0.1:{free_port()}/default")
    with pytest.raises(StoreUnavailable, match=r"^The store does not answer: .*refused") as failure:
        store.query("SELECT 1")
    assert "hush" not in str(failure.value)
    assert "\n" not in str(failure.value)


def test_a_server_that_goes_away_is_unavailable_and_not_a_bad_row(tmp_path):
    server = door_process.start(tmp_path, hosts=["127.0.0.1"])
    with closing(open_store(f"http://writer:{door_process.WRITE_TOKEN}@127.0.0.1:{server.port}/default")) as store:
        migrate(store)
        insert(store, [event("a")])
        server.stop()
        for ask in (lambda: store.query("SELECT 1"), lambda: insert(store, [event("b")])):
            with pytest.raises(StoreUnavailable):
                ask()


def test_rows_come_back_as_they_went_in(any_store):
    sent = event("ش☕\t'\\", user_id="u\nv", url="a\0b")
    insert(any_store, [sent], log_id="back")
    (row,) = any_store.query("SELECT * FROM events WHERE log_id = {log:String}", {"log": "back"})
    assert (row["event_id"], row["user_id"], row["url"]) == (sent.event_id, sent.user_id, sent.url)
    frame = any_store.query_df("SELECT event_id FROM events WHERE log_id = {log:String}", {"log": "back"})
    assert list(frame["event_id"]) == [sent.event_id]


def test_large_answers_come_in_blocks(any_store):
    numbers = "SELECT number, toString(number) FROM numbers({rows:UInt64})"
    seen = 0
    for values, texts in any_store.column_blocks(numbers, {"rows": 200_000}):
        assert [str(value) for value in values] == list(texts)
        seen += len(values)
    assert seen == 200_000


@pytest.mark.parametrize(
    "poison",
    [
        line("p", revenue="much"),
        line("p").replace(b'"kind"', b'"revenue":1e300,"kind"'),
        line("p", timestamp="zzz"),
        line("p").replace(b'"kind"', b'"url":"\\ud800","kind"'),
        line("p").replace(b'"kind"', b'"event":"again","kind"'),
        b"{nonsense",
    ],
)
def test_a_row_that_no_table_takes_is_refused_and_nothing_is_stored(any_store, poison):
    before = count(any_store, "events")
    with pytest.raises(RowsRefused, match=r"Code: \d+") as refusal:
        any_store.insert_lines("events", b"\n".join([to_line(event("good")), poison, to_line(event("good"))]), "token")
    assert "\n" not in str(refusal.value)
    assert count(any_store, "events") == before


def test_an_insert_that_fails_for_another_reason_is_not_blamed_on_the_rows(any_store):
    with pytest.raises(StoreUnavailable, match="nowhere"):
        any_store.insert_lines("nowhere", to_line(event("a")), "token")


@pytest.mark.parametrize("sql", ["SELECT nothing", "SELEC 1", "SELECT * FROM nowhere", "SELECT toDate('zzz')"])
def test_a_query_that_fails_is_no_refused_row(any_store, sql):
    with pytest.raises(StoreUnavailable, match=r"^The store did not confirm: [^\n]+$"):
        any_store.query(sql)


def test_a_stream_that_fails_is_unavailable(any_store):
    with pytest.raises(StoreUnavailable):
        list(any_store.column_blocks("SELECT nothing", {}))


def test_the_token_tells_whether_an_insert_was_stored_before(any_store):
    for name, token in (("one", "first"), ("two", "first"), ("one", "second")):
        any_store.insert_lines("failed_events", to_line(failed(name)), token)
    assert any_store.query("SELECT failed_id FROM failed_events") == [{"failed_id": "one"}] * 2


def test_every_thread_has_a_client_of_its_own(any_store):
    clients = []
    threads = [threading.Thread(target=lambda: clients.append(any_store.client())) for _ in range(3)]
    for thread in threads:
        thread.start()
        thread.join()
    assert len({id(client) for client in clients}) == 3
    assert any_store.client() is any_store.client()


def test_threads_insert_and_query_at_once(any_store):
    def write(thread: int) -> None:
        for offset in range(15):
            insert(any_store, [event(f"{thread}-{offset}")], offset=offset, log_id=f"thread{thread}")

    def read(_: int) -> None:
        for _ in range(15):
            rows = any_store.query(
                "SELECT count() AS rows, uniqExact(log_id, log_offset, log_index) AS positions FROM events"
            )
            assert rows[0]["rows"] == rows[0]["positions"]

    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(job, number) for number in range(3) for job in (write, read)]
        for job in jobs:
            job.result()
    stored = any_store.query("SELECT count() AS rows FROM events WHERE log_id LIKE 'thread%'")
    assert stored == [{"rows": 45}]
