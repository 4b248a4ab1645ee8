import numpy as np
import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research import bgnbd, comparison
from safar.research.comparison import choose, compare
from safar.research.orders import expected_orders
from tests.research.conftest import Cdnow
from tests.research.simulate import customers_of


@pytest.fixture(scope="module")
def table(cdnow: Cdnow) -> pd.DataFrame:
    return compare(cdnow.customers, holdout_weeks=39)


def test_the_published_log_likelihoods_stand_side_by_side(table: pd.DataFrame) -> None:
    assert table["log_likelihood"].round(1).to_dict() == {"BG/NBD": -9582.4, "MBG/NBD": -9582.1, "Pareto/NBD": -9595.0}


def test_errors_are_in_orders_a_customer(cdnow: Cdnow, table: pd.DataFrame) -> None:
    assert table["total"].loc["BG/NBD"] == pytest.approx(1653 / 1882, abs=0.001)
    off = expected_orders(bgnbd.fit(cdnow.customers), cdnow.customers, weeks=39) - cdnow.customers["holdout"]
    assert table["mae"].loc["BG/NBD"] == pytest.approx(np.abs(off).mean())
    assert table["rmse"].loc["BG/NBD"] == pytest.approx(np.sqrt((off**2).mean()))


def test_the_choice_is_explained_in_a_sentence(cdnow: Cdnow) -> None:
    choice = choose(cdnow.customers)
    assert choice.model == "BG/NBD"
    assert choice.why == (
        "BG/NBD describes what each customer did about as well as MBG/NBD, "
        "0.3 in log-likelihood behind it, and is simpler."
    )
    assert choice.fitter.params_["r"] == pytest.approx(0.2426, abs=1e-4)


def test_with_a_holdout_the_best_forecast_is_chosen(cdnow: Cdnow, table: pd.DataFrame) -> None:
    choice = choose(cdnow.customers, holdout_weeks=39)
    assert choice.model == table["log_score"].idxmax()
    assert choice.why.startswith(f"{choice.model} forecasts what each customer ordered in the holdout best, ")


@pytest.mark.parametrize("modified", [False, True])
def test_the_model_behind_simulated_customers_is_found(modified: bool) -> None:
    """Half of the customers who may, stop at once: only one of the two models lets them."""
    customers = customers_of(6000, r=1.5, alpha=5.0, a=1.2, b=1.4, modified=modified, holdout_weeks=26.0)
    expected = "MBG/NBD" if modified else "BG/NBD"
    assert choose(customers).model == expected
    assert choose(customers, holdout_weeks=26).model == expected


def test_a_model_that_cannot_be_fitted_is_left_out(cdnow: Cdnow, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: pd.DataFrame) -> None:
        raise DataRefused("It finds no maximum.")

    for name in ("MBG/NBD", "Pareto/NBD"):
        monkeypatch.setitem(comparison.MODELS, name, refuse)
    choice = choose(cdnow.customers)
    assert choice.why.startswith("BG/NBD is the only model that these customers can carry. It finds no maximum. It ")
    assert list(choice.fitted) == ["BG/NBD"]
    assert choice.fitted["BG/NBD"] is choice.fitter
    assert choice.refused == {"MBG/NBD": "It finds no maximum.", "Pareto/NBD": "It finds no maximum."}


def test_when_none_can_be_fitted_the_reason_of_the_simplest_is_given() -> None:
    with pytest.raises(DataRefused, match="BG/NBD needs 30 customers who bought on a second day"):
        choose(customers_of(40, r=0.3, alpha=6, a=0.8, b=2.4))


def test_a_model_that_does_not_fit_is_said_to_although_it_is_the_best(cdnow: Cdnow, monkeypatch) -> None:
    monkeypatch.setattr(comparison, "MODELS", {"Pareto/NBD": comparison.MODELS["Pareto/NBD"]})
    assert choose(cdnow.customers).why.endswith(
        "Yet it does not describe how many repeat orders customers place (chi-square, p = 0.0074)."
    )
