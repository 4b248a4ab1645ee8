"""MBG/NBD: the BG/NBD for businesses where many customers buy once and never again.

A customer may stop after any purchase, the very first among them; all else is as in `bgnbd`, whose customers never
stop before they have bought a second time.

Batislam, Denizel, Filiztekin (2007), "Empirical Validation and Comparison of Models for Customer Base Analysis",
International Journal of Research in Marketing 24(3), 201-209. What a fitted model says of customers is in `orders`.
"""

import pandas as pd

from safar.research.fitters import ModifiedBetaGeoFitter
from safar.research.fitting import fit_orders


def fit(customers: pd.DataFrame) -> ModifiedBetaGeoFitter:
    """Maximise the likelihood and return the fitter of `lifetimes`, with r, alpha (weeks), a and b.

    `customers` are as for `bgnbd.fit`. Raises DataRefused when the data cannot carry four parameters.
    """
    return fit_orders(ModifiedBetaGeoFitter(), "MBG/NBD", customers)
