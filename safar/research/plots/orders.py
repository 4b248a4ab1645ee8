"""Pictures of what a model of buying says of customers: of every kind of them, and of one over time."""

from collections.abc import Iterable
from datetime import date

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter

from safar.research.plots.style import DARK, MIDDLE, SHADES, axes, bare, title


def alive_matrix(grid: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """`orders.probability_alive_grid`: P(alive) by week of the last order and number of repeat orders."""
    ax = _matrix(grid, "P(alive)", axes(ax, 7.0, 5.0), vmax=1)
    title(ax, f"P(alive) of customers first seen {grid.index.max()} weeks ago, 0 to 1")
    return ax


def expected_orders_matrix(grid: pd.DataFrame, *, next_weeks: float, ax: Axes | None = None) -> Axes:
    """`orders.expected_orders_grid`: orders to come, by week of the last order and number of repeat orders."""
    ax = _matrix(grid, "orders a customer", axes(ax, 7.0, 5.0))
    title(ax, f"Expected orders in the next {next_weeks:g} weeks, customers first seen {grid.index.max()} weeks ago")
    return ax


def _matrix(grid: pd.DataFrame, unit: str, ax: Axes, *, vmax: float | None = None) -> Axes:
    sns.heatmap(grid, cmap=SHADES, vmin=0, vmax=vmax, ax=ax, xticklabels=2, yticklabels=5, cbar_kws={"label": unit})
    ax.invert_yaxis()
    ax.set(xlabel="repeat orders", ylabel="week of the last order")
    return ax


def alive_line(path: pd.Series, days: Iterable[date], *, person: str, ax: Axes | None = None) -> Axes:
    """`orders.alive_path` of one customer: P(alive) day by day over marks for the days with orders.

    Orders after the end of the path, which it does not know of, are hollow marks.
    """
    ax = axes(ax, 7.0, 3.0)
    end = path.index.max()
    ordered = pd.DatetimeIndex(list(days)).tz_localize(None)
    known, later = ordered[ordered.normalize() <= end], ordered[ordered.normalize() > end]
    ax.plot(path.index, path, color=DARK, label="P(alive)")
    ax.plot(known, [0] * len(known), "o", color=DARK, clip_on=False, label="orders")
    if len(later):
        ax.plot(later, [0] * len(later), "o", color=DARK, fillstyle="none", clip_on=False, label="orders after it")
        ax.axvline(end, color=MIDDLE, linestyle=":", linewidth=1)
    ax.set(xlabel="", ylabel="P(alive)", ylim=(0, 1.03))
    ax.xaxis.set_major_formatter(ConciseDateFormatter(ax.xaxis.get_major_locator()))  # type: ignore[no-untyped-call]
    ax.legend(frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    title(ax, f"P(alive) of customer {person} at the end of each day, 0 to 1")
    bare(ax)
    return ax
