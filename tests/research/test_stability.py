import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research import bgnbd
from safar.research.stability import by_cohort, cohorts_by_age, drift
from tests.research.conftest import Cdnow
from tests.research.simulate import customers_of


@pytest.fixture(scope="module")
def changed() -> pd.DataFrame:
    """Those who come later, in a second year, buy twice as often."""
    early = customers_of(1500, r=0.6, alpha=8.0, a=0.8, b=2.5, weeks=104)
    late = customers_of(1500, r=0.6, alpha=4.0, a=0.8, b=2.5, weeks=52, seed=2)
    return pd.concat([early, late], ignore_index=True)


def test_customers_of_one_population_are_about_the_same(cdnow: Cdnow) -> None:
    same = customers_of(3000, r=0.6, alpha=5.0, a=0.8, b=2.5)
    found = drift(bgnbd.fit, same)
    assert not found.matters
    assert found.p_value > 0.01
    assert found.message.startswith("Customers who came later buy about as those before: ")


def test_a_change_is_found_and_said_with_its_size(changed: pd.DataFrame) -> None:
    found = drift(bgnbd.fit, changed)
    assert found.matters
    assert found.p_value < 1e-6
    assert found.message.startswith("Customers who came later buy differently: ")
    assert found.message.endswith("Fit them by themselves, see by_cohort.")


def test_cohorts_are_those_who_came_first_and_last_and_nobody_is_in_none(changed: pd.DataFrame) -> None:
    cohort = cohorts_by_age(changed, 4)
    assert cohort.value_counts().to_dict() == pytest.approx({1: 750, 2: 750, 3: 750, 4: 750}, abs=2)
    assert changed["T"][cohort == 1].min() > changed["T"][cohort == 4].max()
    assert cohorts_by_age(changed.assign(T=5.0), 4).nunique() == 1


def test_each_cohort_has_its_fit_and_the_orders_of_a_new_customer_with_an_interval(changed: pd.DataFrame) -> None:
    table = by_cohort(bgnbd.fit, changed, cohorts_by_age(changed), weeks=39)
    assert table["customers"].to_list() == [1500, 1500]
    assert (table["low"] < table["expected_orders"]).all()
    assert (table["expected_orders"] < table["high"]).all()
    assert table.loc[1, "high"] < table.loc[2, "low"]
    alone = bgnbd.fit(changed.iloc[1500:])
    assert table.loc[2, "alpha"] == pytest.approx(alone.params_["alpha"])


def test_a_cohort_too_small_for_the_model_is_refused(changed: pd.DataFrame) -> None:
    with pytest.raises(DataRefused, match="needs 30 customers who bought on a second day"):
        by_cohort(bgnbd.fit, changed, cohorts_by_age(changed, 100), weeks=39)
