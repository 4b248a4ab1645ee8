"""The funnel with a currency: what the people at each step are predicted to be worth, and how far to trust that."""

from datetime import UTC, datetime, timedelta

import pytest

from safar.reports import run
from tests.support.story import predict, tell, touch

_NOW = datetime.now(UTC)
_STEPS = "Product Viewed,Order Completed"
_COUNTS = ("segment", "step", "name", "people", "share_of_first", "share_of_previous")


@pytest.fixture(autouse=True)
def journeys(store, source):
    """Ada and Bob viewed and bought, Cem viewed only, Dan bought only."""
    tell(
        store,
        source,
        [
            touch("ada", "Product Viewed", "2026-01-01T10:00", acquisition_channel="paid"),
            touch("ada", "Order Completed", "2026-01-02T10:00"),
            touch("bob", "Product Viewed", "2026-01-01T10:00", acquisition_channel="email"),
            touch("bob", "Order Completed", "2026-01-02T10:00"),
            touch("cem", "Product Viewed", "2026-01-01T10:00", acquisition_channel="email"),
            touch("dan", "Order Completed", "2026-01-02T10:00"),
        ],
    )


def rows(store, source, *columns, currency="EUR", **params):
    found = run("funnel", store, {"source": source, "steps": _STEPS, "currency": currency, **params}).rows
    return [tuple(row[column] for column in columns) for row in found]


def test_each_step_has_the_value_of_those_who_reached_it_and_are_customers(store, source):
    predict(store, source, _NOW, {"ada": 30, "bob": 10, "dan": 500})
    columns = ("people", "valued", "value", "mean_value", "value_state")
    assert rows(store, source, *columns) == [(3, 2, 40, 20, "fresh"), (2, 2, 40, 20, "fresh")]


def test_a_step_nobody_of_whom_was_valued_has_no_mean(store, source):
    predict(store, source, _NOW, {"dan": 500})
    assert rows(store, source, "people", "valued", "value", "mean_value") == [(3, 0, 0, None), (2, 0, 0, None)]


def test_without_a_currency_there_is_no_value_and_the_counts_are_the_same(store, source):
    predict(store, source, _NOW, {"ada": 30})
    columns = ("valued", "value", "mean_value", "value_state")
    assert rows(store, source, *columns, currency="") == [(None, None, None, None)] * 2
    for breakdown in ("none", "acquisition_channel"):
        valued = rows(store, source, *_COUNTS, breakdown=breakdown)
        assert valued == rows(store, source, *_COUNTS, breakdown=breakdown, currency="")


def test_money_of_another_currency_is_never_added(store, source):
    predict(store, source, _NOW, {"ada": 30, "bob": 10})
    predict(store, source, _NOW, {"ada": 7000}, currency="JPY")
    columns = ("valued", "value")
    assert rows(store, source, *columns) == [(2, 40), (2, 40)]
    assert rows(store, source, *columns, currency="jpy") == [(1, 7000), (1, 7000)]
    assert rows(store, source, *columns, "value_state", currency="USD") == [(None, None, "none")] * 2


def test_segments_have_the_value_of_their_people(store, source):
    predict(store, source, _NOW, {"ada": 30, "bob": 10})
    found = rows(store, source, "segment", "people", "valued", "value", breakdown="acquisition_channel")
    assert found == [("email", 2, 1, 10), ("email", 1, 1, 10), ("paid", 1, 1, 30), ("paid", 1, 1, 30)]


def test_only_the_newest_complete_run_counts(store, source):
    predict(store, source, _NOW - timedelta(days=2), {"ada": 1, "bob": 2})
    predict(store, source, _NOW - timedelta(days=1), {"ada": 5})
    assert rows(store, source, "valued", "value") == [(1, 5), (1, 5)]


def test_an_old_run_is_stale_and_a_failed_one_said_with_the_value_of_the_run_before(store, source):
    predict(store, source, _NOW - timedelta(days=9), {"ada": 30})
    assert rows(store, source, "value", "value_state") == [(30, "stale"), (30, "stale")]
    predict(store, source, _NOW, {}, status="failed")
    assert rows(store, source, "value", "value_state") == [(30, "failed"), (30, "failed")]


def test_where_every_run_failed_there_is_no_value_at_all(store, source):
    predict(store, source, _NOW, {}, status="failed")
    columns = ("valued", "value", "mean_value", "value_state")
    assert rows(store, source, *columns) == [(None, None, None, "failed")] * 2


def test_predictions_that_have_expired_give_no_value(store, source):
    predict(store, source, _NOW - timedelta(days=200), {"ada": 30})
    assert rows(store, source, "valued", "value", "value_state") == [(None, None, "stale")] * 2


def test_the_same_id_in_two_sources_is_two_people_and_the_worst_state_is_said(store, source):
    view, buy = f"Viewed {source}", f"Bought {source}"
    for shop in ("1", "2"):
        tell(store, source + shop, [touch("eva", name, "2026-01-01") for name in (view, buy)])
    steps = {"steps": f"{view},{buy}"}
    predict(store, source + "1", _NOW, {"eva": 30})
    columns = ("people", "valued", "value")
    assert rows(store, "", *columns, **steps) == [(2, 1, 30)] * 2
    predict(store, source + "2", _NOW - timedelta(days=9), {"eva": 4})
    assert rows(store, "", *columns, **steps) == [(2, 2, 34)] * 2
    states = [rows(store, source + shop, "value_state", **steps)[0] for shop in ("1", "2")]
    assert states == [("fresh",), ("stale",)]


@pytest.mark.parametrize(
    ("states", "worst"),
    [
        ("fresh", "fresh"),
        ("fresh stale", "stale"),
        ("stale failed fresh", "failed"),
        ("fresh never", "fresh"),
        ("never", "failed"),
    ],
)
def test_of_several_sources_the_worst_state_of_what_is_shown_is_said(store, source, states, worst):
    for other in ("model_runs", "predictions"):
        store.command(f"TRUNCATE TABLE {other}")
    for state in states.split():
        if state != "never":
            predict(store, source + state, _NOW - timedelta(days=9 if state == "stale" else 1), {"ada": 1})
        if state in ("failed", "never"):
            predict(store, source + state, _NOW, {}, status="failed")
    assert rows(store, "", "value_state")[0] == (worst,)


def test_values_of_different_horizons_are_never_added(store, source):
    view, buy = f"Viewed {source}", f"Bought {source}"
    for shop, months in (("1", 12), ("2", 40)):
        tell(store, source + shop, [touch("eva", name, "2026-01-01") for name in (view, buy)])
        predict(store, source + shop, _NOW, {"eva": 30}, months=months)
    columns, steps = ("people", "valued", "value", "mean_value", "value_months"), {"steps": f"{view},{buy}"}
    assert rows(store, source + "2", *columns, **steps) == [(1, 1, 30, 30, 40)] * 2
    assert rows(store, "", *columns, **steps) == [(2, 2, None, None, None)] * 2
