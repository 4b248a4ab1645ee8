import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safar.errors import DataRefused
from safar.research.best import by_decile, deciles, standing

_AMOUNTS = st.lists(st.integers(0, 30), min_size=10, max_size=60).map(lambda amounts: pd.Series(amounts, dtype=float))


def test_ten_who_differ_are_a_tenth_each_the_best_first() -> None:
    assert deciles(pd.Series([5, 9, 1, 8, 2, 7, 3, 6, 4, 10])).tolist() == [6, 2, 10, 3, 9, 4, 8, 5, 7, 1]


@given(_AMOUNTS)
def test_equal_customers_stand_together_and_a_better_one_never_below(values: pd.Series) -> None:
    decile = deciles(values)
    assert (decile.groupby(values).nunique() == 1).all()
    assert decile[np.argsort(values, kind="stable")].is_monotonic_decreasing


@given(_AMOUNTS)
def test_the_sequence_of_the_customers_changes_nothing(values: pd.Series) -> None:
    shuffled = values.sample(frac=1, random_state=1)
    pd.testing.assert_series_equal(deciles(shuffled)[values.index], deciles(values))


@given(_AMOUNTS)
def test_in_the_best_tenth_is_who_has_nine_tenths_of_all_below(values: pd.Series) -> None:
    below = np.array([(values < value).mean() for value in values])
    assert ((deciles(values) == 1) == (below >= 0.9)).all()


def test_of_those_who_are_all_alike_nobody_is_the_best() -> None:
    assert set(deciles(pd.Series([3.0] * 25))) == {10}


def test_who_stands_exactly_on_an_edge_is_above_it() -> None:
    assert standing(pd.Series(range(5)), 5).tolist() == [0, 1, 2, 3, 4]
    assert standing(pd.Series(range(1000)), 10).value_counts().tolist() == [100] * 10


@given(_AMOUNTS.filter(lambda values: values.sum() > 0))
def test_customers_add_up_to_all_and_shares_to_one(values: pd.Series) -> None:
    table = by_decile(deciles(values), values)
    assert table.index.tolist() == list(range(1, 11))
    assert table["customers"].sum() == len(values)
    assert table["total"].sum() == pytest.approx(values.sum())
    assert table["share"].sum() == pytest.approx(1)
    assert table["share_so_far"].iloc[-1] == pytest.approx(1)
    means = table["mean"].dropna()
    assert means.is_monotonic_decreasing
    assert (means.index == table.index[table["customers"] > 0]).all()


def test_tenths_by_one_measure_may_be_held_against_another_by_person() -> None:
    people = [f"p{number}" for number in range(10)]
    past = pd.Series(range(10), people)
    later = pd.Series([50, 0, 0, 0, 0, 0, 0, 0, 0, 150], people)[::-1]
    table = by_decile(deciles(past), later)
    assert table["share"].tolist() == [0.75, 0, 0, 0, 0, 0, 0, 0, 0, 0.25]


def test_a_customer_without_a_value_is_refused_and_not_put_last() -> None:
    values = pd.Series([1.0, np.nan, *range(20)])
    with pytest.raises(DataRefused, match=r"1 of 22 customers have no value: give each one, or 0\."):
        deciles(values)
    with pytest.raises(DataRefused, match=r"1 of 22 customers have no amount: give each one, or 0\."):
        by_decile(deciles(values.fillna(0)), values)


def test_fewer_than_ten_have_no_tenths() -> None:
    with pytest.raises(DataRefused, match="10 groups need at least 10 customers, and there are 9"):
        deciles(pd.Series(range(9)))


def test_of_nothing_nobody_holds_a_share() -> None:
    with pytest.raises(DataRefused, match="add up to nothing, so nobody holds a share: choose a period with orders"):
        by_decile(deciles(pd.Series(range(10))), pd.Series([0.0] * 10))
