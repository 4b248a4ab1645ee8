"""What the plots share: shades that survive grey print, and where they are drawn."""

import matplotlib.pyplot as plt
from matplotlib.axes import Axes

DARK = "#1f3a5f"
MIDDLE = "#6f93b7"
LIGHT = "#cfdeec"
SHADES = "Blues"
"""Name of the colour map: light is little, dark is much."""


def axes(ax: Axes | None, width: float = 7.0, height: float = 4.0) -> Axes:
    """`ax`, or the axes of a new figure of that size in inches."""
    return ax or plt.subplots(figsize=(width, height), layout="constrained")[1]


def title(ax: Axes, text: str) -> None:
    """The measure and its unit, above the left edge."""
    ax.set_title(text, loc="left", fontsize=11)


def bare(ax: Axes) -> None:
    """Take away the frame that carries nothing."""
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
