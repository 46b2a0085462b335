"""The results of a training as curves: ``History.plot()``."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from minicnn._base.drawing import Drawing

ACROSS = 3  # panels beside each other
WIDTH, HEIGHT = 4.2, 3.2  # inches, of a panel
TRAINING, VALIDATION = "#1f63a8", "#b35400"


def curves(history: Mapping[str, Sequence[Any]], epochs_of: Mapping[str, Sequence[int]]) -> Drawing:
    """Draw a panel for each result, training and validation in it, over the epochs, counted from 1.

    Args:
        history: name -> values; "val_loss" goes into the panel of "loss". What is no number is left out.
        epochs_of: name -> their epochs, counted from 0.

    Raises:
        ValueError: there is nothing to draw.
    """
    series = {name: values for name, each in history.items() if (values := _numbers(each)) is not None}
    names = list(dict.fromkeys(name.removeprefix("val_") for name in series))
    if not names:
        raise ValueError("the history has no epochs yet: call model.fit first")
    across = min(len(names), ACROSS)
    down = -(-len(names) // across)
    figure = Drawing(figsize=(WIDTH * across, HEIGHT * down), layout="constrained")
    panels = figure.subplots(down, across, squeeze=False).reshape(-1)
    for axes, name in zip(panels, names):
        for key, label, color, marker in (
            (name, "training", TRAINING, "o"),
            (f"val_{name}", "validation", VALIDATION, "s"),
        ):
            if key in series:
                epochs = np.asarray(epochs_of[key]) + 1
                axes.plot(epochs, series[key], marker=marker, ms=4, color=color, label=label)
        axes.set_title(name, parse_math=False)
        axes.set_xlabel("epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.grid(alpha=0.3)
        if f"val_{name}" in series:
            axes.legend(frameon=False)
    for axes in panels[len(names) :]:
        axes.remove()
    return figure


def _numbers(values: Sequence[Any]) -> np.ndarray | None:
    """Return the values as (N,) floats, nan where one is not finite; None if they are no numbers."""
    try:
        array = np.asarray(values, np.float64)
    except (TypeError, ValueError):
        return None
    return np.where(np.isfinite(array), array, np.nan) if array.ndim == 1 and len(array) else None
