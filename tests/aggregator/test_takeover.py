"""An aggregator that goes on after another one took its partitions over, as after a long pause of its process."""

from datetime import timedelta

import pytest

from safar.contract import to_line
from safar.store.takeover import take_over
from services.aggregator import consume
from tests.support.consuming import drained, running, tick
from tests.support.logs import until
from tests.support.stores import NOW, event, ids, insert


def test_what_the_other_one_stored_is_not_stored_again(bench, store, monkeypatch):
    """The paused one wakes with a batch in its hands; the other has stored that batch."""
    bench.append(to_line(event("a")), to_line(event("b")))
    paused = bench.consumer()
    gather = paused._gather

    def pause_then_gather(*inserting):
        gathered = gather(*inserting)
        if gathered and not ids(store):
            take_over(store, bench.log.log_id, [0])
            insert(store, [event("a"), event("b")], 0, bench.log.log_id, gathered[0].epoch)
        return gathered

    monkeypatch.setattr(paused, "_gather", pause_then_gather)
    with running(paused):
        until(lambda: drained(paused), tick)
    assert ids(store) == ["a", "b"]
    assert bench.sample("recoveries_total") == 2


def test_an_event_that_the_other_one_stored_is_recognised_when_it_comes_again(bench, store):
    bench.append(to_line(event("a")))
    paused = bench.consumer()
    with running(paused):
        until(lambda: drained(paused), tick)
        take_over(store, bench.log.log_id, [0])
        insert(store, [event("b")], 7, "another log")  # as good as one that the other one read from this log
        bench.append(to_line(event("b", received_at=NOW + timedelta(seconds=1))))
        until(lambda: bench.sample("duplicates_total"), tick)
    assert ids(store) == ["a", "b"]


def test_without_the_fence_the_same_pause_stores_twice(bench, store, monkeypatch):
    """The negative control."""
    monkeypatch.setattr(consume.Batch, "part", lambda batch, name: consume.Batch(f"{batch.token}:{name}"))
    with pytest.raises(AssertionError):
        test_what_the_other_one_stored_is_not_stored_again(bench, store, monkeypatch)
    assert ids(store) == ["a", "a", "b", "b"]
