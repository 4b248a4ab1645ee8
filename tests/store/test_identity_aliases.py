"""Merging aliases as they come: the same as merging all at once, in bounded steps, from any state it was left in."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safar.store import Store, identity
from safar.store.identity import merge, refresh_aliases
from tests.support.stores import empty, event, insert

users = st.sampled_from("abcdefghij")
# (when, previous, new): calls of one instant too.
edges = st.lists(st.tuples(st.integers(0, 20), users, users), min_size=1, max_size=15)
few = settings(
    max_examples=8, derandomize=True, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def alias(number: int, minute: int, previous: str, new: str):
    when = event("x").timestamp.replace(minute=minute)
    return event(f"{number:03}", type="alias", event="", previous_id=previous, user_id=new, timestamp=when)


def merged(store: Store) -> dict[str, str]:
    rows = store.query("SELECT user_id, person FROM user_aliases FINAL")
    return {row["user_id"]: row["person"] for row in rows}


def whole(calls) -> dict[str, str]:
    return merge([(e.previous_id, e.user_id) for e in sorted(calls, key=lambda e: (e.timestamp, e.event_id))])


@few
@given(edges=edges, order=st.randoms(use_true_random=False))
def test_merging_call_after_call_in_any_order_is_merging_all_at_once(store, edges, order):
    calls = [alias(number, *edge) for number, edge in enumerate(edges)]
    arriving = list(calls)
    order.shuffle(arriving)
    empty(store)
    for offset in range(0, len(arriving), 4):
        insert(store, arriving[offset : offset + 4], offset=offset)
        refresh_aliases(store)
    assert merged(store) == whole(calls)


@few
@given(edges=edges, kept=st.sets(users))
def test_whatever_part_of_the_rows_a_kill_left_the_next_start_makes_it_right(store, edges, kept):
    calls = [alias(number, *edge) for number, edge in enumerate(edges)]
    empty(store)
    half = len(calls) // 2
    for offset, batch in enumerate((calls[:half], calls[half:])):
        if batch:
            insert(store, batch, offset=offset)
            refresh_aliases(store)
    store.command(f"DELETE FROM user_aliases WHERE user_id NOT IN ({', '.join(map(repr, ['', *kept]))})")
    identity._seen.clear()
    refresh_aliases(store)
    assert merged(store) == whole(calls)


def test_rows_that_say_less_are_merged_again(store):
    """As the version before wrote them: without the call that named them."""
    insert(store, [alias(1, 1, "a", "b"), alias(2, 2, "b", "c")])
    store.command("INSERT INTO user_aliases (source, user_id, person, updated_at) VALUES ('shop', 'a', 'b', now64(3))")
    identity._seen.clear()
    refresh_aliases(store)
    assert merged(store) == {"a": "c", "b": "c", "c": "c"}


def test_a_new_call_reads_and_writes_its_own_group_only(store, monkeypatch):
    insert(store, [alias(number, 1, f"old {number}", f"new {number}") for number in range(100)])
    refresh_aliases(store)
    written = []
    insert_lines = store.insert_lines
    monkeypatch.setattr(store, "insert_lines", lambda *args: (written.append(args), insert_lines(*args)))
    insert(store, [alias(200, 2, "new 7", "newest 7")], offset=1)
    written.clear()
    refresh_aliases(store)
    (rows,) = [lines.decode().splitlines() for table, lines, _ in written if table == "user_aliases"]
    assert len(rows) == 3
    written.clear()
    refresh_aliases(store)
    assert written == [], "nothing new, nothing written"


def test_a_row_from_a_clock_that_is_ahead_does_not_stay(store):
    store.command("""
        INSERT INTO user_aliases (source, user_id, person, updated_at)
        VALUES ('shop', 'a', 'b', '2100-01-01'), ('shop', 'b', 'b', '2100-01-01')
    """)
    insert(store, [alias(1, 1, "a", "b"), alias(2, 2, "b", "c")])
    refresh_aliases(store)
    assert merged(store) == {"a": "c", "b": "c", "c": "c"}


ONE_GROUP = """
INSERT INTO events (event_id, source, type, user_id, previous_id, timestamp, received_at, log_offset)
SELECT toString(number), 'shop', 'alias', {new}, {previous},
       toDateTime64('2026-01-01 00:00:00', 3, 'UTC') + number, '2026-03-01', number
FROM numbers(100000)
"""


@pytest.mark.parametrize(
    ("new", "previous", "person"),
    [
        ("concat('n', toString(number + 1))", "concat('n', toString(number))", "n100000"),
        ("concat('n', toString(number))", "'hub'", "n99999"),
        ("'hub'", "concat('n', toString(number))", "hub"),
    ],
    ids=["chain", "star outwards", "star inwards"],
)
def test_a_group_of_a_hundred_thousand_users_is_merged_and_takes_one_more(store, new, previous, person):
    store.command(ONE_GROUP.format(new=new, previous=previous))
    refresh_aliases(store)
    counted = "SELECT person, count() AS users FROM user_aliases FINAL GROUP BY person"
    assert store.query(counted) == [{"person": person, "users": 100001}]
    insert(store, [event("more", type="alias", event="", previous_id="n5", user_id="one more")], offset=1)
    refresh_aliases(store)
    assert store.query(counted) == [{"person": "one more", "users": 100002}]
    assert store.query("SELECT uniqExact(person) AS persons FROM touchpoints") == [{"persons": 1}]
