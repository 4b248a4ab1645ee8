"""The persons of `touchpoints` against the rule said in plain Python, over random journeys in random orders of arrival.

The examples are the same in every run. For a thousand fresh ones:
`pytest tests/store/test_identity_properties.py --hypothesis-profile=many`.
"""

from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safar.contract import Event
from safar.reports import run
from safar.store import Store
from safar.store.identity import refresh_aliases
from tests.support.stores import NOW, empty, event, insert

FUNCTION_SCOPED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
MANY = settings.get_current_profile_name() == "many"


def few(examples: int) -> settings:
    """So many examples, always the same; or those of the profile `many`."""
    quick = settings(max_examples=examples, derandomize=True, deadline=None, suppress_health_check=FUNCTION_SCOPED)
    return settings(suppress_health_check=FUNCTION_SCOPED) if MANY else quick


NOBODY = ("", "null", "NULL", "0", "Undefined")

users = st.sampled_from(["", "", "", "null", "NULL", "ada", "bob", "cy", "dee", "eve", "Ada", "x"])
devices = st.sampled_from(["", "0", "Undefined", "x", "x", "x", "y", "z", "ada"])
calls = st.tuples(
    st.sampled_from(["shop", "blog"]),
    users,
    devices,
    st.sampled_from(["", "s", "t"]),
    # Instants that several events share, and an alias now and then.
    st.integers(0, 8),
    st.sampled_from(["", "", "", "", "ada", "bob", "dee", "x", "y", "null"]),
)
journeys = st.lists(calls, min_size=1, max_size=30)


def story(journey: Sequence[tuple[str, str, str, str, int, str]]) -> list[Event]:
    return [
        event(
            f"{number:03}",
            source=source,
            timestamp=NOW + timedelta(minutes=minute),
            user_id=user,
            anonymous_id=device,
            session_id=session,
            **({"type": "alias", "previous_id": previous} if previous else {}),
        )
        for number, (source, user, device, session, minute, previous) in enumerate(journey)
    ]


def named(identifier: str) -> bool:
    return identifier not in NOBODY


def groups(events: Sequence[Event]) -> dict[str, str]:
    """User to person, for the users of alias calls: by spreading the latest call over all that calls connect."""
    merging = [
        e
        for e in events
        if e.type == "alias" and named(e.previous_id) and named(e.user_id) and e.previous_id != e.anonymous_id
    ]
    latest = {user: (e.timestamp, e.event_id, e.user_id) for e in merging for user in (e.previous_id, e.user_id)}
    while True:
        spread = dict(latest)
        for e in merging:
            spread[e.user_id] = spread[e.previous_id] = max(
                spread[e.user_id], spread[e.previous_id], (e.timestamp, e.event_id, e.user_id)
            )
        if spread == latest:
            return {user: name for user, (_, _, name) in latest.items()}
        latest = spread


def persons_by_the_rule(events: Sequence[Event]) -> dict[str, str]:
    """Event id to person, for the events of one source."""
    merged = groups(events)
    linked: dict[str, set[str]] = defaultdict(set)
    logins: dict[str, list[tuple]] = defaultdict(list)
    for e in events:
        if named(e.user_id):
            person = merged.get(e.user_id, e.user_id)
            linked[e.anonymous_id].add(person)
            logins[e.anonymous_id].append((e.timestamp, e.session_id, person))
            if e.type == "alias":
                linked[e.previous_id].add(person)

    def who(e: Event) -> str:
        if named(e.user_id):
            return merged.get(e.user_id, e.user_id)
        if not named(e.anonymous_id):
            return f"event:{e.event_id}"
        known = linked[e.anonymous_id]
        if len(known) == 1:
            return next(iter(known))
        if not known or len(known) > 3:
            return f"anonymous:{e.anonymous_id}"
        on_device = sorted(logins[e.anonymous_id])
        in_session = [login for login in on_device if login[1] == e.session_id != ""]
        candidates = in_session or on_device
        later = [login for login in candidates if login[0] >= e.timestamp]
        return (later or candidates[-1:] or [(None, None, "")])[0][2]

    return {e.event_id: who(e) for e in events}


def rule(events: Sequence[Event]) -> dict[str, str]:
    return {
        event_id: person
        for source in {e.source for e in events}
        for event_id, person in persons_by_the_rule([e for e in events if e.source == source]).items()
    }


def arrive(store: Store, events: Sequence[Event], batches: int, first: int = 0) -> None:
    for batch in range(batches):
        if part := events[batch::batches]:
            insert(store, part, offset=first + batch)
            if any(e.type == "alias" for e in part):
                refresh_aliases(store)


def viewed(store: Store, view: str = "touchpoints") -> dict[str, str]:
    return {row["event_id"]: row["person"] for row in store.query(f"SELECT event_id, person FROM {view}")}


@few(15)
@given(journey=journeys, order=st.randoms(use_true_random=False), batches=st.integers(1, 4))
def test_every_event_has_the_person_of_the_rule_whatever_the_order_of_arrival(store, journey, order, batches):
    events = story(journey)
    arriving = list(events)
    order.shuffle(arriving)
    empty(store)
    arrive(store, arriving, batches)
    persons_of = rule(events)
    assert viewed(store) == persons_of
    assert viewed(store, "user_touchpoints") == {e.event_id: persons_of[e.event_id] for e in events if named(e.user_id)}


@few(8)
@given(journey=journeys, order=st.randoms(use_true_random=False))
def test_alias_calls_that_come_again_change_nobody(store, journey, order):
    events = story(journey)
    empty(store)
    arrive(store, events, 2)
    once = viewed(store)
    again = [e for e in events if e.type == "alias"]
    order.shuffle(again)
    arrive(store, again, 2, first=2)
    assert viewed(store) == once


THEIRS = """
SELECT event_id FROM touchpoints
WHERE person = {person:String} AND ({source:String} = '' OR source = {source:String})
ORDER BY timestamp, received_at, event_id
"""
persons = st.sampled_from(
    ["ada", "bob", "cy", "x", "null", "anonymous:x", "anonymous:ada", "event:000", "nobody at all"]
)


@few(15)
@given(journey=journeys, person=persons, source=st.sampled_from(["shop", ""]))
def test_the_timeline_of_a_person_has_the_events_that_are_theirs_in_touchpoints(store, journey, person, source):
    empty(store)
    arrive(store, story(journey), 1)
    asked = {"person": person, "source": source}
    timeline = run("timeline", store, asked, lambda: frozenset({"shop"})).rows
    assert [row["event_id"] for row in timeline] == [row["event_id"] for row in store.query(THEIRS, asked)]
