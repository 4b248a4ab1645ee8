"""Segments of customers by RFM scores: how lately, how often and for how much they bought, each from 1 to 5.

Score 5 has whoever stands above at least four fifths of all customers, score 1 whoever stands above less than one
fifth (Hughes 1994, "Strategic Database Marketing", who sorts into fifths; here equal customers are never parted, see
`best`). Of a shop where most buy once nobody may have a frequency score of 2: they all have 1.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from safar.errors import DataRefused
from safar.research.best import standing
from safar.research.journey import FEWEST
from safar.research.require import of_customers, require_columns, require_customers, require_one_a_row

_FIFTHS = 5

SEGMENTS: Mapping[str, str] = {
    "champions": "R == 5 and F == 5 and M >= 4",
    "loyal": "R >= 4 and F >= 4",
    "promising": "R >= 4 and F <= 3",
    "needing attention": "R <= 3 and F >= 3",
    "about to sleep": "R == 3 and F <= 2",
    "lost": "R <= 2 and F <= 2",
}
"""The rule of each segment, over the columns of `scores`. A customer is in the first whose rule fits."""


def weeks_since_last_order(customers: pd.DataFrame) -> "pd.Series[float]":
    """Weeks from each customer's last order to the end of the calibration.

    In whole days: the difference of `T` and `recency` alone would part customers of the same day by its last digit.
    Raises DataRefused for customers that cannot be.
    """
    require_customers(customers)
    days: pd.Series[float] = ((customers["T"] - customers["recency"]) * 7).round()
    return (days / 7).rename("weeks_since_last_order")


def scores(customers: pd.DataFrame, spent: pd.Series) -> pd.DataFrame:
    """One row a customer with `R`, `F` and `M`, whole numbers from 1 to 5, where 5 is best.

    - `R`: the fewer weeks since the last order, the better;
    - `F`: repeat orders (days with an order after the first);
    - `M`: money `spent` in all, of `rfm.spent`, or any other amount a customer.

    Raises DataRefused for patterns, for fewer than five customers, and when somebody has no amount.
    """
    require_one_a_row(customers)
    measures = {
        "R": -weeks_since_last_order(customers),
        "F": customers["frequency"],
        "M": of_customers("spent", spent, customers.index),
    }
    return pd.DataFrame({name: standing(measure, _FIFTHS) + 1 for name, measure in measures.items()})


def grid(scored: pd.DataFrame, values: pd.Series) -> pd.DataFrame:
    """Customers by their scores: indexed by (`R`, `F`), the best first; `customers`, and `mean` of `values`.

    The mean is blank where it would rest on fewer than five customers. Raises DataRefused when nobody has a value.
    """
    require_columns(scored, "R", "F")
    groups = of_customers("values", values, scored.index).groupby([scored["R"], scored["F"]])
    customers = groups.size()
    table = pd.DataFrame({"customers": customers, "mean": groups.mean().where(customers >= FEWEST)})
    return table.sort_index(ascending=False)


def segments(scored: pd.DataFrame, rules: Mapping[str, str] = SEGMENTS) -> pd.Series:
    """The segment of each customer: of the `rules`, in their order, the first that fits.

    Rules are conditions over the columns of `scored`, as `DataFrame.eval` takes them, or over any columns joined to
    it. Everybody is in one segment, nobody in two. Raises DataRefused when a customer fits no rule, or a rule
    is none.
    """
    require_columns(scored)
    if not isinstance(rules, Mapping):
        raise DataRefused(f"rules must name a condition for each segment, such as {{'recent': 'R >= 4'}}: {rules!r}.")
    names = list(rules)
    fits = [_fits(scored, rule) for rule in rules.values()]
    left_over = int((~np.any(fits, axis=0)).sum()) if fits else len(scored)
    if left_over:
        raise DataRefused(f"{left_over:,} customers fit no rule: end with one for everybody, such as 'R >= 1'.")
    kind = pd.CategoricalDtype(names, ordered=True)
    found = pd.Categorical.from_codes(np.argmax(fits, axis=0), dtype=kind)
    return pd.Series(found, scored.index, name="segment")


def _fits(scored: pd.DataFrame, rule: str) -> NDArray[np.bool_]:
    try:
        fits = np.asarray(scored.eval(rule))
    except Exception as error:  # whatever a rule of somebody's own may meet
        columns = ", ".join(map(str, scored))
        raise DataRefused(f"The rule {rule!r} cannot be read: {error}. The columns are {columns}.") from None
    if fits.shape != (len(scored),) or fits.dtype != bool:
        raise DataRefused(f"The rule {rule!r} is no condition, such as 'R >= 4 and F <= 3'.")
    return fits


def audience(
    customers: pd.DataFrame, segment: pd.Series, name: str, *, value: pd.Series, p_alive: pd.Series
) -> pd.DataFrame:
    """The persons of the segment `name`, for export: the most valuable first, of equal ones by person.

    Columns `person`, `segment`, `value` (as given, in its currency), `p_alive` (0 to 1), `weeks_since_last_order`.
    Raises DataRefused when nobody is in it.
    """
    require_one_a_row(customers)
    segment = of_customers("segment", segment, weeks_since_last_order(customers).index)
    value = of_customers("value", value, customers.index)
    p_alive = of_customers("p_alive", p_alive, customers.index)
    if not (segment == name).any():
        there = ", ".join(str(each) for each in segment.unique())
        raise DataRefused(f"Nobody is in segment {name!r}: choose one of {there}.")
    columns = {"segment": segment.astype(str), "value": value, "p_alive": p_alive}
    table = pd.DataFrame({**columns, "weeks_since_last_order": weeks_since_last_order(customers)}, customers.index)
    chosen = table[table["segment"] == name].rename_axis("person").reset_index()
    return chosen.sort_values(["value", "person"], ascending=[False, True], ignore_index=True)
