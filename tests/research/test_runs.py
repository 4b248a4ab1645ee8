from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from safar.errors import DataRefused, StoreUnavailable
from safar.research import runs
from safar.research.runs import customer_value, run, save
from safar.research.valuation import Terms, value_customers
from safar.store import Store
from tests.research.conftest import Call, order

_TERMS = Terms(model="BG/NBD", months=6)
_BEGAN = datetime.now(UTC) - timedelta(hours=6)


@pytest.fixture
def shop(bundled: Store) -> Iterator[Store]:
    """The bundled data, of which nothing was predicted yet."""
    yield bundled
    for table in ("model_runs", "predictions"):
        bundled.command(f"TRUNCATE TABLE {table}")


def test_what_was_predicted_is_read_back_to_the_last_digits(shop: Store) -> None:
    valuation = run(shop, "cdnow", _TERMS)
    found = customer_value(shop, "cdnow")
    pd.testing.assert_frame_equal(
        found[valuation.customers.columns], valuation.customers, check_dtype=False, rtol=1e-12
    )
    (row,) = runs.runs(shop, "cdnow").to_dict("records")
    assert (row["status"], row["model"], row["customers"], row["months"]) == ("complete", "BG/NBD", 2357, 6)
    assert row["parameters"] == pytest.approx(valuation.parameters, rel=1e-15)
    assert row["observed_until"].date() == valuation.observation.until


def test_the_newest_complete_run_is_shown_and_not_a_mixture(shop: Store) -> None:
    for hour, months in enumerate((12, 6)):
        run(shop, "cdnow", Terms(model="BG/NBD", months=months), clock=lambda hour=hour: _BEGAN + timedelta(hours=hour))
    found = customer_value(shop, "cdnow")
    assert found["run_id"].nunique() == 1
    assert len(found) == 2357
    assert list(runs.runs(shop, "cdnow")["months"]) == [6, 12]


def test_a_run_that_is_cut_off_does_not_count(shop: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(shop, "cdnow", _TERMS, clock=lambda: _BEGAN)
    cut = value_customers(shop, "cdnow", Terms(model="BG/NBD", months=24))
    insert, done = shop.insert_lines, []

    def cut_off_in_the_third(table: str, lines: bytes, token: str) -> None:
        if len(done) == 2:
            raise StoreUnavailable("The store does not answer.")
        done.append(table)
        insert(table, lines, token)

    monkeypatch.setattr(runs, "_ROWS_AT_ONCE", 1000)
    monkeypatch.setattr(shop, "insert_lines", cut_off_in_the_third)
    with pytest.raises(StoreUnavailable):
        save(shop, cut, _BEGAN + timedelta(hours=1))
    assert done == ["predictions", "predictions"]
    shown = customer_value(shop, "cdnow")
    assert shown["value"].to_numpy() == pytest.approx(whole.customers["value"].to_numpy(), rel=1e-12)


def test_a_run_that_failed_says_why_and_hides_nothing(shop: Store) -> None:
    run(shop, "cdnow", _TERMS, clock=lambda: _BEGAN)
    with pytest.raises(DataRefused):
        run(shop, "cdnow", Terms(currency="EUR"), clock=lambda: _BEGAN + timedelta(hours=1))
    newest, before = runs.runs(shop, "cdnow").to_dict("records")
    assert (newest["status"], newest["message"]) == ("failed", "Source 'cdnow' has no orders in EUR.")
    assert before["status"] == "complete"
    assert len(customer_value(shop, "cdnow")) == 2357


def test_without_a_run_there_is_nothing_to_show(store_of: Callable[[list[Call]], Store]) -> None:
    store = store_of([order("ann", "2026-01-01T10:00:00Z", 5)])
    with pytest.raises(DataRefused, match=r"^No run has valued the customers of 'shop': `safar clv` does\.$"):
        customer_value(store, "shop")


def test_persons_of_any_name_come_back_as_they_are(shop: Store) -> None:
    valuation = value_customers(shop, "cdnow", _TERMS)
    odd = ['"', "\\", "ü/é", "سفر", "\u2028", "a\nb", " ", "{}"]
    names = [*odd, *valuation.customers.index[len(odd) :]]
    valuation.customers.index = pd.Index(names, name="person")
    save(shop, valuation, _BEGAN)
    assert set(customer_value(shop, "cdnow").index) == set(names)


def test_a_store_that_takes_nothing_more_does_not_hide_why_a_run_failed(
    shop: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise StoreUnavailable("The store does not answer.")

    monkeypatch.setattr(shop, "insert_lines", away)
    with pytest.raises(DataRefused, match="has no orders in EUR"):
        run(shop, "cdnow", Terms(currency="EUR"))
