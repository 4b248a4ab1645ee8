from itertools import product

import numpy as np
import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research.fitting import grouped
from safar.research.segments import SEGMENTS, audience, grid, scores, segments, weeks_since_last_order
from tests.research.conftest import Cdnow

_EVERY_SCORE = pd.DataFrame(product(range(1, 6), repeat=3), columns=["R", "F", "M"])

_PEOPLE = pd.DataFrame(
    {
        "frequency": [0, 0, 0, 1, 4],
        "recency": [0.0, 0.0, 0.0, 20.0, 9.0],
        "T": [10.0, 30.0, 10.0, 21.0, 39.0],
        "monetary": [0.0, 0.0, 0.0, 5.0, 8.0],
    },
    pd.Index(["ann", "bob", "cat", "dan", "eve"], name="person"),
)
_SPENT = pd.Series({"eve": 60.0, "dan": 10.0, "ann": 3.0, "bob": 90.0, "cat": 3.0})


def _money(cdnow: Cdnow) -> pd.Series:
    return cdnow.customers["frequency"] * cdnow.customers["monetary"]


def test_the_latest_the_most_frequent_and_the_largest_have_five() -> None:
    table = scores(_PEOPLE, _SPENT)
    assert table["R"].to_dict() == {"ann": 3, "bob": 1, "cat": 3, "dan": 5, "eve": 1}
    assert table["F"].to_dict() == {"ann": 1, "bob": 1, "cat": 1, "dan": 4, "eve": 5}
    assert table["M"].to_dict() == {"ann": 1, "bob": 5, "cat": 1, "dan": 3, "eve": 4}


def test_equal_customers_have_equal_scores(cdnow: Cdnow) -> None:
    customers = cdnow.customers
    table = scores(customers, _money(cdnow))
    # Days are whole: the last digits of T - recency differ among customers of the same day.
    days = np.rint(customers["T"] * 7) - np.rint(customers["recency"] * 7)
    assert (customers["T"] - customers["recency"]).nunique() > days.nunique()
    for name, measure in {"R": days, "F": customers["frequency"], "M": _money(cdnow)}.items():
        assert (table[name].groupby(measure).nunique() == 1).all()
        assert set(table[name]) <= {1, 2, 3, 4, 5}
    assert weeks_since_last_order(customers).to_numpy() * 7 == pytest.approx(days.to_numpy())


def test_score_five_has_who_stands_above_four_fifths_of_all(cdnow: Cdnow) -> None:
    frequency = cdnow.customers["frequency"]
    below = frequency.map(lambda of_one: (frequency < of_one).mean())
    table = scores(cdnow.customers, _money(cdnow))
    assert ((table["F"] == 5) == (below >= 0.8)).all()
    assert ((table["F"] == 1) == (below < 0.2)).all()
    assert table.loc[frequency == 0, "F"].unique().tolist() == [1]


def test_patterns_and_customers_without_an_amount_are_refused(cdnow: Cdnow) -> None:
    with pytest.raises(DataRefused, match="one row a customer"):
        scores(grouped(cdnow.customers), pd.Series(dtype=float))
    with pytest.raises(DataRefused, match="1 of 5 customers have no value"):
        scores(_PEOPLE, _SPENT.drop("eve"))


def test_the_places_of_the_grid_add_up_to_all_customers_and_all_value(cdnow: Cdnow) -> None:
    money = _money(cdnow)
    table = grid(scores(cdnow.customers, money), money)
    assert table["customers"].sum() == len(cdnow.customers)
    assert (table["customers"] * table["mean"]).sum() == pytest.approx(money.sum())
    assert table.index[0] == (5, 5)


def test_a_mean_of_fewer_than_five_is_blank() -> None:
    few = pd.DataFrame({"R": [5] * 5 + [1] * 4, "F": [5] * 5 + [1] * 4})
    table = grid(few, pd.Series(range(9)))
    assert table.loc[(5, 5)].tolist() == [5, 2]
    assert table.loc[(1, 1), "customers"] == 4
    assert np.isnan(table.loc[(1, 1), "mean"])


def test_every_possible_customer_is_in_one_segment_by_the_rule_that_is_printed() -> None:
    segment = segments(_EVERY_SCORE)
    assert segment.notna().all()
    assert set(segment) == set(SEGMENTS)
    for name, rule in SEGMENTS.items():
        assert _EVERY_SCORE.eval(rule)[segment == name].all()


def test_only_champions_fit_a_second_rule() -> None:
    fits = pd.DataFrame({name: _EVERY_SCORE.eval(rule) for name, rule in SEGMENTS.items()})
    twice = fits[fits.sum(axis="columns") > 1]
    assert len(twice)
    assert (twice.columns[twice.any()] == ["champions", "loyal"]).all()


def test_segments_come_in_the_order_of_their_rules_and_the_first_that_fits_counts() -> None:
    own = {"big": "M == 5", "late": "R <= 2", "rest": "R >= 1"}
    segment = segments(scores(_PEOPLE, _SPENT), own)
    assert segment.astype(str).to_dict() == {"ann": "rest", "bob": "big", "cat": "rest", "dan": "rest", "eve": "late"}
    assert segment.value_counts(sort=False).to_dict() == {"big": 1, "late": 1, "rest": 3}


@pytest.mark.parametrize(("rules", "left"), [({"big": "M == 5"}, 4), ({}, 5)])
def test_rules_that_leave_somebody_out_are_refused(rules: dict[str, str], left: int) -> None:
    with pytest.raises(
        DataRefused, match=rf"{left} customers fit no rule: end with one for everybody, such as 'R >= 1'"
    ):
        segments(scores(_PEOPLE, _SPENT), rules)


def test_counts_of_segments_add_up_to_all_customers(cdnow: Cdnow) -> None:
    segment = segments(scores(cdnow.customers, _money(cdnow)))
    assert segment.value_counts().sum() == len(cdnow.customers)
    assert segment.index.equals(cdnow.customers.index)


def test_an_audience_is_the_persons_of_a_segment_by_value_and_then_by_name() -> None:
    segment = pd.Series(["lost", "loyal", "lost", "loyal", "lost"], _PEOPLE.index)
    value = pd.Series([2.0, 9.0, 2.0, 1.0, 7.0], _PEOPLE.index)[::-1]
    table = audience(_PEOPLE, segment, "lost", value=value, p_alive=value / 10)
    assert table.to_dict("list") == {
        "person": ["eve", "ann", "cat"],
        "segment": ["lost"] * 3,
        "value": [7, 2, 2],
        "p_alive": pytest.approx([0.7, 0.2, 0.2]),
        "weeks_since_last_order": [30, 10, 10],
    }


def test_audiences_of_all_segments_hold_every_customer_once(cdnow: Cdnow) -> None:
    money = _money(cdnow)
    segment = segments(scores(cdnow.customers, money))
    lists = [audience(cdnow.customers, segment, name, value=money, p_alive=money) for name in segment.unique()]
    assert sorted(pd.concat(lists)["person"]) == sorted(cdnow.customers.index)


def test_a_segment_that_nobody_is_in_is_refused_with_those_that_there_are() -> None:
    segment = pd.Series(["lost", "loyal", "lost", "loyal", "lost"], _PEOPLE.index)
    with pytest.raises(DataRefused, match=r"Nobody is in segment 'vips': choose one of lost, loyal\."):
        audience(_PEOPLE, segment, "vips", value=_SPENT, p_alive=_SPENT)
