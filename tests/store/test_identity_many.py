"""Merging users by alias calls, and persons against a second, plain way to find them."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safar.contract import Event
from safar.store import Store
from safar.store.identity import merge, refresh_aliases
from tests.support.stores import NOW, empty, event, insert

names = st.sampled_from("abcdefgh")
edges = st.lists(st.tuples(names, names), max_size=12)


@given(edges)
def test_everyone_in_an_edge_and_nobody_else_has_a_person(calls):
    assert merge(calls).keys() == {name for call in calls for name in call}


@given(edges)
def test_the_two_of_an_edge_are_one_person(calls):
    merged = merge(calls)
    assert all(merged[previous] == merged[new] for previous, new in calls)


@given(edges)
def test_only_those_that_edges_connect_are_one_person(calls):
    merged = merge(calls)
    for name in merged:
        reached = {name}
        while more := {other for call in calls if reached & set(call) for other in call} - reached:
            reached |= more
        assert {other for other in merged if merged[other] == merged[name]} == reached


@given(edges)
def test_a_person_is_called_by_the_latest_edge_of_the_group(calls):
    merged = merge(calls)
    for name, person in merged.items():
        assert person == [new for _, new in calls if merged[new] == merged[name]][-1]


@given(edges)
def test_merging_the_result_again_changes_nothing(calls):
    merged = merge(calls)
    assert merge([*calls, *merged.items()]) == merged


def test_nothing_merges_nobody():
    assert merge([]) == {}


ids = st.sampled_from(["", "null", "u1", "u2", "u3", "u4", "u5"])
devices = st.sampled_from(["", "0", "x", "y"])
calls = st.lists(
    st.tuples(ids, devices, st.sampled_from(["", "s", "t"]), st.sampled_from(["", "", "", "u1", "u2", "x", "null"])),
    min_size=1,
    max_size=12,
)


def story(calls: Sequence[tuple[str, str, str, str]]) -> list[Event]:
    """Events a minute apart; those with a previous id are alias calls."""
    return [
        event(
            f"{minute:02}",
            timestamp=NOW + timedelta(minutes=minute),
            user_id=user,
            anonymous_id=device,
            session_id=session,
            **({"type": "alias", "previous_id": previous} if previous else {}),
        )
        for minute, (user, device, session, previous) in enumerate(calls)
    ]


def plain_persons(events: Sequence[Event]) -> dict[str, str]:
    """The rule of design decision 7, step by step."""
    nobody = ("", "null", "0")
    alias_calls = [e for e in events if e.type == "alias" and e.previous_id not in nobody and e.user_id not in nobody]
    merged = merge([(e.previous_id, e.user_id) for e in alias_calls if e.previous_id != e.anonymous_id])
    person = {e.user_id: merged.get(e.user_id, e.user_id) for e in events if e.user_id not in nobody}
    known: dict[str, set[str]] = {}
    for e in events:
        if e.user_id in person and e.anonymous_id not in nobody:
            known.setdefault(e.anonymous_id, set()).add(person[e.user_id])
    for e in alias_calls:
        known.setdefault(e.previous_id, set()).add(person[e.user_id])

    def owner(e: Event) -> str:
        if e.user_id in person:
            return person[e.user_id]
        device = e.anonymous_id
        if device in nobody:
            return f"event:{e.event_id}"
        if not 1 <= len(known.get(device, ())) <= 3:
            return f"anonymous:{device}"
        if len(known[device]) == 1:
            return next(iter(known[device]))
        logins = [o for o in events if o.anonymous_id == device and o.user_id in person]
        session = [o for o in logins if o.session_id and o.session_id == e.session_id]
        nearest = session or logins
        return person[next((o for o in nearest if o.timestamp >= e.timestamp), nearest[-1]).user_id]

    return {e.event_id: owner(e) for e in events}


def viewed(store: Store) -> dict[str, str]:
    return {row["event_id"]: row["person"] for row in store.query("SELECT event_id, person FROM touchpoints")}


@settings(max_examples=500, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(calls=calls, shuffled=st.randoms(use_true_random=False), parts=st.integers(1, 4))
def test_the_view_gives_the_persons_of_the_rule_whatever_the_order_of_arrival(store, calls, shuffled, parts):
    events = story(calls)
    arriving = list(events)
    shuffled.shuffle(arriving)
    empty(store)
    for part in range(parts):
        if batch := arriving[part::parts]:
            insert(store, batch, offset=part)
            refresh_aliases(store)
    assert viewed(store) == plain_persons(events)
