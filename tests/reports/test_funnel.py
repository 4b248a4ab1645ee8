"""The funnel: order, window, equal steps, segments; and the same answer as going through every chain by hand."""

import random
from datetime import timedelta
from itertools import groupby

import pytest

from safar.reports import run
from tests.support.story import at, tell, touch

_VIEW, _ADD, _BUY, _DELIVER = "Product Viewed", "Product Added", "Order Completed", "Order Delivered"
_NAMES = {"A": _VIEW, "B": _ADD, "C": _BUY, "D": _DELIVER}
_START = at("2026-01-01")


def journey(user, *touches, **columns):
    """Events of one person: "A0" is a Product Viewed at second 0."""
    return [touch(user, _NAMES[t[0]], _START + timedelta(seconds=int(t[1:])), **columns) for t in touches]


def people(store, source, steps, **params):
    """How many reached each step; `steps` is "ABC"."""
    names = ",".join(_NAMES[letter] for letter in steps)
    report = run("funnel", store, {"source": source, "steps": names, "window": "100", **params})
    return [row["people"] for row in report.rows]


def test_the_default_funnel_counts_people_by_stage(store, source):
    tell(store, source, journey("ada", "A0", "C10", "D20") + journey("bob", "A0", "B5") + journey("cem", "A0", "A1"))
    report = run("funnel", store, {"source": source})
    assert [(row["step"], row["name"], row["people"]) for row in report.rows] == [
        (1, "awareness", 3),
        (2, "purchase", 2),
        (3, "post_purchase", 1),
    ]
    assert [row["share_of_first"] for row in report.rows] == [1, pytest.approx(2 / 3), pytest.approx(1 / 3)]
    assert [row["share_of_previous"] for row in report.rows] == [None, pytest.approx(2 / 3), 0.5]


def test_steps_count_only_in_their_order(store, source):
    tell(store, source, journey("ada", "C0", "A10"))
    assert people(store, source, "AC") == [1, 0]


def test_other_events_between_the_steps_do_no_harm(store, source):
    tell(store, source, journey("ada", "A0", "B1", "C2", "B3", "D4"))
    assert people(store, source, "ABCD") == [1, 1, 1, 1]


def test_the_window_includes_its_last_second_and_no_more(store, source):
    tell(store, source, journey("ada", "A0", "C100") + journey("bob", "A0", "C101"))
    assert people(store, source, "AC") == [2, 1]


def test_the_window_starts_anew_at_a_later_first_step(store, source):
    tell(store, source, journey("ada", "A0", "A90", "C150"))
    assert people(store, source, "AC") == [1, 1]


def test_the_window_holds_from_the_first_step_to_the_last(store, source):
    tell(store, source, journey("ada", "A0", "B60", "A70", "C120"))
    assert people(store, source, "ABC") == [1, 1, 0]


def test_one_event_never_counts_as_two_equal_steps(store, source):
    tell(store, source, journey("ada", "C0") + journey("bob", "C0", "C50"))
    assert people(store, source, "CC") == [2, 1]


def test_one_event_never_counts_as_its_stage_and_its_name(store, source):
    tell(store, source, journey("ada", "C0") + journey("bob", "B0", "C50"))
    report = run("funnel", store, {"source": source, "steps": f"purchase,{_BUY}"})
    assert [row["people"] for row in report.rows] == [2, 1]


def test_events_of_the_same_instant_are_taken_in_the_order_of_the_steps(store, source):
    tell(store, source, journey("ada", "C5", "A5") + journey("bob", "C5", "C5"))
    assert people(store, source, "AC") == [1, 1]
    assert people(store, source, "CC") == [2, 1]


def test_from_and_to_bound_the_first_step_only(store, source):
    tell(store, source, journey("ada", "A0", "C50") + journey("bob", "A40", "C60") + journey("cem", "A41"))
    bounds = {"from": "2026-01-01T00:00:01", "to": "2026-01-01T00:00:41"}
    assert people(store, source, "AC", **bounds) == [1, 1]


def test_the_anonymous_part_of_a_journey_belongs_to_the_person_it_led_to(store, source):
    tell(
        store,
        source,
        journey("", "A0", anonymous_id="device") + journey("eva", "C9", anonymous_id="device"),
    )
    assert people(store, source, "AC") == [1, 1]


def test_the_same_id_in_two_sources_is_two_people(store, source):
    tell(store, f"{source}-1", [touch("ada", "Door Opened", _START)])
    tell(store, f"{source}-2", [touch("ada", "Door Closed", _START + timedelta(seconds=5))])
    report = run("funnel", store, {"steps": "Door Opened,Door Closed"})
    assert [row["people"] for row in report.rows] == [1, 0]


def test_all_sources_together_are_the_sum_of_each(store, source):
    tell(store, source, journey("ada", "A0", "C5"))
    one_by_one = [people(store, row["source"], "AC") for row in run("totals", store, {}).rows]
    assert people(store, "", "AC") == [sum(column) for column in zip(*one_by_one, strict=True)]


def test_a_funnel_with_nobody_in_it_still_shows_its_steps(store, source):
    tell(store, source, journey("ada", "A0"))
    report = run("funnel", store, {"source": source, "steps": "Signed Up,Store Visited"})
    assert [(row["step"], row["people"], row["share_of_first"]) for row in report.rows] == [(1, 0, None), (2, 0, None)]


def test_segments_go_by_the_earliest_first_step_and_add_up_to_the_whole(store, source):
    tell(
        store,
        source,
        journey("ada", "A0", acquisition_channel="paid")
        + journey("ada", "A10", "C20", acquisition_channel="email")
        + journey("bob", "A0", acquisition_channel="email")
        + journey("cem", "A0", "C1")
        + journey("dee", "C0", acquisition_channel="paid"),
    )
    report = run("funnel", store, {"source": source, "steps": f"{_VIEW},{_BUY}", "breakdown": "acquisition_channel"})
    segments = {
        name: [row["people"] for row in rows] for name, rows in groupby(report.rows, key=lambda row: row["segment"])
    }
    assert segments == {"paid": [1, 1], "email": [1, 0], "": [1, 1]}
    assert people(store, source, "AC") == [3, 2]


@pytest.mark.parametrize("breakdown", ["touch_channel", "campaign"])
def test_a_funnel_breaks_down_by_other_columns_too(store, source, breakdown):
    tell(store, source, journey("ada", "A0", **{breakdown: "x"}) + journey("bob", "A0", "C1", **{breakdown: "y"}))
    report = run("funnel", store, {"source": source, "steps": f"{_VIEW},{_BUY}", "breakdown": breakdown})
    assert [(row["segment"], row["people"]) for row in report.rows] == [("x", 1), ("x", 0), ("y", 1), ("y", 1)]


def test_one_person_with_very_many_events_does_not_exhaust_the_store(store, source):
    tell(store, source, journey("robot", *(f"{'AB'[second % 2]}{second}" for second in range(20_000))))
    assert people(store, source, "ABABABABAD", window="2592000") == [1] * 9 + [0]


@pytest.mark.parametrize("steps", ["AB", "ABC", "ABCD", "AA", "ABA", "CCC", "ABCABCABCA"])
def test_the_funnel_agrees_with_trying_every_chain(store, steps):
    source = "random"
    journeys = _random_journeys()
    if source not in {row["source"] for row in run("totals", store, {}).rows}:
        tell(store, source, [event for user, touches in journeys.items() for event in journey(user, *touches)])
    reached = [_furthest(touches, steps, 100) for touches in journeys.values()]
    expected = [sum(level >= step for level in reached) for step in range(1, len(steps) + 1)]
    assert people(store, source, steps) == expected
    assert expected == sorted(expected, reverse=True)


def _random_journeys():
    rng = random.Random(7)
    return {
        f"u{n}": [f"{rng.choice('ABCD')}{second}" for second in rng.sample(range(400), rng.randint(1, 14))]
        for n in range(300)
    }


def _furthest(touches, steps, window):
    """The longest chain, by trying to extend each one at every event; no two events share an instant here."""
    ordered = sorted((int(t[1:]), t[0]) for t in touches)
    chains = {(0, None)}
    for second, letter in ordered:
        for length, start in list(chains):
            begin = second if start is None else start
            if length < len(steps) and steps[length] == letter and second - begin <= window:
                chains.add((length + 1, begin))
    return max(length for length, _ in chains)
