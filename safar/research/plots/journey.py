"""Pictures of the journey: the map, what follows what, the funnel, and where people stop."""

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from safar.research.journey import ENDS, transition_shares
from safar.research.plots.style import DARK, LIGHT, MIDDLE, SHADES, axes, bare, title

_STAGE_STYLE = {
    "awareness": (LIGHT, ""),
    "purchase": (MIDDLE, "//"),
    "post_purchase": (DARK, ""),
    "unmapped": ("white", ".."),
}


def journey_heat_map(table: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """`journey.journey_map`: share of people, drop-off and time to the next contact, one row a touchpoint."""
    ax = axes(ax, 8.0, 1.2 + 0.24 * len(table))
    shown = table[["share", "drop_off", "hours_to_next"]]
    # Each column has a unit of its own, so each has its own scale; the time's is logarithmic.
    seconds = np.log1p(table["hours_to_next"] * 3600)
    shade = pd.DataFrame({"share": table["share"], "drop_off": table["drop_off"], "time": seconds / seconds.max()})
    text = shown.assign(
        share=[_percent(value) for value in shown["share"]],
        drop_off=[_percent(value) for value in shown["drop_off"]],
        hours_to_next=[duration(value) for value in shown["hours_to_next"]],
    )
    sns.heatmap(shade, annot=text, fmt="", cmap=SHADES, vmin=0, vmax=1, cbar=False, linewidths=0.5, ax=ax)
    touchpoints = table.index.get_level_values("touchpoint")
    people = [f"{name}  (n = {n:,})" for name, n in zip(touchpoints, table["people"], strict=True)]
    ax.set_yticks(np.arange(len(table)) + 0.5, people, rotation=0, fontsize=8)
    ax.set_xticks([0.5, 1.5, 2.5], ["people, % of all", "drop-off, % of its people", "median time to next"], fontsize=9)
    ax.tick_params(axis="x", top=True, labeltop=True, bottom=False, labelbottom=False)
    ax.set(xlabel="", ylabel="")
    _stage_brackets(ax, table)
    title(ax, "Journey map: reach, drop-off, time to the next contact")
    return ax


def transition_heat_map(counts: pd.DataFrame, *, most: int = 14, ax: Axes | None = None) -> Axes:
    """`journey.transition_counts`: P(next | here) in % among the `most` met touchpoints, and the ends."""
    places = list(counts.index[:most])
    shares = transition_shares(counts).loc[places, [*places, *ENDS]]
    ax = axes(ax, 3.0 + 0.5 * len(shares.columns), 2.0 + 0.38 * len(places))
    labels = shares.map(lambda share: "" if not share >= 0.005 else f"{100 * share:.0f}")
    sns.heatmap(
        shares,
        annot=labels,
        fmt="",
        cmap=SHADES,
        vmin=0,
        vmax=1,
        cbar=False,
        linewidths=0.5,
        ax=ax,
        annot_kws={"size": 8},
    )
    ax.axvline(len(places), color=DARK, linewidth=1.5)
    ax.set_yticks(
        np.arange(len(places)) + 0.5, [f"{name}  (n = {counts.loc[name].sum():,})" for name in places], rotation=0
    )
    ax.set_xticks(np.arange(len(shares.columns)) + 0.5, shares.columns, rotation=40, ha="right")
    ax.tick_params(labelsize=8)
    ax.set(xlabel="next contact" + (" (others not shown)" if len(counts) > most else ""), ylabel="")
    title(ax, "What follows what, % of the contacts in each row")
    return ax


def funnel_bars(table: pd.DataFrame, *, window_days: int, ax: Axes | None = None) -> Axes:
    """`journey.funnel`: people at each step, with the share of the first step and what was lost before it."""
    ax = axes(ax, 7.5, 1.2 + 0.55 * len(table))
    steps = [f"{number}. {name}" for number, name in enumerate(table.index, start=1)]
    sns.barplot(x=table["people"].to_numpy(), y=steps, color=MIDDLE, edgecolor=DARK, ax=ax)
    for row, step in enumerate(table.itertuples()):
        lost = f", {step.lost:,} lost" if row else ""
        ax.annotate(f" {step.people:,} ({step.share_of_first:.1%}{lost})", (step.people, row), va="center", fontsize=9)
    ax.set(xlabel="people", ylabel="", xlim=(0, table["people"].max() * 1.28))
    title(ax, f"Funnel: people who took the steps in order within {window_days} days")
    bare(ax)
    return ax


def stop_bars(table: pd.DataFrame, *, most: int = 12, ax: Axes | None = None) -> Axes:
    """`journey.stops`: last touchpoints of those who stopped, by the furthest stage they came to."""
    ax = axes(ax, 7.5, 1.4 + 0.3 * most)
    wide = table["people"].unstack("furthest_stage", fill_value=0)
    wide = wide.loc[wide.sum(axis="columns").sort_values(ascending=False).index[:most]]
    left = np.zeros(len(wide))
    for stage in filter(wide.columns.__contains__, _STAGE_STYLE):
        colour, hatch = _STAGE_STYLE[stage]
        ax.barh(wide.index, wide[stage], left=left, color=colour, hatch=hatch, edgecolor=DARK, label=stage)
        left += wide[stage].to_numpy()
    ax.invert_yaxis()
    ax.set(xlabel="people", ylabel="")
    ax.legend(title="furthest stage", frameon=False, loc="lower right")
    title(ax, "Where people stop: last touchpoint of those who stopped, people")
    bare(ax)
    return ax


def duration(hours: float) -> str:
    """Hours in the largest unit that keeps the number above one; blank when unknown."""
    if np.isnan(hours):
        return ""
    for unit, size in (("d", 24.0), ("h", 1.0), ("min", 1 / 60)):
        if hours >= size:
            return f"{hours / size:.1f} {unit}"
    return f"{hours * 3600:.0f} s"


def _percent(share: float) -> str:
    return "" if np.isnan(share) else f"{100 * share:.1f}"


def _stage_brackets(ax: Axes, table: pd.DataFrame) -> None:
    """The stage beside its rows, and a line between stages."""
    stages = table.index.get_level_values("stage")
    for stage in stages.unique():
        rows = np.flatnonzero(stages == stage)
        ax.axhline(rows[0], color=DARK, linewidth=1.5)
        ax.annotate(stage, (3.08, rows.mean() + 0.5), rotation=270, va="center", annotation_clip=False, fontsize=9)
