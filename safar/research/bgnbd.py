"""BG/NBD: how often a customer will buy again, and whether they still are one.

For businesses without contracts, where customers leave without saying so. While alive a customer buys at a rate
drawn from Gamma(r, alpha), and stops for good after any repeat purchase with a probability drawn from Beta(a, b).

Fader, Hardie, Lee (2005), "'Counting Your Customers' the Easy Way: An Alternative to the Pareto/NBD Model",
Marketing Science 24(2), 275-284. What a fitted model says of customers is in `orders`.
"""

import pandas as pd

from safar.research.fitters import BetaGeoFitter
from safar.research.fitting import fit_orders


def fit(customers: pd.DataFrame) -> BetaGeoFitter:
    """Maximise the likelihood (eq. 6) and return the fitter of `lifetimes`, with r, alpha (weeks), a and b.

    `customers` are rows of `rfm.rfm_in_weeks` or, for many of them, of `rfm.patterns_in_weeks`; equal customers are
    one weighted row of `fitter.data`. Raises DataRefused when the data cannot carry four parameters.
    """
    return fit_orders(BetaGeoFitter(), "BG/NBD", customers)
