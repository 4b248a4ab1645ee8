"""Pictures of customer value: does the model fit, what are they worth, and to how few it is owed."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from safar.research.plots.style import DARK, LIGHT, MIDDLE, axes, bare, title


def repeat_orders_bars(counts: pd.DataFrame, *, ax: Axes | None = None) -> Axes:
    """`calibration.repeat_orders`: customers by number of repeat orders, actual beside expected."""
    ax = axes(ax)
    long = counts.reset_index().melt("repeat_orders", var_name="", value_name="customers")
    sns.barplot(
        long,
        x="repeat_orders",
        y="customers",
        hue="",
        palette={"actual": DARK, "expected": LIGHT},
        edgecolor=DARK,
        ax=ax,
    )
    for bars in ax.containers:
        ax.bar_label(bars, fmt="{:,.0f}", fontsize=7, padding=1)  # type: ignore[arg-type]
    most = counts.index.max()
    ax.set_xticks(range(len(counts)), [*(str(n) for n in counts.index[:-1]), f"{most}+"])
    ax.set(xlabel="repeat orders in the calibration", ylabel="customers")
    ax.legend(title=None, frameon=False)
    title(ax, "Customers by number of repeat orders, actual and expected by BG/NBD")
    bare(ax)
    return ax


def holdout_lines(means: pd.DataFrame, *, weeks: float, ax: Axes | None = None) -> Axes:
    """`calibration.holdout_orders`: what came after the calibration against what was expected of each group."""
    ax = axes(ax)
    groups = means.index.astype(str).tolist()
    sns.lineplot(x=groups, y=means["actual"].to_numpy(), marker="o", color=DARK, label="actual", ax=ax)
    sns.lineplot(
        x=groups, y=means["expected"].to_numpy(), marker="s", color=MIDDLE, linestyle="--", label="expected", ax=ax
    )
    ax.set_xticks(range(len(groups)), [*groups[:-1], f"{groups[-1]}+"])
    ax.set(xlabel="repeat orders in the calibration", ylabel="orders a customer", ylim=(0, None))
    ax.legend(frameon=False)
    title(ax, f"Orders in the {weeks:.0f} weeks after the calibration, mean a customer, actual and expected")
    bare(ax)
    return ax


def value_distribution(value: pd.Series, *, months: int, currency: str, ax: Axes | None = None) -> Axes:
    """`clv.lifetime_value`: customers by lifetime value, on a logarithmic axis, with mean and median."""
    ax = axes(ax)
    shown = value[value >= value.quantile(0.005)]
    sns.histplot(shown, log_scale=True, bins=40, color=MIDDLE, edgecolor=DARK, ax=ax)
    for name, amount, line in (("mean", value.mean(), "-"), ("median", value.median(), ":")):
        ax.axvline(amount, color=DARK, linestyle=line, label=f"{name} {amount:,.2f} {currency}")
    ax.set(xlabel=f"lifetime value, {currency} (logarithmic; the lowest 0.5% are left out)", ylabel="customers")
    ax.xaxis.set_major_formatter("{x:,.4g}")
    ax.legend(frameon=False)
    title(ax, f"Customers by lifetime value, next {months} months, {currency}")
    bare(ax)
    return ax


def value_concentration(curve: pd.DataFrame, *, months: int, ax: Axes | None = None) -> Axes:
    """`clv.concentration`: what share of the value the best customers hold, the first tenth marked."""
    ax = axes(ax, 7.0, 4.5)
    sns.lineplot(curve, x="customers", y="value", color=DARK, errorbar=None, estimator=None, ax=ax)
    ax.plot([0, 1], [0, 1], color=MIDDLE, linestyle=":", linewidth=1)
    tenth = curve[curve["customers"] >= 0.1].iloc[0]
    ax.plot(tenth["customers"], tenth["value"], marker="o", color=DARK)
    ax.annotate(
        f"the best 10% hold {tenth['value']:.1%}", (tenth["customers"] + 0.03, tenth["value"] - 0.04), fontsize=9
    )
    ax.annotate("all alike", (0.62, 0.55), color=MIDDLE, rotation=36, fontsize=8)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0))
    ax.set(xlabel="customers, best first", ylabel="lifetime value", xlim=(0, 1), ylim=(0, 1.02))
    title(ax, f"Lifetime value held by the best customers, next {months} months, % of all")
    bare(ax)
    return ax


def outlook_spans(
    table: pd.DataFrame, *, months: int, currency: str, came: pd.Series | None = None, ax: Axes | None = None
) -> Axes:
    """`outlook.outlook` of a handful of customers: expected revenue, how far it may be off, and what may come.

    `came`, by customer in the same money, is drawn beside it where it is known.
    """
    ax = axes(ax, 7.5, 1.6 + 0.4 * len(table))
    rows = range(len(table))
    off = table["value_high"] - table["value_low"]
    ax.hlines(rows, table["revenue_low"], table["revenue_high"], color=DARK, label="range of what will come")
    ax.barh(
        rows, off, 0.4, table["value_low"], color=MIDDLE, edgecolor=DARK, label="interval of the expectation", zorder=2
    )
    ax.plot(table["value"], rows, "|", color=DARK, markersize=14, markeredgewidth=2, label="expected")
    if came is not None:
        ax.plot(came.reindex(table.index), rows, "D", color="white", markeredgecolor=DARK, label="came")
    ax.set_yticks(rows, [str(name) for name in table.index])
    ax.invert_yaxis()
    ax.set(xlabel=f"revenue, {currency}", ylabel="customer", xlim=(0, None))
    ax.xaxis.set_major_formatter("{x:,.0f}")
    ax.legend(frameon=False, loc="lower right")
    title(ax, f"Revenue of each customer, next {months} months, {currency}")
    bare(ax)
    return ax
