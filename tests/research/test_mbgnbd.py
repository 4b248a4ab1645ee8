import pandas as pd
import pytest

from safar.errors import DataRefused
from safar.research import mbgnbd
from safar.research.orders import log_likelihood
from safar.research.uncertainty import parameters
from tests.research.conftest import Cdnow
from tests.research.simulate import customers_of


def test_the_estimates_are_the_published_ones_as_far_as_printed(cdnow: Cdnow) -> None:
    """Batislam, Denizel, Filiztekin (2007), table 2: the same 2,357 customers."""
    fitted = mbgnbd.fit(cdnow.customers)
    assert fitted.params_.round(3).to_dict() == {"r": 0.525, "alpha": 6.183, "a": 0.891, "b": 1.614}


def test_it_describes_cdnow_a_little_better_than_the_bg_nbd(cdnow: Cdnow) -> None:
    assert log_likelihood(mbgnbd.fit(cdnow.customers)) == pytest.approx(-9582.1357, abs=1e-4)


def test_the_parameters_behind_simulated_customers_are_found_again() -> None:
    truth = {"r": 0.6, "alpha": 5.0, "a": 0.8, "b": 2.5}
    table = parameters(mbgnbd.fit(customers_of(6000, **truth, modified=True)))
    assert ((table["estimate"] - pd.Series(truth)) / table["standard_error"]).abs().max() < 3


def test_too_few_who_came_back_are_refused_in_words() -> None:
    with pytest.raises(DataRefused, match="MBG/NBD needs 30 customers who bought on a second day"):
        mbgnbd.fit(customers_of(40, r=0.3, alpha=6, a=0.8, b=2.4))
