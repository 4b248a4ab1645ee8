"""The view value_runs: how the newest run of each source and currency stands."""

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.story import predict

_NOW = datetime.now(UTC)
_STATES = "SELECT currency, state, message, run_id FROM value_runs WHERE source = 'shop' ORDER BY currency"


def states(store) -> list[tuple[str, ...]]:
    return [tuple(row.values()) for row in store.query(_STATES)]


def attempt(store, days_ago: float, run_id: str, currency: str = "EUR", message: str = "") -> None:
    """A run that is complete, or failed for the reason in `message`."""
    status = "failed" if message else "complete"
    when = _NOW - timedelta(days=days_ago)
    predict(store, "shop", when, {}, run_id=run_id, currency=currency, status=status, message=message)


@pytest.mark.parametrize(("days", "state"), [(7.9, "fresh"), (8.1, "stale")])
def test_a_run_is_stale_after_eight_days(store, days, state):
    attempt(store, days, "a")
    assert states(store) == [("EUR", state, "", "a")]


def test_the_newest_complete_run_counts_and_the_newest_attempt_gives_the_state(store):
    attempt(store, 3, "z")
    attempt(store, 2, "y")
    attempt(store, 1, "x", message="No maximum.")
    assert states(store) == [("EUR", "failed", "No maximum.", "y")]
    attempt(store, 0, "w")
    assert states(store) == [("EUR", "fresh", "", "w")]


def test_each_currency_stands_by_itself(store):
    attempt(store, 0, "a")
    attempt(store, 0, "b", currency="USD", message="Too few.")
    assert states(store) == [("EUR", "fresh", "", "a"), ("USD", "failed", "Too few.", "")]


def test_a_run_that_failed_before_its_currency_was_known_failed_for_each_one(store):
    attempt(store, 3, "a", currency="", message="No orders yet.")
    assert states(store) == [("", "failed", "No orders yet.", "")]
    attempt(store, 2, "b")
    assert states(store) == [("EUR", "fresh", "", "b")]
    attempt(store, 1, "c", currency="", message="Several currencies.")
    assert states(store) == [("EUR", "failed", "Several currencies.", "b")]


def test_orders_that_name_no_currency_may_be_valued_too(store):
    attempt(store, 2, "a", currency="", message="Too few.")
    attempt(store, 1, "b", currency="")
    attempt(store, 1, "c")
    assert states(store) == [("", "fresh", "", "b"), ("EUR", "fresh", "", "c")]


def test_a_source_without_a_complete_run_has_no_dates(store):
    attempt(store, 0, "a", message="Too few.")
    (row,) = store.query("SELECT made_at, observed_until FROM value_runs")
    assert row == {"made_at": None, "observed_until": None}
