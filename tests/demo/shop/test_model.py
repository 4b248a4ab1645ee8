"""The numbers behind the shop: the page that explains them says the same, and draws follow them."""

import re
from collections.abc import Mapping
from dataclasses import astuple
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from safar.demo.shop import model

_PAGE = Path(__file__).parents[3] / "docs" / "demo-shop.md"
_DRAWS = 20_000


def _rows() -> dict[str, list[str]]:
    """The table rows of the page that start with a name in code, by that name."""
    rows = re.findall(r"^\| `([\w-]+)` \|(.+)\|$", _PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    return {name: [cell.strip() for cell in cells.split("|")] for name, cells in rows}


def _text(value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {number:g}" for key, number in value.items())
    return ", ".join(value) if isinstance(value, tuple) else f"{value:g}"


def test_the_page_gives_every_number_its_value():
    numbers = {name: value for name, value in vars(model).items() if name.isupper()}
    for shown_elsewhere in ("UTC", "START", "END", "CHANNELS"):
        del numbers[shown_elsewhere]
    rows = {name: cells[0] for name, cells in _rows().items() if name.isupper()}
    assert rows == {name: _text(value) for name, value in numbers.items()}


def test_the_page_gives_every_channel_its_numbers():
    rows = _rows()
    for name, channel in model.CHANNELS.items():
        assert rows[name] == [f"{number:g}" for number in astuple(channel)]


def test_channel_shares_add_up_to_one():
    assert sum(channel.share for channel in model.CHANNELS.values()) == pytest.approx(1)


@pytest.fixture(scope="module")
def organic() -> list[model.Customer]:
    rng = np.random.default_rng(1)
    return [model.draw_customer(rng, "organic") for _ in range(_DRAWS)]


def test_rates_have_the_mean_and_spread_of_their_gamma(organic):
    rates = np.array([customer.rate for customer in organic])
    assert rates.mean() == pytest.approx(0.8 / 5 * 1.1, rel=0.03)
    assert rates.std() == pytest.approx(0.8**0.5 / 5 * 1.1, rel=0.05)


def test_dropout_odds_are_the_beta_times_the_channel(organic):
    dropout = np.array([customer.dropout for customer in organic])
    expected = np.random.default_rng(2).beta(model.DROPOUT_A, model.DROPOUT_B, _DRAWS)
    odds = expected / (1 - expected) * 0.9
    assert dropout.mean() == pytest.approx((odds / (1 + odds)).mean(), rel=0.03)


def test_amounts_have_the_mean_of_their_gamma_gamma(organic):
    rng = np.random.default_rng(3)
    amounts = [model.draw_amount(rng, customer) for customer in organic if customer.age_band == "30-44"]
    mean = model.SPEND_P * model.SPEND_GAMMA / (model.SPEND_Q - 1)
    assert np.mean(amounts) == pytest.approx(mean, rel=0.06)


def test_trouble_multiplies_the_odds_of_stopping(organic):
    customer = organic[0]
    calm = model.dropout(customer, model.Experience(), member=False)
    rough = model.dropout(customer, model.Experience(late=True, response_hours=20.0), member=True)
    factor = model.LATE_DROPOUT * model.SLOW_DROPOUT * model.LOYALTY_DROPOUT
    assert calm == pytest.approx(customer.dropout)
    assert rough / (1 - rough) == pytest.approx(calm / (1 - calm) * factor)


def test_the_larger_team_answers_faster_where_it_works_only():
    before, after = datetime(2026, 1, 1, tzinfo=model.START.tzinfo), model.SUPPORT_CHANGE

    def median(channel: str, opened: datetime) -> float:
        rng = np.random.default_rng(4)
        return float(np.median([model.draw_response_hours(rng, channel, opened) for _ in range(2000)]))

    assert median("email", before) == pytest.approx(16, rel=0.1)
    assert median("email", after) == pytest.approx(16 * 0.35, rel=0.1)
    assert median("phone", after) == median("phone", before)
