"""What the public functions of the kit ask of their input; whatever is wrong with it is refused in a sentence.

The checks stand at the public doors and are a few passes over the columns each. What is called behind a door, some of
it many times, takes its input as checked. All of them raise DataRefused.
"""

from collections.abc import Iterable
from datetime import date, datetime
from math import inf
from numbers import Integral, Real
from sys import float_info

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from safar.errors import DataRefused
from safar.research.fitters import BetaGeoFitter, GammaGammaFitter, ModifiedBetaGeoFitter, ParetoNBDFitter

_A_MOMENT = 1e-6


def require_number(name: str, value: float, *, at_least: float = -inf) -> None:
    """`value` is a finite number, `at_least` so large; neither text nor True nor NaN is one."""
    if not _is_number(value) or not abs(value) <= float_info.max:
        raise DataRefused(f"{name} must be a number, not {value!r}.")
    if value < at_least:
        raise DataRefused(f"{name} must be at least {at_least:g}, not {value:g}.")


def require_whole(name: str, value: float, *, at_least: int) -> None:
    """`value` is a whole number, `at_least` so large."""
    require_number(name, value, at_least=at_least)
    if not isinstance(value, Integral) and value != int(value):
        raise DataRefused(f"{name} must be a whole number, not {value:g}.")


def require_share(name: str, value: float) -> None:
    """`value` is a number from 0 to 1."""
    if not _is_number(value) or not 0 <= value <= 1:
        raise DataRefused(f"{name} must be a share from 0 to 1, not {value!r}.")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool | np.bool_)


def require_day(name: str, value: date) -> date:
    """`value` as a date; of a moment it is the day."""
    if not isinstance(value, date) or pd.isna(value):
        raise DataRefused(f"{name} must be a day such as date(2026, 1, 31), not {value!r}.")
    return value.date() if isinstance(value, datetime) else value


def require_columns(table: pd.DataFrame, *columns: str) -> None:
    """`table` is one, with rows, and has each of the columns once."""
    if not isinstance(table, pd.DataFrame):
        raise DataRefused(f"This needs a DataFrame with {', '.join(columns)}, not a {type(table).__name__}.")
    for name in columns:
        found = int((table.columns == name).sum())
        if not found:
            raise DataRefused(f"The table needs a column {name!r}; it has {', '.join(map(str, table)) or 'none'}.")
        if found > 1:
            raise DataRefused(f"The table has {found} columns {name!r}: keep one.")
    if table.empty:
        raise DataRefused(f"The table of {', '.join(columns)} has no rows: give at least one.")


def require_numbers(table: pd.DataFrame, *columns: str) -> None:
    """Each of the columns is there once, with a finite number in every row, none below 0."""
    require_columns(table, *columns)
    for name in columns:
        require_numeric(name, table[name])
        values = table[name].to_numpy(float, na_value=np.nan)
        if not 0 <= values.min() <= values.max() < inf:
            wrong = int((~(np.isfinite(values) & (values >= 0))).sum())
            raise DataRefused(f"{name} is missing, infinite or below 0 for {wrong:,} of {len(table):,} rows.")


def require_customers(customers: pd.DataFrame, *columns: str) -> None:
    """Rows of customers, or patterns of them, that may have been: whole frequency, 0 <= recency <= T.

    Whoever never bought again has a recency of 0. The other `columns` asked for are numbers.
    """
    weights = ("customers",) if isinstance(customers, pd.DataFrame) and "customers" in customers else ()
    require_numbers(customers, "frequency", "recency", "T", *columns, *weights)
    frequency, recency, age = (customers[name].to_numpy(float) for name in ("frequency", "recency", "T"))
    _require_counts(frequency)
    impossible = {
        "recency is above T": recency > age + _A_MOMENT,
        "recency is above 0 though frequency is 0": (recency > 0) & (frequency == 0),
    }
    for rule, broken in impossible.items():
        if broken.any():
            raise DataRefused(
                f"{rule} for {broken.sum():,} of {len(customers):,} rows: recency is the time from the first order to "
                "the last, and T that to the end of the calibration, when nobody has bought later."
            )


def require_spending(customers: pd.DataFrame) -> None:
    """What customers spent, one a row: `monetary` a repeat day, and `frequency` of those."""
    require_one_a_row(customers)
    require_numbers(customers, "frequency", "monetary")
    _require_counts(customers["frequency"].to_numpy(float))


def require_one_a_row(customers: pd.DataFrame) -> None:
    """Not patterns, whose rows stand for many customers each: their sums would be wrong."""
    if isinstance(customers, pd.DataFrame) and "customers" in customers:
        raise DataRefused("This needs one row a customer, of rfm_in_weeks; these are patterns, which only a fit takes.")


def require_series(name: str, values: pd.Series) -> None:
    """`values` is a Series of at least one."""
    if not isinstance(values, pd.Series):
        raise DataRefused(f"{name} must be a Series indexed as the customers are, not a {type(values).__name__}.")
    if values.empty:
        raise DataRefused(f"{name} is empty: give at least one customer.")


def require_amounts(name: str, values: pd.Series) -> None:
    """`values` is a Series of finite numbers."""
    require_series(name, values)
    require_numeric(name, values)
    wrong = int((~np.isfinite(values.to_numpy(float, na_value=np.nan))).sum())
    if wrong:
        raise DataRefused(f"{name} is missing or infinite for {wrong:,} of {len(values):,} customers.")


def of_customers(name: str, values: pd.Series, customers: pd.Index) -> pd.Series:
    """`values` in the order of `customers`, blank for those they say nothing of. They say something of some."""
    require_series(name, values)
    same = values.index.equals(customers)
    if not same and not values.index.is_unique:
        twice = values.index.duplicated().sum()
        raise DataRefused(f"{name} has {twice:,} customers more than once: give each one row.")
    found = values if same else values.reindex(customers)
    if found.isna().all():
        raise DataRefused(f"{name} says nothing of these customers: index it by the same persons as they are.")
    return found


def require_orders_model(fitter: object) -> None:
    """`fitter` is a fitted model of when customers buy and stop."""
    _require_fitted(
        fitter, (BetaGeoFitter, ModifiedBetaGeoFitter, ParetoNBDFitter), "bgnbd.fit, mbgnbd.fit or pareto_nbd.fit"
    )
    if not isinstance(getattr(fitter, "data", None), pd.DataFrame):
        raise DataRefused("The model does not know how long customers were watched: fit it, or save it with its data.")


def require_spend_model(fitter: object) -> None:
    """`fitter` is a fitted model of what customers spend."""
    _require_fitted(fitter, (GammaGammaFitter,), "gamma_gamma.fit")


def require_any_model(fitter: object) -> None:
    """`fitter` is a fitted model, of buying or of spending, that knows how far its parameters may be off."""
    kinds = (BetaGeoFitter, ModifiedBetaGeoFitter, ParetoNBDFitter, GammaGammaFitter)
    _require_fitted(fitter, kinds, "bgnbd.fit, mbgnbd.fit, pareto_nbd.fit or gamma_gamma.fit")
    if not hasattr(fitter, "variance_matrix_"):
        raise DataRefused("The model does not know how far its parameters may be off: fit it.")


def _require_fitted(fitter: object, kinds: Iterable[type], makers: str) -> None:
    if not isinstance(fitter, tuple(kinds)):
        kind = f"{type(fitter).__module__}.{type(fitter).__qualname__}".removeprefix("builtins.")
        raise DataRefused(f"This needs the model that {makers} gives, not a {kind}.")
    if not hasattr(fitter, "params_"):
        raise DataRefused(f"This {type(fitter).__name__} is not fitted: take the model that {makers} gives.")


def _require_counts(frequency: NDArray[np.float64]) -> None:
    broken = frequency != np.floor(frequency)
    if broken.any():
        raise DataRefused(
            f"frequency is no whole number for {broken.sum():,} of {len(frequency):,} rows: it counts repeat orders."
        )


def require_numeric(name: str, values: pd.Series) -> None:
    """`values` are of a type of numbers, missing ones allowed."""
    if not is_numeric_dtype(values) or is_bool_dtype(values) or values.dtype.kind == "c":
        raise DataRefused(f"{name} must be numbers, not {values.dtype}.")
