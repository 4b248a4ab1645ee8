"""Of two that insert from one log partition, only the one that took it over last gets anything stored."""

import threading

import pytest

from safar.contract import to_line
from safar.store import Fenced, takeover
from safar.store.fence import Fence
from safar.store.insert import quoted
from safar.store.takeover import take_over
from tests.support.logs import until
from tests.support.stores import event, ids

LOG = "log's own name"


def lines(*names: str) -> bytes:
    return b"\n".join(to_line(event(name)) for name in names)


def test_who_was_taken_over_from_inserts_nothing(store):
    first = take_over(store, LOG, [0, 1])
    store.insert_lines("events", lines("a"), "1", first)
    second = take_over(store, LOG, [1])
    with pytest.raises(Fenced):
        store.insert_lines("events", lines("b"), "2", first)
    store.insert_lines("events", lines("c"), "3", second)
    assert ids(store) == ["a", "c"]


def test_other_partitions_and_other_logs_go_on(store):
    mine = take_over(store, LOG, [0])
    take_over(store, LOG, [1])
    take_over(store, "another log", [0])
    store.insert_lines("events", lines("a"), "1", mine)
    assert ids(store) == ["a"]


def test_tokens_rise_however_often_the_table_is_merged(store):
    tokens = []
    for _ in range(5):
        tokens.append(take_over(store, LOG, [0]).token)
        store.command("OPTIMIZE TABLE fencing_tokens FINAL")
    assert tokens == sorted(set(tokens))
    assert store.query("SELECT count() AS rows FROM fencing_tokens") == [{"rows": 1}]


def test_two_that_take_over_at_the_same_moment_are_told_apart(store, monkeypatch):
    """Both have read the same newest token."""
    newest = takeover._NEWEST
    monkeypatch.setattr(takeover, "_NEWEST", "SELECT toUInt64(7) AS token")
    fences = [take_over(store, LOG, [0]).token for _ in range(2)]
    monkeypatch.setattr(takeover, "_NEWEST", newest)
    asked = take_over(store, LOG, [1]).newest.replace("(1)", "(0)")
    lower, higher = (Fence(LOG, (0,), token, asked) for token in sorted(fences))
    store.insert_lines("events", lines("a"), "1", higher)
    with pytest.raises(Fenced):
        store.insert_lines("events", lines("b"), "2", lower)
    assert ids(store) == ["a"]


def test_taking_over_waits_for_an_insert_that_runs(store):
    """It asked for the newest token before there was the new one; what it stores must be seen by the recovery."""
    first = take_over(store, LOG, [0])
    slow = (
        "INSERT INTO skipped_positions (log_offset) SELECT sleepEachRow(0.3) FROM numbers(3)"
        f" WHERE {first.condition} SETTINGS max_block_size = 1, log_comment = {quoted(first.comment)}"
    )
    inserting = threading.Thread(target=store.command, args=(slow,))
    inserting.start()
    running = "SELECT count() AS found FROM system.processes WHERE query_kind = 'Insert'"
    until(lambda: store.query(running) == [{"found": 1}], lambda: None)
    take_over(store, LOG, [0])
    assert store.query("SELECT count() AS rows FROM skipped_positions") == [{"rows": 3}]
    inserting.join()
