"""Where customers came from and what they are like: what to split their value by."""

from typing import Any, Literal

import pandas as pd

from safar.errors import DataRefused
from safar.research.rfm import Observation, require_observation
from safar.research.sql import statement
from safar.store import Store

UNKNOWN = "unknown"


def acquired(store: Store, observation: Observation, *, touch: Literal["first", "last"] = "first") -> pd.DataFrame:
    """How each customer was won, indexed by `person`.

    - `channel`: the acquisition channel of the first contact (or the last, by `touch`) that names one, among the
      contacts up to the first order in the observation's currency; `unknown` when none does.
    - `campaign`: of that same contact; `(none)` when it came by no campaign.
    - `cohort`: the month of that first order, such as 1997-01, in the observation's time zone.

    Raises DataRefused for any other `touch`.
    """
    if touch not in ("first", "last"):
        raise DataRefused(f"touch must be first or last, not {touch!r}.")
    asked = _parameters(observation) | {"currency": observation.currency, "touch": touch}
    found = store.query_df(statement("acquisition"), asked)
    return found.set_index("person")[["channel", "campaign", "cohort"]]


def attribute(store: Store, observation: Observation, name: str) -> "pd.Series[str]":
    """The trait `name` of each person, as the newest identify call that has it says, as text; indexed by `person`.

    Whoever was never given it is left out. Raises DataRefused when nobody was.
    """
    found = store.query_df(statement("attribute"), _parameters(observation) | {"name": name})
    if found.empty:
        raise DataRefused(f"No identify call of source {observation.source!r} has a trait {name!r}.")
    values: pd.Series[str] = found.set_index("person")["value"].rename(name)
    return values


def _parameters(observation: Observation) -> dict[str, Any]:
    require_observation(observation)
    return {"source": observation.source, "tz": observation.tz, "until": observation.calibration_until.isoformat()}
