"""Plots are looked at by people; here is what a machine can see: titles, units, numbers, grey print."""

from collections.abc import Callable, Iterator
from datetime import date
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from safar.errors import DataRefused
from safar.research import plots
from safar.research.clv import concentration
from safar.research.journey import ENDS
from safar.research.plots.journey import duration
from safar.research.plots.style import DARK, LIGHT, MIDDLE, SHADES

_COUNTS = pd.DataFrame({"actual": [60, 30, 10], "expected": [58.0, 31.5, 10.5]}, pd.RangeIndex(3, name="repeat_orders"))
_MEANS = pd.DataFrame({"actual": [0.2, 0.7], "expected": [0.3, 0.6], "customers": [9, 5]}).rename_axis("repeat_orders")
_GRID = pd.DataFrame(np.linspace(0, 1, 40 * 11).reshape(40, 11)).rename_axis("recency")
_VALUE = pd.Series(np.geomspace(1, 1000, 200))
_FUNNEL = pd.DataFrame(
    {"people": [100, 40, 10], "share_of_first": [1.0, 0.4, 0.1], "lost": [0, 60, 30]},
    pd.Index(["awareness", "purchase", "post_purchase"], name="step"),
)
_MAP = pd.DataFrame(
    {
        "people": [90, 40, 3],
        "share": [0.9, 0.4, np.nan],
        "drop_off": [0.5, 0.1, np.nan],
        "hours_to_next": [0.01, 48.0, np.nan],
    },
    pd.MultiIndex.from_tuples(
        [("awareness", "Page Viewed"), ("purchase", "Order Completed"), ("post_purchase", "Account Closed")],
        names=["stage", "touchpoint"],
    ),
)
_STOPS = pd.DataFrame(
    {"people": [30, 12, 5]},
    pd.MultiIndex.from_tuples(
        [("awareness", "Page Viewed"), ("post_purchase", "Page Viewed"), ("purchase", "Cart Viewed")],
        names=["furthest_stage", "last_touchpoint"],
    ),
)
_TRANSITIONS = pd.DataFrame(
    [[50, 30, 15, 5], [10, 0, 0, 0]], ["Page Viewed", "Cart Viewed"], ["Page Viewed", "Cart Viewed", *ENDS]
)

_TRACKED = pd.DataFrame(
    {
        "actual": [3, 5, 4],
        "expected": [4.0, 4.5, 4.2],
        "actual_so_far": [3, 8, 12],
        "expected_so_far": [4.0, 8.5, 12.7],
    },
    pd.RangeIndex(1, 4, name="week"),
)

_BY_MODEL = pd.DataFrame(
    {"actual": [0.2, 0.7], "BG/NBD": [0.3, 0.6], "MBG/NBD": [0.1, 0.5], "customers": [9, 5]}
).rename_axis("repeat_orders")
_PATH = pd.Series([1.0, 0.8, 0.9], pd.date_range("2026-01-01", periods=3), name="p_alive")
_DAYS = [date(2026, 1, 1), date(2026, 1, 3), date(2026, 1, 9)]
_SEGMENTS = pd.DataFrame(
    {"customers": [1200, 30], "total": [50.0, 80.0], "low": [40.0, 60.0], "high": [65.0, 110.0]},
    pd.Index(["email", "social"], name="channel"),
)
_OUTLOOK = pd.DataFrame(
    {"value": [90.0, 9.0], "value_low": [80.0, 8.0], "value_high": [100.0, 10.0]}, pd.Index(["0001", "0002"])
).assign(revenue_low=[5.0, 0.0], revenue_high=[300.0, 40.0])

_TENTHS = pd.DataFrame({"share": np.linspace(0.19, 0.01, 10)}, pd.RangeIndex(1, 11, name="decile"))
_RFM = pd.DataFrame(
    {"customers": [1200, 4], "mean": [133.7, np.nan]}, pd.MultiIndex.from_tuples([(5, 5), (1, 3)], names=["R", "F"])
)

_DRAWN: dict[str, tuple[Callable[..., Axes], str]] = {
    "repeat orders": (lambda ax: plots.repeat_orders_bars(_COUNTS, ax=ax), "Customers by number of repeat orders"),
    "holdout": (
        lambda ax: plots.holdout_lines(_MEANS, weeks=39, ax=ax),
        "39 weeks after the calibration, mean a customer",
    ),
    "tracking": (
        lambda ax: plots.tracking_lines(_TRACKED, calibration_weeks=2, ax=ax),
        "Repeat orders of all customers since the first of them came, added up",
    ),
    "weekly": (
        lambda ax: plots.weekly_lines(_TRACKED, calibration_weeks=2, ax=ax),
        "Repeat orders of all customers by week",
    ),
    "alive": (lambda ax: plots.alive_matrix(_GRID, ax=ax), "P(alive) of customers first seen 39 weeks ago, 0 to 1"),
    "expected orders": (
        lambda ax: plots.expected_orders_matrix(_GRID * 9, next_weeks=26, ax=ax),
        "Expected orders in the next 26 weeks, customers first seen 39 weeks ago",
    ),
    "one customer": (
        lambda ax: plots.alive_line(_PATH, _DAYS, person="0001", ax=ax),
        "P(alive) of customer 0001 at the end of each day, 0 to 1",
    ),
    "holdout by model": (
        lambda ax: plots.holdout_by_model_lines(_BY_MODEL, weeks=39, ax=ax),
        "Orders a customer in the 39 weeks after the calibration",
    ),
    "segments": (
        lambda ax: plots.segment_bars(_SEGMENTS, months=12, currency="USD", ax=ax),
        "Value of all customers of each channel, next 12 months, USD",
    ),
    "deciles": (
        lambda ax: plots.decile_bars({"past": _TENTHS, "predicted": _TENTHS[::-1]}, of="revenue, 1997", ax=ax),
        "What each tenth of the customers holds, % of revenue, 1997",
    ),
    "rfm": (
        lambda ax: plots.rfm_matrix(_RFM, of="value in the next 12 months, USD", ax=ax),
        "Mean a customer by RFM scores: value in the next 12 months, USD",
    ),
    "value": (lambda ax: plots.value_distribution(_VALUE, months=12, currency="USD", ax=ax), "next 12 months, USD"),
    "concentration": (
        lambda ax: plots.value_concentration(concentration(_VALUE), months=12, ax=ax),
        "next 12 months, %",
    ),
    "outlook": (
        lambda ax: plots.outlook_spans(_OUTLOOK, months=9, currency="USD", ax=ax),
        "Revenue of each customer, next 9 months, USD",
    ),
    "map": (lambda ax: plots.journey_heat_map(_MAP, ax=ax), "reach, drop-off, time to the next contact"),
    "transitions": (lambda ax: plots.transition_heat_map(_TRANSITIONS, ax=ax), "% of the contacts in each row"),
    "funnel": (
        lambda ax: plots.funnel_bars(_FUNNEL, window_days=30, ax=ax),
        "people who took the steps in order within 30 days",
    ),
    "stops": (lambda ax: plots.stop_bars(_STOPS, ax=ax), "last touchpoint of those who stopped, people"),
}


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


@pytest.mark.parametrize("name", _DRAWN)
def test_each_plot_draws_where_it_is_told_and_names_measure_and_unit(name: str) -> None:
    draw, title = _DRAWN[name]
    given = plt.figure().add_subplot()
    drawn = draw(given)
    drawn.figure.canvas.draw()
    assert drawn is given
    assert title in drawn.get_title(loc="left")


@pytest.mark.parametrize("name", _DRAWN)
def test_without_axes_each_plot_makes_a_figure_of_its_own(name: str) -> None:
    draw, _ = _DRAWN[name]
    assert draw(None).figure is not draw(None).figure


def test_bars_are_as_high_as_their_numbers() -> None:
    bars = plots.repeat_orders_bars(_COUNTS).containers
    assert [[bar.get_height() for bar in group] for group in bars] == [[60, 30, 10], [58, 31.5, 10.5]]
    assert [bar.get_width() for bar in plots.funnel_bars(_FUNNEL, window_days=30).patches] == [100, 40, 10]


def test_the_numbers_stand_beside_the_shades() -> None:
    cells = [text.get_text() for text in plots.journey_heat_map(_MAP).texts]
    assert cells[:6] == ["90.0", "50.0", "36 s", "40.0", "10.0", "2.0 d"]
    shares = [text.get_text() for text in plots.transition_heat_map(_TRANSITIONS).texts]
    assert shares[:4] == ["50", "30", "15", "5"]


def test_stages_come_in_their_order() -> None:
    legend = plots.stop_bars(_STOPS).get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["awareness", "purchase", "post_purchase"]


def test_what_is_blank_in_the_table_is_blank_in_the_picture() -> None:
    assert "nan" not in " ".join(text.get_text() for text in plots.journey_heat_map(_MAP).texts)


def test_the_lines_mark_mean_and_median_in_the_currency() -> None:
    legend = plots.value_distribution(_VALUE, months=12, currency="USD").get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == [
        f"mean {_VALUE.mean():,.2f} USD",
        f"median {_VALUE.median():,.2f} USD",
    ]


def test_every_model_has_a_line_with_a_marker_of_its_own_beside_what_came() -> None:
    lines = plots.holdout_by_model_lines(_BY_MODEL, weeks=39).lines
    assert [line.get_label() for line in lines] == ["actual", "BG/NBD", "MBG/NBD"]
    assert [list(line.get_ydata()) for line in lines] == [[0.2, 0.7], [0.3, 0.6], [0.1, 0.5]]
    assert len({(line.get_marker(), line.get_linestyle()) for line in lines}) == 3


def test_orders_that_the_path_does_not_know_of_are_hollow() -> None:
    path, known, later, *_ = plots.alive_line(_PATH, _DAYS, person="0001").lines
    assert list(path.get_ydata()) == [1.0, 0.8, 0.9]
    assert (len(known.get_xdata()), known.get_fillstyle()) == (2, "full")
    assert (len(later.get_xdata()), later.get_fillstyle()) == (1, "none")


def test_segments_stand_largest_first_with_their_interval_and_how_many_they_are() -> None:
    ax = plots.segment_bars(_SEGMENTS, months=12, currency="USD", came=pd.Series({"email": 44.0, "social": 99.0}))
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["social  (n = 30)", "email  (n = 1,200)"]
    assert [bar.get_width() for bar in ax.patches] == [80, 50]
    (spans,) = ax.collections
    assert [line[:, 0].tolist() for line in spans.get_segments()] == [[60, 110], [40, 65]]
    assert list(ax.lines[-1].get_xdata()) == [99, 44]


def test_segments_beyond_the_most_are_counted_and_not_drawn() -> None:
    ax = plots.segment_bars(_SEGMENTS, months=12, currency="USD", most=1)
    assert len(ax.patches) == 1
    assert "smaller segments not shown: 1" in ax.get_xlabel()


def test_a_customer_has_the_range_of_what_comes_around_the_interval_of_what_is_expected() -> None:
    ax = plots.outlook_spans(_OUTLOOK, months=9, currency="USD", came=pd.Series({"0002": 3.0, "0001": 110.0}))
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0001", "0002"]
    (ranges,) = ax.collections
    assert [line[:, 0].tolist() for line in ranges.get_segments()] == [[5, 300], [0, 40]]
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(80, 20), (8, 2)]
    expected, came = ax.lines
    assert list(expected.get_xdata()) == [90, 9]
    assert list(came.get_xdata()) == [110, 3]


def test_each_ranking_has_a_bar_as_high_as_its_share_at_every_tenth() -> None:
    ax = plots.decile_bars({"past": _TENTHS, "predicted": _TENTHS[::-1]}, of="revenue")
    past, predicted = ax.containers
    assert [bar.get_height() for bar in past] == _TENTHS["share"].tolist()
    assert [round(bar.get_center()[0] - at, 1) for bar, at in zip(past, range(1, 11), strict=True)] == [-0.2] * 10
    assert {bar.get_hatch() for bar in past} != {bar.get_hatch() for bar in predicted}


@pytest.mark.parametrize("rankings", [0, 4])
def test_more_rankings_than_can_be_told_apart_are_refused_and_not_left_out(rankings: int) -> None:
    with pytest.raises(DataRefused, match=f"Draw one to 3 rankings, not {rankings}"):
        plots.decile_bars({str(number): _TENTHS for number in range(rankings)}, of="revenue")


def test_a_place_without_a_mean_still_says_how_many_are_in_it() -> None:
    cells = {text.get_text(): text.get_position() for text in plots.rfm_matrix(_RFM, of="USD").texts}
    assert cells == {"133.70\nn = 1,200": (4.5, 4.5), "n = 4": (2.5, 0.5)}


def test_everything_can_be_told_apart_in_grey() -> None:
    def grey(colour: str | tuple[float, ...]) -> float:
        return float(np.dot(to_rgb(colour[:3] if isinstance(colour, tuple) else colour), (0.299, 0.587, 0.114)))

    shades = [grey(plt.get_cmap(SHADES)(level)) for level in np.linspace(0, 1, 30)]
    assert all(darker < lighter for lighter, darker in pairwise(shades))
    assert grey(DARK) + 0.2 < grey(MIDDLE) < grey(LIGHT) - 0.2


@pytest.mark.parametrize(
    ("hours", "text"), [(0.01, "36 s"), (0.5, "30.0 min"), (5, "5.0 h"), (36, "1.5 d"), (0, "0 s"), (float("nan"), "")]
)
def test_durations_are_written_in_the_unit_that_fits(hours: float, text: str) -> None:
    assert duration(hours) == text
