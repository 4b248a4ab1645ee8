"""Pareto/NBD: customers may leave at any moment, not only after a purchase.

While alive a customer buys at a rate drawn from Gamma(r, alpha), and dies at a rate drawn from Gamma(s, beta). It is
what the BG/NBD was made to stand in for, because this one was hard to compute; here it takes a few times as long.

Schmittlein, Morrison, Colombo (1987), "Counting Your Customers: Who Are They and What Will They Do Next?", Management
Science 33(1), 1-24. What a fitted model says of customers is in `orders`.
"""

import pandas as pd

from safar.research.fitters import ParetoNBDFitter
from safar.research.fitting import fit_orders


def fit(customers: pd.DataFrame) -> ParetoNBDFitter:
    """Maximise the likelihood and return the fitter of `lifetimes`, with r, alpha, s and beta (both in weeks).

    `customers` are as for `bgnbd.fit`. Raises DataRefused when the data cannot carry four parameters.
    """
    return fit_orders(ParetoNBDFitter(), "Pareto/NBD", customers)
