"""The event ids beyond a restart: kept in a file with the positions it has come to, or read from the store."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.aggregator import seen as seen_module
from services.aggregator.id_filter import IdFilter
from services.aggregator.seen import SeenIds
from tests.aggregator.test_seen import doubles, named
from tests.support.stores import NOW, event, insert


@pytest.fixture
def learnt(store, monkeypatch) -> Iterator[list[str]]:
    """How each start learnt: all of the window, or what came since."""
    ways: list[str] = []
    column_blocks = type(store).column_blocks

    def noted(self, sql, asked):
        ways.append("since" if "first" in asked else "all")
        return column_blocks(self, sql, asked)

    monkeypatch.setattr(type(store), "column_blocks", noted)
    return ways


@pytest.fixture(autouse=True)
def _keep_at_once(monkeypatch):
    monkeypatch.setattr(seen_module, "_KEEP_EVERY", 1)


def started(store, directory: Path, log_id: str = "log", partitions: tuple[int, ...] = (0,)) -> SeenIds:
    seen = SeenIds(store, window_events=1000, window_days=30, directory=directory)
    seen.learn(log_id, dict.fromkeys(partitions, 0), NOW)
    return seen


def kept_after(store, directory: Path, names: str) -> None:
    """A run that stores some events, commits them, and is killed."""
    seen = started(store, directory)
    for offset, name in enumerate(names):
        doubles(seen, named(name), NOW)
        insert(store, [event(name)], offset)
        seen.reached({0: offset + 1}, "log")


def test_a_start_reads_only_what_came_after_the_kept_filter(store, tmp_path, learnt):
    kept_after(store, tmp_path, "ab")
    insert(store, [event("c")], 2)
    seen = started(store, tmp_path)
    assert learnt == ["all", "since"]
    assert seen.remembered == 3
    assert doubles(seen, named("a", "b", "c", "d"), NOW) == {0, 1, 2}


def test_both_generations_of_the_filter_are_kept(tmp_path):
    kept = IdFilter(10)
    kept.add(map(str, range(15)))
    kept.save(tmp_path / "ids", "log", {0: 7})
    loaded = IdFilter.load(tmp_path / "ids", "log", 10)
    assert loaded is not None
    assert (loaded[0].count, loaded[1]) == (5, {0: 7})
    assert loaded[0].maybe_seen([*map(str, range(15)), "new"]) == [*map(str, range(10, 15)), *map(str, range(10))]


def test_what_is_kept_is_whole_or_not_used(store, tmp_path, learnt):
    kept_after(store, tmp_path, "ab")
    (file,) = tmp_path.iterdir()
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    assert doubles(started(store, tmp_path), named("a", "b"), NOW) == {0, 1}
    file.write_bytes(content[:50])
    assert doubles(started(store, tmp_path), named("a", "b"), NOW) == {0, 1}
    assert learnt == ["all", "all", "all"]


@pytest.mark.parametrize(("log_id", "partitions"), [("another", (0,)), ("log", (0, 1))])
def test_what_another_log_or_fewer_partitions_gave_is_not_enough(store, tmp_path, learnt, log_id, partitions):
    kept_after(store, tmp_path, "ab")
    seen = started(store, tmp_path, log_id, partitions)
    assert learnt == ["all", "all"]
    assert doubles(seen, named("a", "b"), NOW) == {0, 1}


def test_of_partitions_that_were_given_away_and_come_back_everything_is_learnt(store, tmp_path, learnt):
    seen = started(store, tmp_path, partitions=(0, 1))
    seen.learn("log", {1: 0}, NOW)
    insert(store, [event("a")])
    seen.learn("log", {0: 1, 1: 0}, NOW)
    assert learnt == ["all", "since", "all"]
    assert doubles(seen, named("a"), NOW) == {0}


def test_a_directory_that_cannot_be_written_is_said_once_and_costs_nothing_else(store, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    kept_after(store, tmp_path / "file", "abc")
    assert [record.getMessage() for record in caplog.records] == [
        "The event ids are not kept beyond a restart: File exists."
    ]
