"""Every public function of the kit, given what a data scientist may give it by mistake."""

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research import (
    best,
    bgnbd,
    calibration,
    clv,
    comparison,
    forecast,
    gamma_gamma,
    orders,
    profit,
    segments,
    simple,
    stability,
    uncertainty,
)
from safar.research.acquisition import acquired
from safar.research.fitters import BetaGeoFitter, GammaGammaFitter, lifetimes
from safar.research.rfm import Observation, rfm_in_weeks
from safar.research.valuation import Terms
from tests.research.conftest import Cdnow

_WEEKS = {"weeks": 26}
_TERMS = {"months": 6, "monthly_discount_rate": 0.01}

Door = Callable[[Any, Any, pd.DataFrame], object]
"""A public function, of a model of buying, one of spending, and customers."""

_OF_CUSTOMERS: dict[str, Door] = {
    "alive": lambda model, _, customers: orders.probability_alive(model, customers),
    "expected": lambda model, _, customers: orders.expected_orders(model, customers, **_WEEKS),
    "range": lambda model, _, customers: forecast.order_range(model, customers, **_WEEKS),
    "discounted": lambda model, _, customers: clv.discounted_orders(model, customers, **_TERMS),
    "probability": lambda model, _, customers: forecast.probability_of(
        model, customers, pd.Series(1, range(len(customers))), **_WEEKS
    ),
}
_OF_EACH: dict[str, Door] = {
    "total": lambda model, _, customers: forecast.total_orders(model, customers, **_WEEKS),
    "value": lambda model, spend, customers: clv.lifetime_value(model, spend, customers, **_TERMS),
    "value interval": lambda model, spend, customers: clv.value_interval(model, spend, customers, **_TERMS),
    "value by": lambda model, spend, customers: clv.value_by(
        model, spend, customers, pd.Series("all", range(len(customers))), **_TERMS
    ),
    "profit": lambda model, spend, customers: profit.customer_profit(model, spend, customers, profit.Costs(), **_TERMS),
    "repeat orders": lambda model, _, customers: calibration.repeat_orders(model, customers),
    "holdout": lambda model, _, customers: calibration.holdout_orders(model, customers, **_WEEKS),
    "tracking": lambda model, _, customers: calibration.tracking(model, customers, pd.Series([1, 2], [1, 2])),
}
_OF_NO_MODEL: dict[str, Door] = {
    "fit": lambda _, __, customers: bgnbd.fit(customers),
    "compare": lambda _, __, customers: comparison.compare(customers),
    "choose": lambda _, __, customers: comparison.choose(customers, holdout_weeks=26),
    "drift": lambda _, __, customers: stability.drift(bgnbd.fit, customers),
    "by cohort": lambda _, __, customers: stability.by_cohort(
        bgnbd.fit, customers, pd.Series(1, range(len(customers))), **_WEEKS
    ),
    "scores": lambda _, __, customers: segments.scores(customers, pd.Series(1.0, range(len(customers)))),
    "silence": lambda _, __, customers: segments.weeks_since_last_order(customers),
}
_DOORS = _OF_CUSTOMERS | _OF_EACH | _OF_NO_MODEL

_IMPOSSIBLE: dict[str, tuple[dict[str, Any], str]] = {
    "bought after the end": ({"recency": 99.0}, "recency is above T for 60 of 60 rows"),
    "negative": ({"frequency": -1}, "frequency is missing, infinite or below 0 for 60 of 60 rows"),
    "missing": ({"recency": np.nan}, "recency is missing, infinite or below 0"),
    "infinite": ({"T": np.inf}, "T is missing, infinite or below 0"),
    "fractions": ({"frequency": 1.5}, "frequency is no whole number for 60 of 60 rows"),
    "came once and again": ({"frequency": 0, "recency": 3.0}, "recency is above 0 though frequency is 0"),
    "text": ({"T": "39 weeks"}, "T must be numbers, not "),
    "truth": ({"frequency": True}, "frequency must be numbers, not bool"),
}


@pytest.fixture(scope="module")
def given(cdnow: Cdnow) -> SimpleNamespace:
    """Fitted models, and 60 customers by number."""
    few = cdnow.customers.head(60).reset_index(drop=True)
    return SimpleNamespace(model=bgnbd.fit(cdnow.customers), spend=gamma_gamma.fit(cdnow.customers), customers=few)


def _refusal(call: Callable[[], object]) -> str:
    with pytest.raises(DataRefused) as refusal:
        call()
    return str(refusal.value)


@pytest.mark.parametrize("door", _DOORS)
def test_customers_that_cannot_be_are_refused_at_every_door(given: SimpleNamespace, door: str) -> None:
    for change, sentence in _IMPOSSIBLE.values():
        changed = given.customers.assign(**change)
        assert _refusal(lambda: _DOORS[door](given.model, given.spend, changed)).startswith(sentence)  # noqa: B023


@pytest.mark.parametrize("door", _DOORS)
def test_a_table_of_none_is_refused_at_every_door(given: SimpleNamespace, door: str) -> None:
    call = _DOORS[door]
    without = given.customers.drop(columns="recency")
    assert _refusal(lambda: call(given.model, given.spend, without)).startswith("The table needs a column 'recency'; ")
    twice = given.customers[[*given.customers, "recency"]]
    assert _refusal(lambda: call(given.model, given.spend, twice)) == "The table has 2 columns 'recency': keep one."
    assert " has no rows" in _refusal(lambda: call(given.model, given.spend, given.customers.head(0)))
    assert "needs a DataFrame" in _refusal(lambda: call(given.model, given.spend, [1, 2]))  # type: ignore[arg-type]


@pytest.mark.parametrize("door", [*_OF_EACH, "compare", "choose", "drift", "by cohort", "scores"])
def test_patterns_are_refused_where_one_row_a_customer_is_needed(given: SimpleNamespace, door: str) -> None:
    patterns = given.customers.assign(customers=2)
    assert "needs one row a customer" in _refusal(lambda: _DOORS[door](given.model, given.spend, patterns))


@pytest.mark.parametrize("door", _OF_CUSTOMERS | _OF_EACH)
def test_what_is_no_fitted_model_of_buying_is_refused_at_every_door(given: SimpleNamespace, door: str) -> None:
    call = _DOORS[door]
    assert "BetaGeoFitter is not fitted" in _refusal(lambda: call(BetaGeoFitter(), given.spend, given.customers))
    for other in (None, "BG/NBD", given.spend, BetaGeoFitter, lifetimes.BetaGeoFitter()):
        said = _refusal(lambda: call(other, given.spend, given.customers))  # noqa: B023
        assert said.startswith("This needs the model that bgnbd.fit, mbgnbd.fit or pareto_nbd.fit gives, not a ")


@pytest.mark.parametrize("door", ["value", "value interval", "value by", "profit"])
def test_what_is_no_fitted_model_of_spending_is_refused_at_every_door(given: SimpleNamespace, door: str) -> None:
    call = _DOORS[door]
    assert "is not fitted" in _refusal(lambda: call(given.model, GammaGammaFitter(), given.customers))
    assert "gamma_gamma.fit gives" in _refusal(lambda: call(given.model, given.model, given.customers))
    without = given.customers.drop(columns="monetary")
    assert "needs a column 'monetary'" in _refusal(lambda: call(given.model, given.spend, without))
    unpaid = given.customers.assign(monetary=np.nan)
    assert "monetary is missing" in _refusal(lambda: call(given.model, given.spend, unpaid))


_NO_NUMBERS = ["39", None, np.nan, np.inf, -1, True, pd.NaT, 10**400, [39]]


@pytest.mark.parametrize("value", _NO_NUMBERS)
def test_weeks_and_months_that_are_none_are_refused_at_every_door(given: SimpleNamespace, value: Any) -> None:
    model, spend, few = given.model, given.spend, given.customers
    of_weeks: list[Callable[[], object]] = [
        lambda: orders.expected_orders(model, few, weeks=value),
        lambda: orders.expected_orders_grid(model, weeks=9, most_orders=2, next_weeks=value),
        lambda: orders.probability_alive_grid(model, weeks=value, most_orders=2),
        lambda: forecast.order_range(model, few, weeks=value),
        lambda: forecast.probability_of(model, few, few["holdout"], weeks=value),
        lambda: forecast.total_orders(model, few, weeks=value),
        lambda: comparison.compare(few, holdout_weeks=value),
        lambda: stability.by_cohort(bgnbd.fit, few, few["T"], weeks=value),
        lambda: Terms(weeks=value),
    ]
    for call in of_weeks:
        assert "weeks must be " in _refusal(call)
    of_months: list[Callable[..., object]] = [
        lambda **terms: clv.lifetime_value(model, spend, few, **terms),
        lambda **terms: clv.value_interval(model, spend, few, **terms),
        lambda **terms: clv.value_by(model, spend, few, few["T"], **terms),
        lambda **terms: profit.customer_profit(model, spend, few, profit.Costs(), **terms),
        lambda **terms: Terms(**terms),
    ]
    for door in of_months:
        assert "months must be " in _refusal(lambda: door(**_TERMS | {"months": value}))  # noqa: B023
        said = _refusal(lambda: door(**_TERMS | {"monthly_discount_rate": value}))  # noqa: B023
        assert said.startswith("monthly_discount_rate must be a share from 0 to 1, not ")


@pytest.mark.parametrize("value", ["0.9", None, np.nan, 0, 1, 95, True])
def test_a_level_that_is_none_is_refused_at_every_door(given: SimpleNamespace, value: Any) -> None:
    model, spend, few = given.model, given.spend, given.customers
    doors: list[Callable[[], object]] = [
        lambda: forecast.order_range(model, few, weeks=26, level=value),
        lambda: forecast.total_orders(model, few, weeks=26, level=value),
        lambda: clv.value_interval(model, spend, few, **_TERMS, level=value),
        lambda: clv.value_by(model, spend, few, few["T"], **_TERMS, level=value),
        lambda: uncertainty.parameters(model, level=value),
        lambda: Terms(level=value),
    ]
    for call in doors:
        assert _refusal(call).startswith("level must be ")


@pytest.mark.parametrize("wrong", [-1, 0.5, 10_001, np.inf])
def test_orders_that_nobody_can_place_have_no_probability(given: SimpleNamespace, wrong: float) -> None:
    wanted = given.customers["holdout"].astype(float)
    wanted.iloc[3] = wrong
    assert _refusal(lambda: forecast.probability_of(given.model, given.customers, wanted, weeks=26))


def test_the_probability_of_orders_is_of_whom_they_are_and_not_of_their_place(given: SimpleNamespace) -> None:
    came = given.customers["holdout"]
    straight, turned = (
        forecast.probability_of(given.model, given.customers, each, weeks=26) for each in (came, came[::-1])
    )
    pd.testing.assert_series_equal(straight, turned)


@pytest.mark.parametrize(
    ("by", "sentence"),
    [
        (["a"] * 60, "by must be a Series indexed as the customers are, not a list"),
        (pd.Series("a", [f"u{n}" for n in range(60)]), "by says nothing of these customers: index it by the same"),
        (pd.Series("a", [1, 1, 2]), "by has 1 customers more than once: give each one row"),
        (pd.Series([], dtype=object), "by is empty"),
        (pd.Series(np.nan, range(60)), "by says nothing of these customers"),
    ],
)
def test_segments_of_nobody_here_are_refused(given: SimpleNamespace, by: Any, sentence: str) -> None:
    assert _refusal(lambda: clv.value_by(given.model, given.spend, given.customers, by, **_TERMS)).startswith(sentence)


_NAMES = pd.Series([1.0, 2.0], ["ann", "bob"])
_SCORED = pd.DataFrame({"R": [1, 5], "F": [1, 5], "M": [1, 5]}, _NAMES.index)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: clv.share_of_top([1, 2], 0.1), "values must be a Series"),
        (lambda: clv.share_of_top(_NAMES, "a tenth"), "fraction must be a number, not 'a tenth'"),
        (lambda: clv.share_of_top(_NAMES, 10), "fraction must be a share above 0"),
        (lambda: clv.share_of_top(_NAMES * 0, 0.1), "values add up to nothing"),
        (lambda: clv.concentration(_NAMES * np.nan), "values is missing or infinite for 2 of 2 customers"),
        (lambda: best.deciles([1, 2]), "values must be a Series"),
        (lambda: best.deciles(pd.Series(["a"] * 10)), "values must be numbers"),
        (lambda: segments.segments(_SCORED, ["R > 1"]), "rules must name a condition for each segment"),
        (lambda: best.standing(_NAMES, "five"), "groups must be a number"),
        (lambda: best.by_decile(_NAMES, {"ann": 1}), "amounts must be a Series"),
        (lambda: best.by_decile(_NAMES, pd.Series(["much", "more"], _NAMES.index)), "amounts must be numbers"),
        (lambda: segments.grid(_SCORED.drop(columns="R"), _NAMES), "needs a column 'R'"),
        (lambda: segments.segments(_SCORED, {"all": "Q >= 1"}), "The rule 'Q >= 1' cannot be read: name 'Q' is not"),
        (lambda: segments.segments(_SCORED, {"all": "R >="}), "The rule 'R >=' cannot be read"),
        (lambda: segments.segments(_SCORED, {"all": "R + F"}), r"The rule 'R \+ F' is no condition"),
        (lambda: simple.simple_value("90", 0.4), "order_value must be a number"),
        (lambda: simple.retention_value(10, 0.8, 0.1, first_margin="later"), "first_margin must be 'now' or"),  # type: ignore[arg-type]
        (lambda: simple.retention_value(10, np.nan, 0.1), "retention must be a share"),
        (lambda: simple.monthly_rate(np.nan), "yearly_rate must be a number"),
        (lambda: profit.Costs(margin="half"), "margin must be a number"),  # type: ignore[arg-type]
        (lambda: profit.return_on_acquisition(_NAMES, _NAMES, _NAMES, {1.0: "6", 2.0: 0}), "the cost of a customer of"),
        (lambda: profit.return_on_acquisition(_NAMES, _NAMES, _NAMES, 6), "cost_of must say"),
        (lambda: profit.return_on_acquisition(_NAMES[:1], _NAMES, _NAMES, {1.0: 6, 2.0: 0}), "past is missing"),
        (lambda: calibration.chi_square(_SCORED), "needs a column 'actual'"),
        (lambda: calibration.chi_square(pd.DataFrame({"actual": [1.0], "expected": [1.0]})), "needs 6 rows, not 1"),
        (lambda: calibration.holdout_by_model([], _SCORED, weeks=26), "Name at least one fitted model"),
        (lambda: stability.drift("BG/NBD", _SCORED), "fit must be a function such as bgnbd.fit"),
        (lambda: gamma_gamma.spend_frequency_correlation(_SCORED), "needs a column 'frequency'"),
        (lambda: uncertainty.parameters(None), "gamma_gamma.fit gives, not a NoneType"),
        (lambda: orders.log_likelihood(BetaGeoFitter()), "is not fitted"),
        (lambda: rfm_in_weeks(None, "cdnow"), "needs the observation that rfm.observe gives, not a str"),  # type: ignore[arg-type]
        (lambda: acquired(None, "cdnow"), "needs the observation that rfm.observe gives, not a str"),  # type: ignore[arg-type]
        (lambda: Observation("a", "USD", "2026-01-01", date(2026, 1, 1)), "until must be a day such as"),  # type: ignore[arg-type]
    ],
)
def test_what_the_other_functions_cannot_take_is_refused(call: Callable[[], object], words: str) -> None:
    with pytest.raises(DataRefused, match=words):
        call()


def test_a_model_without_a_covariance_has_no_interval_and_says_so(given: SimpleNamespace) -> None:
    orders_alone, spend_alone = BetaGeoFitter(), GammaGammaFitter()
    for alone, fitted in ((orders_alone, given.model), (spend_alone, given.spend)):
        alone.params_, alone.data = fitted.params_, fitted.data
    few = given.customers
    doors: list[Callable[[], object]] = [
        lambda: forecast.order_range(orders_alone, few, weeks=26),
        lambda: forecast.total_orders(orders_alone, few, weeks=26),
        lambda: clv.value_interval(given.model, spend_alone, few, **_TERMS),
        lambda: clv.value_by(given.model, spend_alone, few, few["T"], **_TERMS),
        lambda: uncertainty.parameters(orders_alone),
    ]
    for call in doors:
        assert _refusal(call) == "The model does not know how far its parameters may be off: fit it."


def test_a_path_of_what_is_no_day_is_refused(given: SimpleNamespace) -> None:
    assert "until must be a day" in _refusal(lambda: orders.alive_path(given.model, [], until="1997"))  # type: ignore[arg-type]
    said = _refusal(lambda: orders.alive_path(given.model, ["monday"], until=date(1997, 9, 30)))  # type: ignore[list-item]
    assert said.startswith("days must be dates, such as the index of rfm.spent_by_day: ")


def test_numbers_of_other_kinds_are_numbers(given: SimpleNamespace) -> None:
    """Those of numpy, whole ones with a decimal point, and columns that may have missing values but have none."""
    plain = clv.lifetime_value(given.model, given.spend, given.customers, **_TERMS)
    nullable = given.customers.convert_dtypes()
    months, rate = np.float64(6.0), np.float32(0.01)
    other = clv.lifetime_value(given.model, given.spend, nullable, months=months, monthly_discount_rate=rate)  # type: ignore[arg-type]
    assert other.to_numpy(float) == pytest.approx(plain.to_numpy(), rel=1e-6)
