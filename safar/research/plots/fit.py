"""Pictures of how well models of buying hold: week by week, and customer group by customer group."""

from itertools import cycle

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from safar.research.plots.style import DARK, MIDDLE, axes, bare, title


def tracking_lines(table: pd.DataFrame, *, calibration_weeks: float, ax: Axes | None = None) -> Axes:
    """`calibration.tracking`: repeat orders of all customers added up, actual and expected."""
    ax = _lines(table, ("actual_so_far", "expected_so_far"), calibration_weeks, axes(ax))
    ax.set_ylabel("repeat orders so far")
    title(ax, "Repeat orders of all customers since the first of them came, added up")
    return ax


def weekly_lines(table: pd.DataFrame, *, calibration_weeks: float, ax: Axes | None = None) -> Axes:
    """`calibration.tracking`: repeat orders of all customers in each week, actual and expected."""
    ax = _lines(table, ("actual", "expected"), calibration_weeks, axes(ax))
    ax.set_ylabel("repeat orders in the week")
    title(ax, "Repeat orders of all customers by week since the first of them came")
    return ax


def holdout_by_model_lines(table: pd.DataFrame, *, weeks: float, ax: Axes | None = None) -> Axes:
    """`calibration.holdout_by_model`: orders after the calibration against what each model expected of each group."""
    ax = axes(ax)
    groups = range(len(table))
    ax.plot(groups, table["actual"], marker="o", color=DARK, label="actual")
    styles = cycle([("s", "--"), ("^", ":"), ("D", "-."), ("v", (0, (6, 2)))])
    for model, (marker, line) in zip(table.columns.drop(["actual", "customers"]), styles, strict=False):
        ax.plot(groups, table[model], marker=marker, linestyle=line, color=MIDDLE, label=model)
    names = [*table.index[:-1].astype(str), f"{table.index[-1]}+"]
    ax.set_xticks(groups, [f"{name}\nn = {n:,}" for name, n in zip(names, table["customers"], strict=True)])
    ax.set(xlabel="repeat orders in the calibration", ylabel="orders a customer", ylim=(0, None))
    ax.legend(frameon=False)
    title(ax, f"Orders a customer in the {weeks:.0f} weeks after the calibration, actual and by model")
    bare(ax)
    return ax


def _lines(table: pd.DataFrame, columns: tuple[str, str], calibration_weeks: float, ax: Axes) -> Axes:
    for column, label, colour, line in zip(columns, ("actual", "expected"), (DARK, MIDDLE), ("-", "--"), strict=True):
        sns.lineplot(x=table.index, y=table[column], color=colour, linestyle=line, label=label, errorbar=None, ax=ax)
    ax.axvline(calibration_weeks, color=MIDDLE, linestyle=":", linewidth=1)
    ax.annotate("forecast", (calibration_weeks + 0.5, 0.02), xycoords=("data", "axes fraction"), fontsize=8, color=DARK)
    ax.set(xlabel="weeks", xlim=(0, None), ylim=(0, None))
    ax.legend(frameon=False)
    bare(ax)
    return ax
