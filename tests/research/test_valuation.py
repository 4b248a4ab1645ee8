from collections.abc import Callable
from typing import Any

import pytest

from safar.errors import DataRefused, InvalidParameter
from safar.research import bgnbd, gamma_gamma, stability, valuation
from safar.research.clv import lifetime_value
from safar.research.orders import expected_orders, probability_alive
from safar.research.rfm import observe, rfm_in_weeks
from safar.research.valuation import Terms, value_customers
from safar.store import Store
from tests.research.conftest import Call, order


def test_every_customer_has_what_the_models_say_of_them(bundled: Store) -> None:
    found = value_customers(bundled, "cdnow", Terms(model="BG/NBD", weeks=39, months=6))
    customers = rfm_in_weeks(bundled, observe(bundled, "cdnow"))
    orders, spend = bgnbd.fit(customers), gamma_gamma.fit(customers)
    assert found.customers.index.equals(customers.index)
    assert found.parameters == {**orders.params_, **{f"spend_{name}": value for name, value in spend.params_.items()}}
    by_hand = {
        "p_alive": probability_alive(orders, customers),
        "expected_orders": expected_orders(orders, customers, weeks=39),
        "value": lifetime_value(orders, spend, customers, months=6, monthly_discount_rate=0.01),
    }
    for name, expected in by_hand.items():
        assert found.customers[name].to_numpy() == pytest.approx(expected.to_numpy(), rel=1e-12)


def test_every_estimate_lies_in_its_interval(bundled: Store) -> None:
    customers = value_customers(bundled, "cdnow").customers
    assert not customers.isna().any(axis=None)
    assert (customers["value_low"] < customers["value"]).all()
    assert (customers["value"] < customers["value_high"]).all()
    assert (customers["orders_low"] <= customers["orders_high"]).all()


def test_the_best_model_is_taken_and_the_reason_is_given(bundled: Store) -> None:
    found = value_customers(bundled, "cdnow")
    assert found.model == "MBG/NBD"
    assert found.why.startswith("MBG/NBD describes what each customer did best")


def test_a_progress_bar_hears_each_step(bundled: Store) -> None:
    steps: list[str] = []
    value_customers(bundled, "cdnow", Terms(model="BG/NBD"), step=steps.append)
    assert steps == ["reading orders", "fitting", "predicting"]


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        ({"model": "xgb"}, "The model must be best or one of BG/NBD, MBG/NBD, Pareto/NBD, not 'xgb'."),
        ({"weeks": -1}, "weeks must be from 1 to 1040, and months from 1 to 240."),
        ({"months": 0}, "months must be at least 1, not 0."),
        ({"monthly_discount_rate": float("nan")}, "monthly_discount_rate must be a share from 0 to 1, not nan."),
        ({"monthly_discount_rate": float("inf")}, "monthly_discount_rate must be a share from 0 to 1, not inf."),
        ({"level": 90}, "level must be between 0 and 1, not 90."),
    ],
)
def test_terms_that_no_run_can_be_made_by_are_refused_in_words(asked: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataRefused) as refusal:
        Terms(**asked)
    assert str(refusal.value) == sentence


def test_an_unknown_zone_is_refused_before_a_run() -> None:
    with pytest.raises(InvalidParameter):
        Terms(tz="Mars")


def test_customers_who_cannot_carry_a_model_are_refused(store_of: Callable[[list[Call]], Store]) -> None:
    store = store_of([order("ann", f"2026-01-0{day}T10:00:00Z", 5) for day in (1, 2)])
    with pytest.raises(DataRefused, match="needs 30 customers who bought on a second day; of 1, 1 did"):
        value_customers(store, "shop")


def test_a_change_between_early_and_late_customers_is_said_with_the_reason(
    bundled: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = Terms(model="BG/NBD")
    assert value_customers(bundled, "cdnow", asked).why == "BG/NBD was asked for."
    monkeypatch.setattr(stability, "_UNLIKELY", 2.0)  # whatever differs now matters
    monkeypatch.setattr(stability, "_MATTERS", 1.0)
    why = value_customers(bundled, "cdnow", asked).why
    assert why.startswith("BG/NBD was asked for. Customers who came later buy differently: ")


def test_a_model_chosen_on_some_customers_is_fitted_on_all(bundled: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    of_all = value_customers(bundled, "cdnow")
    monkeypatch.setattr(valuation, "_ENOUGH_TO_CHOOSE", 800)
    of_some = value_customers(bundled, "cdnow")
    assert (of_some.model, of_some.parameters) == (of_all.model, of_all.parameters)
    assert of_some.why != of_all.why
