"""A disk that refuses what the embedded engine writes: no row counts as stored that cannot be read."""

import os
import resource
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from safar.errors import StoreUnavailable
from safar.store import Store, open_store
from safar.store.parts import PartWatch
from tests.support.logs import until
from tests.support.stores import event, fresh_store, ids, insert

ROWS = 2000
FILL = f"""
INSERT INTO events (event_id, source, user_id, timestamp, received_at)
SELECT concat('{{0}}-', toString(number)), 'shop', hex(cityHash64(number, {{0}})), now(), toDateTime64('2026-03-01', 3)
FROM numbers({ROWS})
"""
PATHS = "SELECT path FROM system.parts WHERE database = currentDatabase() AND table = 'events' AND active"
REBUILT = """
SELECT countIf(NOT is_broken) AS sound FROM system.projection_parts WHERE database = currentDatabase() AND active
"""
BROKEN = "The disk did not keep all that was written to events."


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    """Of one's own: what is set aside stays beside it."""
    with fresh_store(tmp_path) as store:
        store.check_parts()
        yield store


@contextmanager
def small_files() -> Iterator[None]:
    """No file may grow over 16 KiB, as if the disk were full then; smaller ones are written."""
    usual, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 * 1024, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (usual, most))


def spoiled(store: Store, directory: Path, spoils: Mapping[str, Callable[[bytes], bytes]]) -> Store:
    """The store opened again after files of its first part of events were changed."""
    path = min(row["path"] for row in store.query(PATHS))
    store.close()
    for name, spoil in spoils.items():
        file = Path(path) / name
        file.write_bytes(spoil(file.read_bytes()))
    return open_store(f"chdb://{directory / 'store'}")


def test_the_engine_itself_says_nothing(store):
    """Why all of this is here: when the engine tells of it, it can go."""
    with small_files():
        store.command(FILL.format(1))
    assert store.query("SELECT count() AS rows FROM events") == [{"rows": ROWS}]
    with pytest.raises(StoreUnavailable, match="Cannot read all data"):
        store.query("SELECT sum(cityHash64(*)) FROM events")


def test_a_part_that_is_not_whole_is_said_and_set_aside(store, caplog):
    with small_files():
        store.command(FILL.format(1))
    with pytest.raises(StoreUnavailable, match=BROKEN):
        store.check_parts()
    assert "Unexpected size of file data.bin" in caplog.text
    assert ids(store) == []
    store.command(FILL.format(1))
    store.check_parts()
    assert len(ids(store)) == ROWS


def test_a_merge_that_is_not_whole_gives_back_what_it_merged(store):
    store.command("SYSTEM STOP MERGES events")
    for number in range(4):
        store.command(FILL.format(number))
    before = ids(store)
    store.command("SYSTEM START MERGES events")
    with small_files(), suppress(StoreUnavailable):  # sometimes it notices
        store.command("OPTIMIZE TABLE events FINAL")
    with pytest.raises(StoreUnavailable, match=BROKEN):
        store.check_parts()
    assert ids(store) == before
    store.command("OPTIMIZE TABLE events FINAL")
    store.check_parts()
    assert ids(store) == before


def test_what_only_the_next_start_would_miss_is_missed_at_once(store, caplog):
    store.command(FILL.format(1))
    (words,) = {Path(row["path"]) / "default_compression_codec.txt" for row in store.query(PATHS)}
    words.write_bytes(b"")
    with pytest.raises(StoreUnavailable, match=BROKEN):
        store.check_parts()
    assert "default_compression_codec.txt is empty" in caplog.text
    assert ids(store) == []


@pytest.mark.parametrize("spoil", [lambda _: b"", lambda data: bytes(len(data))], ids=["empty", "other bytes"])
def test_what_an_earlier_process_wrote_stays_when_only_a_projection_is_broken(store, tmp_path, spoil, caplog):
    """Its offset may be committed: nobody would insert it again."""
    insert(store, [event("a")])
    again = spoiled(store, tmp_path, {"devices.proj/data.bin": spoil})
    try:
        again.check_parts()
        until(lambda: again.query(REBUILT) == [{"sound": 1}], lambda: None)
        again.check_parts()
        assert ids(again) == ["a"]
        assert "made anew from the rows" in caplog.text
        assert "set aside" not in caplog.text
    finally:
        again.close()


def test_what_an_earlier_process_wrote_goes_when_its_rows_are_broken_too(store, tmp_path):
    insert(store, [event("a")])
    insert(store, [event("b")], offset=1)
    again = spoiled(store, tmp_path, dict.fromkeys(["devices.proj/columns.txt", "data.bin"], lambda _: b""))
    try:
        with pytest.raises(StoreUnavailable, match=BROKEN):
            again.check_parts()
        again.check_parts()
        assert ids(again) == ["b"]
    finally:
        again.close()


def test_what_this_process_wrote_is_written_again_when_a_projection_is_broken(store):
    store.command(FILL.format(1))
    (path,) = [row["path"] for row in store.query(PATHS)]
    (Path(path) / "devices.proj" / "data.bin").write_bytes(b"")
    with pytest.raises(StoreUnavailable, match=BROKEN):
        store.check_parts()
    assert ids(store) == []


def test_an_insert_looks_at_what_it_wrote(store, monkeypatch):
    insert(store, [event("a")])
    looked = []
    monkeypatch.setattr(PartWatch, "check", lambda _: looked.append(ids(store)))
    insert(store, [event("b")], offset=1)
    assert looked == [["a", "b"]]


def test_a_broken_part_that_somebody_else_finds_first_is_missed_by_who_wrote_it(store):
    def write_and_let_another_find_it() -> None:
        with small_files():
            store.command(FILL.format(1))
        with pytest.raises(StoreUnavailable, match=BROKEN):
            store.check_parts()

    with pytest.raises(StoreUnavailable, match="meanwhile"), store.watched():
        write_and_let_another_find_it()
    assert ids(store) == []


def test_a_start_reads_what_was_written_last_and_nothing_older(store, tmp_path, monkeypatch):
    insert(store, [event("a")])
    (old,) = [row["path"] for row in store.query(PATHS)]
    insert(store, [event("b")], offset=1)
    (last,) = [row["path"] for row in store.query(PATHS) if row["path"] != old]
    store.close()
    os.utime(old, (0, Path(last).stat().st_mtime - 3600))
    again = open_store(f"chdb://{tmp_path / 'store'}")
    try:
        asked = []
        client = again.client()
        raw_query = client.raw_query
        monkeypatch.setattr(client, "raw_query", lambda ask, **rest: asked.append(ask) or raw_query(ask, **rest))
        again.check_parts()
        assert f"CHECK TABLE events PART '{Path(last).name}'" in asked
        assert f"CHECK TABLE events PART '{Path(old).name}'" not in asked
        asked.clear()
        again.check_parts()
        assert asked == []
    finally:
        again.close()
