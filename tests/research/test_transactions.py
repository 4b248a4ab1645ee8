from collections.abc import Callable
from datetime import date

import pandas as pd
import pytest

from safar.demo.cdnow import cdnow_file
from safar.errors import DataRefused
from safar.research import bgnbd
from safar.research.transactions import rfm_of_orders
from tests.research.conftest import Cdnow

_ORDERS = pd.DataFrame(
    {
        "person": ["ann", "ann", "ann", "bob", "cat"],
        "timestamp": pd.to_datetime(
            ["2026-01-01T10", "2026-01-01T18", "2026-01-08T10", "2026-01-05T10", "2026-01-30T10"]
        ),
        "amount": [100.0, 20, 10, 7, 7],
    }
)


def test_the_customers_of_cdnow_are_those_of_the_store(cdnow: Cdnow) -> None:
    lines = [line.split() for line in cdnow_file().read_text().splitlines()]
    orders = pd.DataFrame(
        {
            "person": [line[1] for line in lines],
            "timestamp": pd.to_datetime([line[2] for line in lines]),
            "amount": [float(line[4]) for line in lines],
        }
    )
    found = rfm_of_orders(orders, calibration_until=date(1997, 9, 30))
    pd.testing.assert_frame_equal(found, cdnow.customers, check_index_type=False, rtol=1e-12)
    assert bgnbd.fit(found).params_["r"] == pytest.approx(0.2425945, rel=1e-4)


def test_days_count_and_those_after_the_calibration_are_the_holdout() -> None:
    found = rfm_of_orders(_ORDERS, until=date(2026, 1, 20), calibration_until=date(2026, 1, 7))
    assert found.loc["ann"].to_dict() == {"frequency": 0, "recency": 0, "T": 6 / 7, "monetary": 0, "holdout": 1}
    assert found.index.to_list() == ["ann", "bob"]


def test_the_day_is_that_of_the_zone_of_the_timestamp() -> None:
    late = _ORDERS.assign(timestamp=_ORDERS["timestamp"].dt.tz_localize("UTC") + pd.Timedelta("5h"))
    assert rfm_of_orders(late).loc["ann", "frequency"] == 1
    assert (
        rfm_of_orders(late.assign(timestamp=late["timestamp"].dt.tz_convert("Asia/Tehran"))).loc["ann", "frequency"]
        == 2
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda orders: orders.drop(columns="person"), "needs a column 'person'; it has timestamp, amount"),
        (lambda orders: orders.assign(timestamp="2026-01-01"), "timestamp must be dates, not "),
        (lambda orders: orders.assign(timestamp=20260101), "timestamp must be dates, not int64"),
        (lambda orders: orders.assign(amount="10 USD"), "amount must be numbers, not "),
        (lambda orders: orders.assign(amount=[1, 2, None, 4, 5]), "amount is missing in 1 of 5 orders"),
        (lambda orders: orders.assign(amount=-1), "amount is below 0 in some orders"),
        (lambda orders: orders.assign(amount=float("inf")), "amount is infinite in 5 of 5 orders"),
        (lambda orders: orders.head(0), "The table of person, timestamp, amount has no rows"),
        (lambda orders: orders.to_dict("records"), "needs a DataFrame with person, timestamp, amount, not a list"),
        (
            lambda orders: orders.assign(currency=["EUR", "USD"] * 2 + ["EUR"]),
            "orders are in EUR, USD: keep those of one",
        ),
        (lambda orders: orders.assign(currency=["EUR"] * 4 + [None]), "money is never summed across them"),
    ],
)
def test_a_table_that_is_none_of_orders_is_refused_in_words(
    change: Callable[[pd.DataFrame], pd.DataFrame], sentence: str
) -> None:
    with pytest.raises(DataRefused, match=sentence):
        rfm_of_orders(change(_ORDERS))


def test_days_that_leave_nobody_are_refused() -> None:
    with pytest.raises(DataRefused, match="There are no orders until 2025-12-31"):
        rfm_of_orders(_ORDERS, calibration_until=date(2025, 12, 31))
    with pytest.raises(DataRefused, match="must not be after until"):
        rfm_of_orders(_ORDERS, until=date(2026, 1, 1), calibration_until=date(2026, 1, 2))
    with pytest.raises(DataRefused, match="until must be a day such as"):
        rfm_of_orders(_ORDERS, until="January")  # type: ignore[arg-type]


def test_an_order_sent_twice_counts_once_as_it_was_first_and_one_without_a_name_by_itself() -> None:
    days = pd.to_datetime(["2026-01-09", "2026-01-01", "2026-01-03", "2026-01-05", "2026-01-05", "2026-01-07"])
    sent = pd.DataFrame({"person": ["ann"] * 5 + ["bob"], "timestamp": days, "amount": [9.0, 1, 3, 20, 5, 7]})
    named = sent.assign(order_id=["o2", "o1", "o2", None, "", "o2"], currency="EUR")
    ann, bob = rfm_of_orders(named).to_dict("records")
    assert ann == {"frequency": 2, "recency": 4 / 7, "T": 8 / 7, "monetary": (3 + 25) / 2, "holdout": 0}
    assert bob == {"frequency": 0, "recency": 0, "T": 2 / 7, "monetary": 0, "holdout": 0}
