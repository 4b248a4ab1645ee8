import pytest

from safar.errors import DataRefused
from safar.research.simple import monthly_rate, retention_value, simple_value


def test_the_published_examples_are_met() -> None:
    assert simple_value(100, 0.2) == pytest.approx(120)
    assert retention_value(1, 0.75, 0.10, first_margin="after a period") == pytest.approx(2.142857, abs=1e-6)
    assert retention_value(1, 0.75, 0.10) == pytest.approx(3.142857, abs=1e-6)


def test_the_closed_form_is_the_sum_over_many_periods() -> None:
    later = sum(50 * 0.8**period / 1.02**period for period in range(1, 2000))
    assert retention_value(50, 0.8, 0.02, first_margin="after a period") == pytest.approx(later)
    assert retention_value(50, 0.8, 0.02) == pytest.approx(50 + later)


def test_twelve_months_make_the_year() -> None:
    assert (1 + monthly_rate(0.1)) ** 12 == pytest.approx(1.1)


@pytest.mark.parametrize("asked", [(1.2, 0.1), (-0.1, 0.1), (0.5, -0.1), (1.0, 0.0)])
def test_what_has_no_meaning_or_no_end_is_refused(asked: tuple[float, float]) -> None:
    with pytest.raises(DataRefused):
        retention_value(1, *asked)


def test_a_percentage_for_a_share_is_refused_in_words() -> None:
    with pytest.raises(DataRefused, match=r"^repeat_rate must be a share from 0 to 1, not 20\.$"):
        simple_value(100, 20)
