"""One person's prediction: of the newest complete run of each source and currency, with the state of that run."""

from datetime import UTC, datetime, timedelta

import pytest

from safar.reports import run
from tests.support.story import predict, tell, touch

_NOW = datetime.now(UTC).replace(microsecond=0)
_SAID = {"frequency": 3, "recency": 10.5, "T": 20.25, "monetary": 19.5, "p_alive": 0.75, "expected_orders": 4.5}
_SAID |= {"orders_low": 1, "orders_high": 9, "expected_order_value": 21.5, "value_low": 60.25, "value_high": 140.75}


@pytest.fixture(autouse=True)
def known(store, source):
    """A source is known by its events."""
    tell(store, source, [touch("ada", "Product Viewed", "2026-01-01")])


def rows(store, source, *columns, person="ada", **params):
    found = run("customer", store, {"person": person, "source": source, **params}).rows
    return [tuple(row[column] for column in columns) for row in found]


def test_a_person_has_all_that_the_run_says_of_them(store, source):
    predict(store, source, _NOW, {"ada": 100, "bob": 7}, each=_SAID, weeks=26, months=6, message="The simplest.")
    (row,) = run("customer", store, {"person": "ada", "source": source, "tz": "Asia/Tehran"}).rows
    assert datetime.fromisoformat(row["made_at"]) == _NOW
    assert row.pop("made_at").endswith("+03:30")
    said = {"source": source, "currency": "EUR", "value": 100, **_SAID, "weeks": 26, "months": 6}
    about = {"state": "fresh", "message": "The simplest.", "model": "BG/NBD", "observed_until": "2026-06-30"}
    assert row == said | about


def test_whoever_has_no_prediction_has_no_row(store, source):
    assert rows(store, source, "value") == []
    predict(store, source, _NOW - timedelta(days=1), {"ada": 100})
    predict(store, source, _NOW, {"bob": 7})
    assert rows(store, source, "value") == []
    assert rows(store, source, "value", person="bob") == [(7,)]


def test_a_person_has_a_row_for_each_currency_and_each_source(store, source):
    predict(store, source, _NOW, {"ada": 100})
    predict(store, source, _NOW, {"ada": 300}, currency="USD")
    predict(store, f"{source}-2", _NOW, {"ada": 5})
    assert rows(store, source, "source", "currency", "value") == [(source, "EUR", 100), (source, "USD", 300)]
    everywhere = rows(store, "", "source", "currency", "value")
    assert {row for row in everywhere if row[0].startswith(source)} == {
        (source, "EUR", 100),
        (source, "USD", 300),
        (f"{source}-2", "EUR", 5),
    }


def test_an_old_run_is_stale_and_a_failed_one_is_said_with_its_reason(store, source):
    predict(store, source, _NOW - timedelta(days=9), {"ada": 100})
    assert rows(store, source, "value", "state") == [(100, "stale")]
    predict(store, source, _NOW, {}, status="failed", message="No maximum.")
    assert rows(store, source, "value", "state", "message") == [(100, "failed", "No maximum.")]
