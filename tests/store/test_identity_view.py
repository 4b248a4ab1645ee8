"""Whose event is it: the persons that the view `touchpoints` gives to events."""

from datetime import timedelta

import pytest

from safar.contract import Event
from safar.store import Store
from safar.store.identity import refresh_aliases
from tests.support.stores import NOW, event, insert


def at(minute: int, event_id: str, user: str = "", device: str = "", session: str = "", **fields) -> Event:
    """An event at a minute of the hour; `previous` makes it an alias call."""
    ids = {"user_id": user, "anonymous_id": device, "session_id": session}
    if "previous" in fields:
        fields |= {"type": "alias", "event": "", "previous_id": fields.pop("previous")}
    return event(event_id, timestamp=NOW + timedelta(minutes=minute), **(ids | fields))


def persons(store: Store, *events: Event) -> dict[str, str]:
    """Event id to person, once `events` are in the store and aliases are merged."""
    insert(store, events)
    refresh_aliases(store)
    return {row["event_id"]: row["person"] for row in store.query("SELECT event_id, person FROM touchpoints")}


def test_an_event_with_a_user_is_the_users(store):
    assert persons(store, at(1, "a", "ada"), at(2, "b", "ada", "x")) == {"a": "ada", "b": "ada"}


def test_what_a_device_did_before_and_after_it_became_known_is_its_users(store):
    found = persons(store, at(1, "before", device="x"), at(2, "known", "ada", "x"), at(3, "after", device="x"))
    assert set(found.values()) == {"ada"}


def test_a_device_that_never_became_known_is_a_person_of_its_own(store):
    found = persons(store, at(1, "a", device="x"), at(2, "b", device="x"), at(3, "c", device="y"))
    assert found == {"a": "anonymous:x", "b": "anonymous:x", "c": "anonymous:y"}


def test_an_event_of_nobody_is_a_person_of_its_own(store):
    assert persons(store, at(1, "a"), at(2, "b")) == {"a": "event:a", "b": "event:b"}


def test_on_a_device_of_two_users_the_session_decides_first(store):
    found = persons(
        store,
        at(1, "ada's", "ada", "x", "s1"),
        at(2, "later in s1", device="x", session="s1"),
        at(3, "early in s2", device="x", session="s2"),
        at(4, "bob's other", "bob", "x", "s3"),
        at(5, "ada's s2", "ada", "x", "s2"),
    )
    assert found["later in s1"] == "ada"
    assert found["early in s2"] == "ada", "identified later in its session, though bob comes first on the device"


def test_within_a_session_of_two_users_the_next_one_counts_and_the_last_one_after_all(store):
    found = persons(
        store,
        at(1, "a", "ada", "x", "s"),
        at(2, "between", device="x", session="s"),
        at(3, "b", "bob", "x", "s"),
        at(4, "after", device="x", session="s"),
    )
    assert (found["between"], found["after"]) == ("bob", "bob")


def test_without_a_session_the_next_user_counts_then_the_last_one(store):
    found = persons(
        store,
        at(1, "first", device="x"),
        at(2, "a", "ada", "x", "s1"),
        at(3, "between", device="x", session="unknown"),
        at(4, "b", "bob", "x", "s2"),
        at(5, "last", device="x"),
    )
    assert (found["first"], found["between"], found["last"]) == ("ada", "bob", "bob")


def test_at_the_moment_of_the_login_the_event_is_the_users(store):
    found = persons(
        store, at(1, "a", "ada", "x"), at(2, "b", "bob", "x"), at(2, "same", device="x"), at(3, "c", "ada", "x")
    )
    assert found["same"] == "bob"


@pytest.mark.parametrize(("users", "filled"), [(3, True), (4, False)])
def test_a_device_of_too_many_users_is_shared_and_its_anonymous_events_stay_anonymous(store, users, filled):
    logins = [at(number, f"login {number}", f"user {number}", "x", "s") for number in range(1, users + 1)]
    found = persons(store, at(0, "a", device="x", session="s"), *logins)
    assert found["a"] == ("user 1" if filled else "anonymous:x")
    assert [found[f"login {number}"] for number in range(1, users + 1)] == [f"user {n}" for n in range(1, users + 1)]


def test_users_that_are_one_person_count_once_for_a_shared_device(store):
    logins = [at(number, f"login {number}", f"user {number}", "x") for number in range(1, 5)]
    merge = at(9, "merge", "user 1", previous="user 4")
    assert persons(store, at(0, "a", device="x"), *logins, merge)["a"] == "user 1"


NOBODY = ["null", "NULL", "undefined", "0", "None", "nan", "[object Object]", "00000000-0000-0000-0000-000000000000"]


@pytest.mark.parametrize("nobody", NOBODY)
def test_a_user_id_that_names_nobody_is_no_person_and_merges_none(store, nobody):
    found = persons(
        store,
        at(1, "a", nobody, "x"),
        at(2, "b", "ada", "x"),
        at(3, "c", nobody, "y"),
        at(4, "d", nobody),
        at(5, "e", device="y"),
    )
    assert found == {"a": "ada", "b": "ada", "c": "anonymous:y", "d": "event:d", "e": "anonymous:y"}


@pytest.mark.parametrize("nobody", NOBODY)
def test_an_anonymous_id_that_names_nobody_merges_none(store, nobody):
    found = persons(store, at(1, "a", "ada", nobody), at(2, "b", device=nobody), at(3, "c", "bob", nobody))
    assert found == {"a": "ada", "b": "event:b", "c": "bob"}


@pytest.mark.parametrize("nobody", NOBODY)
def test_an_alias_with_an_id_that_names_nobody_merges_none(store, nobody):
    found = persons(
        store,
        at(1, "a", "ada"),
        at(2, "b", "bob"),
        at(3, "m", "ada", previous=nobody),
        at(4, "n", "bob", previous=nobody),
        at(5, "o", nobody, previous="ada"),
    )
    assert (found["a"], found["b"]) == ("ada", "bob")


def test_an_alias_makes_two_users_one_person_named_by_its_user_id(store):
    assert persons(store, at(1, "a", "old"), at(2, "b", "new"), at(3, "m", "new", previous="old")) == {
        "a": "new",
        "b": "new",
        "m": "new",
    }


def test_a_chain_of_aliases_is_one_person_named_by_the_latest(store):
    found = persons(
        store,
        at(1, "a", "one"),
        at(2, "m", "two", previous="one"),
        at(3, "n", "three", previous="two"),
        at(4, "c", "two"),
    )
    assert set(found.values()) == {"three"}


def test_a_cycle_of_aliases_is_one_person_named_by_the_latest(store):
    found = persons(
        store,
        at(1, "m", "two", previous="one"),
        at(2, "n", "three", previous="two"),
        at(3, "o", "one", previous="three"),
        at(4, "a", "two"),
        at(5, "self", "one", previous="one"),
    )
    assert set(found.values()) == {"one"}


def test_a_late_alias_of_an_earlier_time_does_not_rename_the_person(store):
    persons(store, at(5, "m", "two", previous="one"))
    insert(store, [at(1, "n", "one", previous="zero"), at(6, "a", "zero")], offset=1)
    refresh_aliases(store)
    assert {row["person"] for row in store.query("SELECT person FROM touchpoints")} == {"two"}


def test_a_previous_id_that_is_the_calls_own_anonymous_id_links_the_device(store):
    found = persons(store, at(1, "a", device="x"), at(2, "m", "ada", "x", previous="x"), at(3, "b", "x"))
    assert (found["a"], found["m"]) == ("ada", "ada")
    assert found["b"] == "x", "a user who happens to be called like the device is someone else"
    assert store.query("SELECT * FROM user_aliases") == []


def test_an_alias_from_a_server_links_the_device_it_names(store):
    assert persons(store, at(1, "a", device="x"), at(2, "m", "ada", previous="x"))["a"] == "ada"


def test_a_device_of_one_user_links_nothing_to_another_device_of_hers(store):
    found = persons(
        store, at(1, "a", "ada", "x"), at(2, "b", "ada", "y"), at(3, "c", device="y"), at(4, "d", device="z")
    )
    assert (found["c"], found["d"]) == ("ada", "anonymous:z")


def test_persons_are_within_their_source(store):
    found = persons(
        store,
        at(1, "a", "ada", "x"),
        at(2, "b", device="x", source="blog"),
        at(3, "m", "grace", previous="ada"),
        at(4, "c", "ada", source="blog"),
    )
    assert found == {"a": "grace", "b": "anonymous:x", "m": "grace", "c": "ada"}


def test_merging_again_changes_nothing(store):
    once = persons(store, at(1, "a", "old", "x"), at(2, "m", "new", previous="old"), at(3, "b", device="x"))
    rows = store.query("SELECT source, user_id, person FROM user_aliases FINAL ORDER BY user_id")
    for _ in range(3):
        refresh_aliases(store)
    assert store.query("SELECT source, user_id, person FROM user_aliases FINAL ORDER BY user_id") == rows
    assert {row["event_id"]: row["person"] for row in store.query("SELECT event_id, person FROM touchpoints")} == once


def test_every_event_is_in_the_view_once(store):
    found = persons(store, *(at(n, f"{n}", f"u{n % 5}" if n % 2 else "", f"d{n % 3}", f"s{n % 4}") for n in range(40)))
    assert len(found) == 40
    assert store.query("SELECT count() AS rows FROM touchpoints") == [{"rows": 40}]
    assert "" not in found.values()
