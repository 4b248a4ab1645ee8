from datetime import date

import pytest

from safar.errors import DataRefused
from safar.research.summary import lifetime_value_summary
from safar.store import Store


def test_the_summary_of_cdnow_says_what_make_run_prints(bundled: Store) -> None:
    summary = lifetime_value_summary(bundled, "cdnow", calibration_until=date(1997, 9, 30))
    assert str(summary).splitlines() == [
        "cdnow on 1997-09-30: 2,357 customers, 946 bought again",
        "BG/NBD, weeks: r 0.2426  alpha 4.4136  a 0.7929  b 2.4259  log-likelihood -9,582.4292",
        "orders expected in the next 39 weeks: 1,653 (came: 1,882)",
        "lifetime value, 12 months at 1% a month: mean 30.34 USD; the best tenth hold 56.8%",
    ]


def test_without_a_holdout_it_is_about_the_future(bundled: Store) -> None:
    summary = lifetime_value_summary(bundled, "cdnow")
    assert summary.calibration_until == date(1998, 6, 30)
    assert summary.holdout_orders is None
    assert "came" not in str(summary)


def test_a_source_of_two_currencies_is_refused(bundled: Store) -> None:
    with pytest.raises(DataRefused, match="choose one with currency="):
        lifetime_value_summary(bundled, "demo-shop")
