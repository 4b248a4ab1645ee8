"""Predicted value: of the newest complete run, by what won the customer, honest about runs that failed or are old."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from safar.reports import run
from tests.support.story import predict, tell, touch

_NOW = datetime.now(UTC)
_STATE = "SELECT state FROM value_runs WHERE source = {source:String}"
_VALUES = {"ada": 30.0, "bob": 10.0, "cem": 60.0}


@pytest.fixture(autouse=True)
def known(store, source):
    """A source is known by its events."""
    tell(store, source, [touch("dan", "Product Viewed", "2026-01-01")])


def rows(store, source, *columns, **params):
    found = run("predicted_value", store, {"source": source, **params}).rows
    return [tuple(row[column] for column in columns) for row in found]


def test_the_value_of_all_customers_and_what_it_rests_on(store, source):
    predict(store, source, _NOW, _VALUES)
    columns = ("segment", "customers", "value", "mean_value", "share", "expected_orders", "still_customers")
    assert rows(store, source, *columns) == [("all", 3, 100, pytest.approx(100 / 3), 1, 6, 1.5)]
    about = ("currency", "state", "model", "months", "weeks", "observed_until")
    assert rows(store, source, *about) == [("EUR", "fresh", "BG/NBD", 12, 52, "2026-06-30")]


def test_only_the_newest_complete_run_counts(store, source):
    predict(store, source, _NOW - timedelta(days=2), {"ada": 1, "bob": 2})
    predict(store, source, _NOW - timedelta(days=1), {"ada": 5})
    assert rows(store, source, "customers", "value", "state") == [(1, 5, "fresh")]


def test_an_old_run_is_stale(store, source):
    predict(store, source, _NOW - timedelta(days=9), _VALUES)
    assert rows(store, source, "value", "state") == [(100, "stale")]
    assert rows(store, source, "value", "state", stale_days="10") == [(100, "fresh")]


@pytest.mark.parametrize("days", [7.9, 8.1])
def test_without_a_wish_a_run_is_stale_when_the_store_says_so(store, source, days):
    predict(store, source, _NOW - timedelta(days=days), _VALUES)
    ((state,),) = (row.values() for row in store.query(_STATE, {"source": source}))
    assert rows(store, source, "state") == [(state,)]


def test_a_run_that_failed_is_said_and_the_one_before_it_still_shown(store, source):
    predict(store, source, _NOW - timedelta(days=1), _VALUES)
    predict(store, source, _NOW, {}, status="failed", message="No maximum.")
    assert rows(store, source, "value", "state", "message") == [(100, "failed", "No maximum.")]


def test_a_source_whose_runs_all_failed_has_no_value_and_no_date(store, source):
    predict(store, source, _NOW, {}, status="failed", message="Too few.")
    columns = ("segment", "customers", "mean_value", "share", "state", "message", "made_at", "observed_until")
    assert rows(store, source, *columns) == [("all", 0, None, None, "failed", "Too few.", None, None)]


@pytest.fixture
def won(store, source):
    """Ada came by an advert of winter, Bob by a letter and later by the advert, Cem by nothing that is known."""

    def visit(user, when, channel, campaign=""):
        return touch(user, "Page Viewed", when, acquisition_channel=channel, campaign=campaign)

    def order(user, when):
        return touch(user, "Order Completed", when, revenue=Decimal(1), currency="EUR")

    tell(
        store,
        source,
        [
            visit("ada", "2026-01-01T10:00", "paid_search", "winter"),
            order("ada", "2026-01-02T10:00"),
            visit("ada", "2026-01-03T10:00", "email"),
            visit("bob", "2026-01-01T10:00", "email"),
            visit("bob", "2026-01-02T10:00", "paid_search", "winter"),
            order("bob", "2026-02-03T10:00"),
            order("cem", "2026-02-01T10:00"),
            visit("cem", "2026-02-02T10:00", "paid_search", "winter"),
        ],
    )
    predict(store, source, _NOW, _VALUES)


@pytest.mark.parametrize(
    ("breakdown", "expected"),
    [
        ("acquisition_channel", [("unknown", 60, 0.6), ("paid_search", 30, 0.3), ("email", 10, 0.1)]),
        ("campaign", [("(none)", 70, 0.7), ("winter", 30, 0.3)]),
        ("cohort", [("2026-02", 70, 0.7), ("2026-01", 30, 0.3)]),
    ],
)
def test_value_by_who_won_the_customer_adds_up_to_all(store, source, won, breakdown, expected):
    assert rows(store, source, "segment", "value", "share", breakdown=breakdown) == expected
