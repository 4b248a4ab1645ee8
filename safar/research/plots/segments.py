"""Pictures of groups of customers: what each is worth, and what it holds of the whole."""

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from safar.errors import DataRefused
from safar.research.plots.style import DARK, LIGHT, MIDDLE, SHADES, axes, bare, title

_LOOKS = ((DARK, ""), (LIGHT, "//"), (MIDDLE, ".."))


def segment_bars(
    table: pd.DataFrame,
    *,
    months: int,
    currency: str,
    came: pd.Series | None = None,
    most: int = 20,
    ax: Axes | None = None,
) -> Axes:
    """`clv.value_by`: total of each segment with the interval of what will come, the `most` valuable, largest first.

    `came`, by segment in the same money, is drawn beside the totals where it is known.
    """
    shown = table.sort_values("total", ascending=False, kind="stable").head(most)
    ax = axes(ax, 7.5, 1.4 + 0.4 * len(shown))
    rows = range(len(shown))
    ax.barh(rows, shown["total"], color=MIDDLE, edgecolor=DARK, label="expected")
    off = [shown["total"] - shown["low"], shown["high"] - shown["total"]]
    ax.errorbar(shown["total"], rows, xerr=off, fmt="none", color=DARK, capsize=4, label="interval of what will come")
    if came is not None:
        ax.plot(came.reindex(shown.index), rows, "D", color="white", markeredgecolor=DARK, label="came")
    ax.set_yticks(rows, [f"{name}  (n = {n:,})" for name, n in shown["customers"].items()])
    ax.invert_yaxis()
    unshown = f" (smaller segments not shown: {len(table) - len(shown)})" if len(table) > len(shown) else ""
    ax.set(xlabel=f"value, {currency}{unshown}", ylabel="", xlim=(0, None))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.legend(frameon=False, loc="lower right")
    title(ax, f"Value of all customers of each {table.index.name or 'segment'}, next {months} months, {currency}")
    bare(ax)
    return ax


def decile_bars(tables: Mapping[str, pd.DataFrame], *, of: str, ax: Axes | None = None) -> Axes:
    """`best.by_decile` of up to three rankings, by their names: what share each tenth holds, the best first.

    `of` says what is shared, with its period, such as "revenue after the calibration". Raises DataRefused for none,
    or more than three.
    """
    if not 1 <= len(tables) <= len(_LOOKS):
        raise DataRefused(f"Draw one to {len(_LOOKS)} rankings, not {len(tables)}: more cannot be told apart in grey.")
    ax = axes(ax, 7.0, 4.0)
    width = 0.8 / len(tables)
    for place, ((name, table), (colour, hatch)) in enumerate(zip(tables.items(), _LOOKS, strict=False)):
        left = table.index + (place - (len(tables) - 1) / 2) * width
        bars = ax.bar(left, table["share"], width, color=colour, hatch=hatch, edgecolor=DARK, label=name)
        ax.bar_label(bars, [f"{share:.0%}" for share in table["share"]], fontsize=7, padding=1)
    ax.set_xticks(range(1, 11))
    ax.yaxis.set_major_formatter(PercentFormatter(1.0))
    ax.set(xlabel="tenth of the customers, 1 is the best", ylabel=f"share of {of}")
    ax.legend(frameon=False)
    title(ax, f"What each tenth of the customers holds, % of {of}")
    bare(ax)
    return ax


def rfm_matrix(grid: pd.DataFrame, *, of: str, ax: Axes | None = None) -> Axes:
    """`segments.grid`: mean a customer and number of customers, by recency score (rows) and frequency score.

    `of` says what the mean is of, with its unit, such as "value in the next 12 months, USD".
    """
    ax = axes(ax, 7.0, 4.5)
    scores = range(1, 6)
    means = grid["mean"].unstack("F").reindex(index=scores, columns=scores)
    customers = grid["customers"].unstack("F").reindex(index=scores, columns=scores)
    numbers = means.map("{:,.2f}\n".format).where(means.notna(), "")
    people = customers.map("n = {:,.0f}".format).where(customers.notna(), "")
    sns.heatmap(
        means, annot=numbers + people, fmt="", cmap=SHADES, vmin=0, linewidths=0.5, cbar=False, ax=ax, mask=means.isna()
    )
    for row, column in zip(*(means.isna() & customers.notna()).to_numpy().nonzero(), strict=True):
        ax.text(column + 0.5, row + 0.5, people.iloc[row, column], ha="center", va="center")
    ax.invert_yaxis()
    ax.set(xlabel="frequency score, 5 is the most orders", ylabel="recency score, 5 is the latest order")
    title(ax, f"Mean a customer by RFM scores: {of}")
    return ax
