"""Sources and steps by name: found as the collector finds them, or refused with what is close."""

import pytest

from safar.errors import InvalidParameter
from safar.reports import reports, run
from tests.support.story import failure, tell, touch


@pytest.fixture(autouse=True)
def journey(store, source):
    tell(
        store,
        source,
        [
            touch("ada", "Product Viewed", "2026-01-01T10:00"),
            touch("ada", "Order Completed", "2026-01-01T11:00"),
            touch("ada", "Song Played", "2026-01-01T12:00"),
        ],
    )


def funnel(store, source, steps):
    return [(row["name"], row["people"]) for row in run("funnel", store, {"source": source, "steps": steps}).rows]


@pytest.mark.parametrize("steps", ["product viewed,order_completed", "PRODUCT VIEWED,Order completed"])
def test_a_step_is_its_touchpoint_in_any_case_and_by_any_alias(store, source, steps):
    assert funnel(store, source, steps) == [("Product Viewed", 1), ("Order Completed", 1)]
    assert run("funnel", store, {"steps": steps}).parameters["steps"] == ["Product Viewed", "Order Completed"]


def test_a_stage_goes_before_an_alias_of_the_same_name(store, source):
    assert funnel(store, source, "Awareness,purchase,unmapped") == [("awareness", 1), ("purchase", 1), ("unmapped", 1)]


def test_a_stored_name_that_the_contract_does_not_know_is_a_step(store, source):
    assert funnel(store, source, "Song Played") == [("Song Played", 1)]


@pytest.mark.parametrize(
    ("step", "close"),
    [
        ("Produkt Viewed", "close to it: Product Viewed"),
        ("song  played", "close to it: Song Played"),
        ("awarness", "close to it: awareness"),
        ("xyzzy", "docs/touchpoints.md lists the names"),
    ],
)
def test_a_step_that_is_nothing_is_refused_with_what_is_close(store, step, close):
    with pytest.raises(InvalidParameter) as refusal:
        run("funnel", store, {"steps": f"Product Viewed,{step}"})
    assert str(refusal.value).startswith(f"steps: '{step}' is no stage, no touchpoint and no stored event; {close}")


def test_every_report_refuses_a_source_that_there_is_not_and_names_those_there_are(store):
    tell(store, "demo-shop", [touch("bob", "Product Viewed", "2026-01-01")])
    for definition in reports():
        params = {"person": "ada"} if definition.name in ("timeline", "customer") else {}
        with pytest.raises(InvalidParameter, match=r"source 'demoshop' is not known; there are demo-shop, "):
            run(definition.name, store, {**params, "source": "demoshop"})


def test_a_source_with_nothing_but_failed_events_is_known(store, source):
    tell(store, f"{source}-failed", [failure("2026-01-01")])
    assert run("failed_events", store, {"source": f"{source}-failed"}).rows
    assert run("totals", store, {"source": f"{source}-failed"}).rows == []


def test_a_configured_source_may_be_asked_for_before_its_first_event(store):
    assert run("totals", store, {"source": "new-shop"}, lambda: {"new-shop"}).rows == []
    with pytest.raises(InvalidParameter, match="there are new-shop, "):
        run("totals", store, {"source": "newshop"}, lambda: {"new-shop"})


def test_where_the_configured_sources_cannot_be_known_no_source_is_refused(store):
    assert run("totals", store, {"source": "new-shop"}, lambda: None).rows == []
