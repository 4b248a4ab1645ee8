"""Pictures of groups of customers: what each is worth."""

import pandas as pd
from matplotlib.axes import Axes

from safar.research.plots.style import DARK, MIDDLE, axes, bare, title


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
    unshown = f" ({len(table) - len(shown)} smaller segments not shown)" if len(table) > len(shown) else ""
    ax.set(xlabel=f"value, {currency}{unshown}", ylabel="", xlim=(0, None))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.legend(frameon=False, loc="lower right")
    title(ax, f"Value of all customers of each {table.index.name or 'segment'}, next {months} months, {currency}")
    bare(ax)
    return ax
