"""The journey of a source's people: which touchpoints they meet, what follows what, and where they stop.

A journey is all contacts of one person in order of time, anonymous visitors included; an event that belongs to nobody
is no journey. No event counts as later than it arrived. A person has stopped when nothing was heard of them for
`quiet_days` before the source's last event; the others may still go on and count as neither stopped nor lost. Every
function answers one table, with its counts; what rests on fewer than five people or contacts is blank (NaN).
"""

from collections.abc import Sequence
from itertools import dropwhile
from typing import Literal

import pandas as pd

from safar.contract import STAGES
from safar.errors import DataRefused, InvalidParameter
from safar.reports import run
from safar.research.sql import statement
from safar.store import Store

FEWEST = 5
"""Below this n a share or a median is blank."""

STOPPED = "(stopped)"
STILL_GOING = "(still going)"
ENDS = (STOPPED, STILL_GOING)
"""How a journey ends, in place of a next touchpoint."""

_PEOPLE = """
SELECT uniqExact(person) AS people, dateDiff('day', min(timestamp), max(least(timestamp, received_at))) AS days
FROM touchpoints
WHERE source = {source:String} AND event != '' AND NOT startsWith(person, 'event:')
"""
_STAGES_MET = "SELECT DISTINCT stage FROM events WHERE source = {source:String} AND event != ''"
_ALL_STAGES = (*STAGES, "unmapped")
_SECONDS_A_DAY = 86_400


def journey_map(store: Store, source: str, *, quiet_days: int = 90) -> pd.DataFrame:
    """Stage x touchpoint: one row a touchpoint, indexed by (stage, touchpoint), stages in order, the most met first.

    - `people`: persons who met it at least once; `share`: of all persons of the source, 0 to 1.
    - `contacts`: how often it was met.
    - `drop_off`: of its people, the share for whom it was the last contact before they stopped, 0 to 1.
    - `hours_to_next`: median hours from a contact to the same person's next one; `n`: contacts that have a next.
    """
    table = _ask(store, "journey_map", source, quiet_days)
    enough = table["people"] >= FEWEST
    table["share"] = (table["people"] / table["everybody"]).where(enough)
    table["drop_off"] = (table["stopped"] / table["people"]).where(enough)
    table["hours_to_next"] = table["hours_to_next"].where(table["gaps"] >= FEWEST)
    table["stage"] = _ordered(table["stage"], _ALL_STAGES)
    table = table.sort_values(["stage", "people"], ascending=[True, False], kind="stable").rename(columns={"gaps": "n"})
    columns = ["people", "share", "contacts", "drop_off", "hours_to_next", "n"]
    return table.set_index(["stage", "touchpoint"])[columns]


def transition_counts(
    store: Store, source: str, *, by: Literal["touchpoint", "stage"] = "touchpoint", quiet_days: int = 90
) -> pd.DataFrame:
    """How often each touchpoint (rows) was followed by which (columns), over all journeys.

    The last columns are the two `ENDS`. Row sums are the contacts of each touchpoint.
    """
    steps = _ask(store, "journey_transitions", source, quiet_days, by=by)
    counts = steps.pivot_table(index="place", columns="next", values="n", aggfunc="sum", fill_value=0)
    if by == "stage":
        places = [stage for stage in _ALL_STAGES if stage in counts.index]
    else:
        places = list(counts.sum(axis="columns").sort_values(ascending=False, kind="stable").index)
    return counts.reindex(index=places, columns=[*places, *ENDS], fill_value=0).astype("int64")


def transition_shares(counts: pd.DataFrame) -> pd.DataFrame:
    """Each row of `transition_counts` as shares that sum to 1: P(next | here) of a first-order chain."""
    totals = counts.sum(axis="columns")
    return counts.div(totals, axis="index").where(totals >= FEWEST, axis="index")


def by_stage(store: Store, source: str, *, bucket: str = "month") -> pd.DataFrame:
    """Touchpoints of each stage over time: one row a `bucket` that has any, one column a stage, 0 where there is none.

    The report `touchpoints_over_time` itself, as on the page, in UTC. Raises DataRefused for a source without any, and
    InvalidParameter for one that is not known.
    """
    rows = run("touchpoints_over_time", store, {"source": source, "bucket": bucket}).rows
    if not rows:
        raise DataRefused(f"Source {source!r} has no touchpoints.")
    events = pd.DataFrame(rows).pivot(index="bucket", columns="name", values="events")
    return events.reindex(columns=list(STAGES)).fillna(0).astype("int64")


def funnel(store: Store, source: str, steps: Sequence[str] | None = None, *, window_days: int = 30) -> pd.DataFrame:
    """People who took `steps` (stages or touchpoints) in order, within `window_days` of their first step.

    Without `steps` they are the stages, from the first that anybody came to: a source of orders alone begins with
    purchase.

    The report `funnel` itself, as on the page: columns `people`, `share_of_first`, `share_of_previous`, and `lost`,
    those who went no further than the step before. Indexed by `step`, the names in order. Raises DataRefused when
    nobody took the first step, InvalidParameter without steps.
    """
    steps = _stages_reached(store, source) if steps is None else steps
    if not steps:
        raise InvalidParameter("steps must name at least one stage or touchpoint.")
    asked = {"source": source, "steps": ",".join(steps), "window": str(window_days * _SECONDS_A_DAY)}
    rows = pd.DataFrame(run("funnel", store, asked).rows).set_index("name").rename_axis("step")
    if not rows["people"].any():
        raise DataRefused(f"Nobody of source {source!r} took the step {steps[0]!r}.")
    rows["lost"] = rows["people"].shift().sub(rows["people"]).fillna(0).astype("int64")
    return rows[["people", "share_of_first", "share_of_previous", "lost"]].astype({"share_of_previous": "float64"})


def _stages_reached(store: Store, source: str) -> Sequence[str]:
    found = {row["stage"] for row in store.query(_STAGES_MET, {"source": source})}
    if found.isdisjoint(STAGES):
        raise DataRefused(f"Nobody of source {source!r} came to any of {', '.join(STAGES)}.")
    return list(dropwhile(lambda stage: stage not in found, STAGES))


def stops(store: Store, source: str, *, quiet_days: int = 90) -> pd.DataFrame:
    """Where people stop: `people` by the furthest stage they came to and their last touchpoint, the most first.

    `share` is of all who stopped. Stages are taken by their order, whatever the order of the contacts. Raises
    DataRefused when nobody has stopped.
    """
    table = _ask(store, "journey_stops", source, quiet_days, stages=list(STAGES))
    table["furthest_stage"] = _ordered(table["furthest_stage"].replace("", "unmapped"), _ALL_STAGES)
    table["share"] = (table["people"] / table["people"].sum()).where(table["people"] >= FEWEST)
    return table.set_index(["furthest_stage", "last_touchpoint"])


def _ask(store: Store, name: str, source: str, quiet_days: int, **more: object) -> pd.DataFrame:
    table = store.query_df(statement(name), {"source": source, "quiet_days": quiet_days, **more})
    if table.empty:
        raise DataRefused(_why_empty(store, source, quiet_days))
    # The store counts in unsigned integers, of which a difference may be enormous.
    return table.astype({name: "int64" for name, kind in table.dtypes.items() if kind.kind == "u"})


def _why_empty(store: Store, source: str, quiet_days: int) -> str:
    (found,) = store.query(_PEOPLE, {"source": source})
    if not found["people"]:
        return f"Source {source!r} has no journeys to show."
    return (
        f"Nobody of source {source!r} has been silent for {quiet_days} days: its {found['people']:,} people were met "
        f"within {found['days']} days; choose fewer quiet_days (QUIET_DAYS in the notebook)."
    )


def _ordered(stages: pd.Series, order: Sequence[str]) -> pd.Series:
    return stages.astype(pd.CategoricalDtype(list(order), ordered=True))
