import copy
from datetime import date
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research import bgnbd, mbgnbd, pareto_nbd
from safar.research.fitters import BetaGeoFitter
from safar.research.forecast import order_moments
from safar.research.orders import (
    OrdersModel,
    alive_path,
    expected_orders,
    expected_orders_grid,
    probability_alive,
    probability_alive_grid,
)
from tests.research.conftest import Cdnow

# Customer 0001 of CDNOW: two repeat days, the last after 213 days, watched for 272.
_FIRST = pd.DataFrame({"frequency": [2], "recency": [30.43], "T": [38.86]})


@pytest.fixture(scope="module")
def fitted(cdnow: Cdnow) -> BetaGeoFitter:
    return bgnbd.fit(cdnow.customers)


@pytest.fixture(scope="module", params=[bgnbd, mbgnbd, pareto_nbd])
def model(request: pytest.FixtureRequest, cdnow: Cdnow) -> OrdersModel:
    fitter: OrdersModel = request.param.fit(cdnow.customers)
    return fitter


def test_expectations_are_those_of_the_library_customer_by_customer(cdnow: Cdnow, model: OrdersModel) -> None:
    customers = cdnow.customers
    plain = next(base for base in type(model).__mro__ if base.__module__.startswith("lifetimes"))()
    plain.params_ = model.params_
    columns = (customers["frequency"], customers["recency"], customers["T"])
    orders = plain.conditional_expected_number_of_purchases_up_to_time(39, *columns)
    assert expected_orders(model, customers, weeks=39).to_numpy() == pytest.approx(np.asarray(orders), rel=1e-9)
    assert list(expected_orders(model, customers, weeks=39).index) == list(customers.index)


def test_whoever_soon_stops_has_an_expectation_too(fitted: BetaGeoFitter) -> None:
    """With a + b < 1 the library finds none for customers who bought once."""
    soon = copy.copy(fitted)
    soon.params_ = pd.Series({"r": 0.7, "alpha": 5.0, "a": 0.28, "b": 0.65})
    customers = pd.DataFrame({"frequency": [0, 1, 300], "recency": [0.0, 10.0, 44.0], "T": [44.0, 44.0, 44.0]})
    mean, _ = order_moments(soon, customers, weeks=26)
    assert expected_orders(soon, customers, weeks=26).to_numpy() == pytest.approx(mean, rel=1e-4)


def test_only_the_bg_nbd_lets_nobody_stop_who_never_bought_again(cdnow: Cdnow, model: OrdersModel) -> None:
    once = cdnow.customers[cdnow.customers["frequency"] == 0]
    alive = probability_alive(model, once)
    assert (alive == 1).all() if type(model) is BetaGeoFitter else (alive < 1).all()


def test_the_orders_of_the_first_customer_are_the_published_ones(fitted: BetaGeoFitter) -> None:
    assert expected_orders(fitted, _FIRST, weeks=39)[0] == pytest.approx(1.226, abs=5e-4)
    assert probability_alive(fitted, _FIRST)[0] == pytest.approx(0.726609, abs=1e-6)


def test_a_new_customer_places_the_published_number_of_orders_a_year(fitted: BetaGeoFitter) -> None:
    newcomer = pd.DataFrame({"frequency": [0], "recency": [0.0], "T": [0.0]})
    assert expected_orders(fitted, newcomer, weeks=52)[0] == pytest.approx(1.444004, rel=1e-4)


def test_expected_orders_start_at_nothing_and_rise_with_time(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    until = [expected_orders(fitted, cdnow.customers, weeks=weeks) for weeks in (0, 10, 39, 116)]
    assert until[0].abs().max() < 1e-9
    assert all((later >= sooner).all() for sooner, later in pairwise(until))


def test_nobody_is_expected_to_order_more_than_if_they_lived_for_ever(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    customers = cdnow.customers
    r, alpha = fitted.params_["r"], fitted.params_["alpha"]
    while_alive = (r + customers["frequency"]) / (alpha + customers["T"]) * 39
    ceiling = while_alive * probability_alive(fitted, customers)
    assert (expected_orders(fitted, customers, weeks=39) <= ceiling).all()


def test_alive_is_a_probability_and_one_for_whoever_never_bought_again(cdnow: Cdnow, fitted: BetaGeoFitter) -> None:
    alive = probability_alive(fitted, cdnow.customers)
    assert alive.between(0, 1).all()
    assert (alive[cdnow.customers["frequency"] == 0] == 1).all()
    assert list(alive.index) == list(cdnow.customers.index)


def test_the_grid_is_the_same_probability_customer_by_customer(fitted: BetaGeoFitter) -> None:
    grid = probability_alive_grid(fitted, weeks=39, most_orders=20)
    assert grid.shape == (40, 21)
    one = pd.DataFrame({"frequency": [5], "recency": [20], "T": [39]})
    assert grid.loc[20, 5] == pytest.approx(probability_alive(fitted, one)[0])
    # The later the last order, the likelier alive.
    assert (grid[5].diff().dropna() > 0).all()


def test_the_grid_of_expected_orders_is_the_same_expectation_customer_by_customer(model: OrdersModel) -> None:
    grid = expected_orders_grid(model, weeks=39, most_orders=20, next_weeks=26)
    assert grid.shape == (40, 21)
    some = pd.DataFrame({"frequency": [0, 5], "recency": [0, 20], "T": [39, 39]})
    assert [grid.loc[0, 0], grid.loc[20, 5]] == pytest.approx(expected_orders(model, some, weeks=26).tolist())


def test_whoever_never_bought_again_is_the_same_customer_in_every_row_of_a_grid(model: OrdersModel) -> None:
    once = pd.DataFrame({"frequency": [0], "recency": [0], "T": [39]})
    column = probability_alive_grid(model, weeks=39, most_orders=2)[0]
    assert column.nunique() == 1
    assert column[39] == probability_alive(model, once)[0]


_DAYS = [date(1997, 1, 1), date(1997, 1, 18), date(1997, 8, 2), date(1997, 12, 12)]
"""Customer 0001 of CDNOW, once more."""


def test_the_path_of_a_customer_ends_where_the_customer_stands(cdnow: Cdnow, model: OrdersModel) -> None:
    path = alive_path(model, _DAYS, until=date(1997, 9, 30))
    assert path.index[[0, -1]].tolist() == [pd.Timestamp("1997-01-01"), pd.Timestamp("1997-09-30")]
    assert len(path) == 273
    assert path.iloc[-1] == pytest.approx(probability_alive(model, cdnow.customers)["0001"], rel=1e-12)


def test_each_day_of_a_path_knows_what_had_come_by_then_and_nothing_of_later(model: OrdersModel) -> None:
    whole, early = (alive_path(model, _DAYS, until=until) for until in (date(1998, 6, 30), date(1997, 3, 1)))
    pd.testing.assert_series_equal(whole[: early.index[-1]], early)
    in_march = pd.DataFrame({"frequency": [1], "recency": [17 / 7], "T": [59 / 7]})
    assert whole["1997-03-01"] == pytest.approx(probability_alive(model, in_march)[0], rel=1e-12)


def test_a_path_falls_between_orders_and_rises_with_one(model: OrdersModel) -> None:
    path = alive_path(model, _DAYS, until=date(1998, 6, 30))
    changes = path.diff().loc["1997-01-20":]  # before its second order a customer of the BG/NBD is surely alive
    ordered = changes.index.isin(pd.DatetimeIndex(_DAYS))
    assert (changes[ordered] > 0).all()
    assert (changes[~ordered] < 0).all()


def test_orders_of_one_day_in_any_sequence_are_one_day_of_a_path(fitted: BetaGeoFitter) -> None:
    moments = [pd.Timestamp("1997-08-02T18:00Z"), pd.Timestamp("1997-01-01T09:00Z"), pd.Timestamp("1997-08-02T09:00Z")]
    path = alive_path(fitted, moments, until=date(1997, 9, 30))
    once = alive_path(fitted, [date(1997, 1, 1), date(1997, 8, 2)], until=date(1997, 9, 30))
    pd.testing.assert_series_equal(path, once)


@pytest.mark.parametrize("days", [[], _DAYS[1:]])
def test_a_path_without_an_order_is_refused(fitted: BetaGeoFitter, days: list[date]) -> None:
    with pytest.raises(DataRefused, match=r"no order until 1997-01-10: choose a later day, or another customer\."):
        alive_path(fitted, days, until=date(1997, 1, 10))


def test_a_long_silence_after_very_many_orders_means_gone_without_a_warning(fitted: BetaGeoFitter) -> None:
    gone = pd.DataFrame({"frequency": [500], "recency": [1.0], "T": [39.0]})
    assert expected_orders(fitted, gone, weeks=39)[0] == 0


def test_a_horizon_far_beyond_what_was_watched_is_refused(fitted: BetaGeoFitter) -> None:
    with pytest.raises(DataRefused, match=r"^520 weeks ahead is more than 3 times the 39 weeks .* 116\.$"):
        expected_orders(fitted, _FIRST, weeks=520)
    with pytest.raises(DataRefused):
        expected_orders(fitted, _FIRST, weeks=-1)


def test_an_expectation_without_a_finite_value_is_refused(fitted: BetaGeoFitter) -> None:
    at_one = BetaGeoFitter()
    at_one.params_, at_one.data = fitted.params_.copy(), fitted.data
    at_one.params_["a"] = 1.0
    at_one.predict = at_one.conditional_expected_number_of_purchases_up_to_time
    with pytest.raises(DataRefused, match=r"no finite expectation of orders: a = 1\.0"):
        expected_orders(at_one, _FIRST, weeks=39)
