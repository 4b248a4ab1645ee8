"""Customers drawn from a known BG/NBD, as `rfm_in_weeks` would describe them."""

import numpy as np
import pandas as pd


def customers_of(size: int, *, r: float, alpha: float, a: float, b: float, weeks: float = 52.0) -> pd.DataFrame:
    """`size` customers who first bought in the first quarter of `weeks`; with a = 0 nobody ever stops."""
    rng = np.random.default_rng(20260630)
    return pd.DataFrame([_customer(rng, (r, alpha, a, b), weeks) for _ in range(size)])


def _customer(rng: np.random.Generator, truth: tuple[float, float, float, float], weeks: float) -> dict[str, float]:
    r, alpha, a, b = truth
    rate = rng.gamma(r) / alpha
    stops = rng.beta(a, b) if a else 0.0
    age = weeks * (1 - rng.random() / 4)
    orders, last, at = 0, 0.0, rng.exponential(1 / rate)
    while at <= age:
        orders, last = orders + 1, at
        if rng.random() < stops:
            break
        at += rng.exponential(1 / rate)
    return {"frequency": orders, "recency": last, "T": age}
