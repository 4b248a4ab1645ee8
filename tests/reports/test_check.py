"""`safar verify` asks whether the reports say what the raw rows say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from safar.contract import to_line
from safar.errors import StoreUnavailable
from safar.reports import check, definition
from safar.reports.check import TOTALS, Checked, check_reports
from safar.reports.definition import reports
from tests.support.stores import NOW, event, failed, insert
from tests.support.story import predict

WITHOUT_TOTALS = {"timeline", "customer"}


@pytest.fixture
def shop(store):
    """Two currencies, a refused event, an unknown name, a wrong clock, a visitor who became known."""
    buy = {"event": "Order Completed", "stage": "purchase", "revenue": Decimal("0.1")}
    insert(
        store,
        [
            event("1", anonymous_id="a"),
            event("2", anonymous_id="a", user_id="u"),
            event("3", user_id="u", currency="EUR", **buy),
            event("4", user_id="v", currency="USD", **buy),
            event("5", user_id="v", currency="USD", timestamp=NOW + timedelta(days=9), **buy),
            event("6", user_id="w", event="Sang", stage="unmapped"),
        ],
    )
    store.insert_lines("failed_events", to_line(failed("f")), "failed")
    predict(store, "shop", datetime.now(UTC), {"u": 1, "v": 2})
    return store


def test_reports_agree_with_the_raw_rows(shop):
    assert check_reports(shop) == Checked()


def test_reports_of_an_empty_store_agree(store):
    assert check_reports(store) == Checked()


def test_every_report_with_totals_is_checked():
    assert {total.report for total in TOTALS} | WITHOUT_TOTALS == {report.name for report in reports()}


@pytest.mark.parametrize("total", TOTALS, ids=lambda total: f"{total.report}.{total.column}")
def test_a_report_that_drops_or_doubles_rows_is_named(shop, monkeypatch, total):
    """Each report in turn is asked over other rows: all of them twice, or of fewer people."""
    described = definition.definition_of(total.report)
    fewer, twice = "(SELECT * FROM {0} WHERE event_id > '3')", "(SELECT * FROM {0} UNION ALL SELECT * FROM {0})"
    other = fewer if total.column == "people" else twice
    broken = described.sql
    for table in ("events", "failed_events", "touchpoints", "predictions"):
        broken = broken.replace(f"FROM {table}\n", f"FROM {other.format(table)} AS {table}\n")
    monkeypatch.setattr("safar.reports.report.definition_of", lambda _: replace(described, sql=broken))
    only = tuple(each for each in TOTALS if each == total)
    monkeypatch.setattr(check, "TOTALS", only)
    problems = check_reports(shop).problems
    assert problems
    assert all(problem.startswith(f"report {total.report}, {total.column}") for problem in problems)


def test_a_report_that_cannot_be_asked_is_said_not_skipped(shop, monkeypatch):
    def fails(*_):
        raise StoreUnavailable("The store did not confirm: no memory.")

    monkeypatch.setattr(check, "run", fails)
    monkeypatch.setattr(check, "TOTALS", TOTALS[:1])
    assert check_reports(shop) == Checked(unchecked=["report totals, events: The store did not confirm: no memory."])
