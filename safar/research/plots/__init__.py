"""Pictures of the kit's tables: one function each, which draws on `ax` (default: a new figure) and returns the axes.

Every title names the measure and its unit. Shades go from light to dark in one direction, and what is told apart by
colour is told apart by shade, hatch or marker too: printed in grey they read the same.
"""

from safar.research.plots.fit import holdout_by_model_lines, tracking_lines, weekly_lines
from safar.research.plots.journey import funnel_bars, journey_heat_map, stop_bars, transition_heat_map
from safar.research.plots.orders import alive_line, alive_matrix, expected_orders_matrix
from safar.research.plots.segments import decile_bars, rfm_matrix, segment_bars
from safar.research.plots.value import (
    holdout_lines,
    outlook_spans,
    repeat_orders_bars,
    value_concentration,
    value_distribution,
)

__all__ = [
    "alive_line",
    "alive_matrix",
    "decile_bars",
    "expected_orders_matrix",
    "funnel_bars",
    "holdout_by_model_lines",
    "holdout_lines",
    "journey_heat_map",
    "outlook_spans",
    "repeat_orders_bars",
    "rfm_matrix",
    "segment_bars",
    "stop_bars",
    "tracking_lines",
    "transition_heat_map",
    "value_concentration",
    "value_distribution",
    "weekly_lines",
]
