"""Customers drawn from a known BG/NBD or MBG/NBD, as `rfm_in_weeks` would describe them, to the second."""

import numpy as np
import pandas as pd


def customers_of(
    size: int,
    *,
    r: float,
    alpha: float,
    a: float,
    b: float,
    weeks: float = 52.0,
    holdout_weeks: float = 0.0,
    modified: bool = False,
    seed: int = 20260630,
) -> pd.DataFrame:
    """`size` customers who first bought in the first quarter of `weeks`; with a = 0 nobody ever stops."""
    rng = np.random.default_rng(seed)
    age = weeks * (1 - rng.random(size) / 4)
    rate = rng.gamma(r, 1 / alpha, size)
    stops = rng.beta(a, b, size) if a else np.zeros(size)
    orders, holdout = np.zeros(size, int), np.zeros(size, int)
    last, clock = np.zeros(size), np.zeros(size)
    buying = np.flatnonzero(rng.random(size) >= stops) if modified else np.arange(size)
    while buying.size:
        clock[buying] += rng.exponential(1 / rate[buying])
        buying = buying[clock[buying] <= age[buying] + holdout_weeks]
        in_time = clock[buying] <= age[buying]
        seen, later = buying[in_time], buying[~in_time]
        orders[seen] += 1
        last[seen] = clock[seen]
        holdout[later] += 1
        buying = buying[rng.random(buying.size) >= stops[buying]]
    return pd.DataFrame({"frequency": orders, "recency": last, "T": age, "holdout": holdout})
