"""Who the best customers are: tenths of them by any measure, such as past spend or predicted value.

Who is in which group is decided by how many of all customers lie wholly below. So equal customers always stand
together, in the lower of the groups they might be in, and groups need not be of one size: of many who bought once, none
gets ahead by their place in a file.
"""

import numpy as np
import pandas as pd

from safar.errors import DataRefused
from safar.research.require import of_customers, require_amounts, require_numeric, require_series, require_whole

_TENTHS = 10


def standing(values: pd.Series, groups: int) -> "pd.Series[int]":
    """How many of `groups` equal parts of all customers lie below each: 0 for the lowest, to `groups` - 1.

    Raises DataRefused when a value is missing, or there are fewer customers than groups.
    """
    require_series("values", values)
    require_numeric("values", values)
    require_whole("groups", groups, at_least=1)
    if values.isna().any():
        raise DataRefused(f"{values.isna().sum():,} of {len(values):,} customers have no value: give each one, or 0.")
    if len(values) < groups:
        raise DataRefused(f"{groups} groups need at least {groups} customers, and there are {len(values)}.")
    below = values.rank(method="min").astype("int64") - 1
    return below * groups // len(values)


def deciles(values: pd.Series) -> "pd.Series[int]":
    """Each customer's tenth by `values`: 1 for the best to 10 for the lowest.

    In the best tenth is who has nine tenths of all customers below. Raises DataRefused as `standing` does.
    """
    return (_TENTHS - standing(values, _TENTHS)).rename("decile")


def by_decile(decile: "pd.Series[int]", amounts: pd.Series) -> pd.DataFrame:
    """What each tenth holds of `amounts`, one row a decile from 1, the best, to 10.

    Columns `customers`, `mean` (a customer; blank where nobody is), `total`, `share` of the total of all, from 0 to 1,
    and `share_so_far`, added up from the best. The amounts need not be those that made the deciles: tenths by past
    spend may be held against what came later. Raises DataRefused when an amount is missing or they add up to nothing.
    """
    require_amounts("decile", decile)
    if not decile.isin(range(1, 11)).all():
        raise DataRefused("decile must be whole numbers from 1 to 10: `deciles` gives them.")
    of_each = of_customers("amounts", amounts, decile.index)
    if of_each.isna().any():
        raise DataRefused(f"{of_each.isna().sum():,} of {len(decile):,} customers have no amount: give each one, or 0.")
    require_amounts("amounts", of_each)
    if not of_each.sum() > 0:
        raise DataRefused("The amounts add up to nothing, so nobody holds a share: choose a period with orders.")
    groups = of_each.groupby(decile)
    table = pd.DataFrame({"customers": groups.size(), "mean": groups.mean(), "total": groups.sum()})
    table = table.reindex(pd.RangeIndex(1, _TENTHS + 1, name="decile"))
    table = table.fillna({"customers": 0, "total": 0.0}).astype({"customers": np.int64})
    share = table["total"] / of_each.sum()
    return table.assign(share=share, share_so_far=share.cumsum())
