"""Figures of confidence: error rates by tenth, and one image beside its confidence."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray
from skimage import data

import napari_mmtseg as mm
from napari_mmtseg.labels import uncertain_regions

_N_NUMBERED = 5
_SETTINGS = {"n_labels": 2}


def draw_error_rates(errors: Mapping[str, NDArray[np.float64]]) -> Figure:
    """Draw a line for every set.

    Parameters
    ----------
    errors : mapping of str to (n,) ndarray
        Error rate by confidence, the lowest first.
    """
    figure = Figure(figsize=(6.4, 4), layout="constrained")
    axes = figure.subplots()
    for name, rates in errors.items():
        percent = (np.arange(len(rates)) + 0.5) * 100 / len(rates)
        axes.plot(percent, 100 * rates, marker="o", label=name.replace("_", " "))
    axes.set(
        xlabel="pixels by confidence, the least certain first (%)",
        ylabel="wrong pixels (%)",
        xlim=(0, 100),
        ylim=(0, None),
    )
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1, 1))
    return figure


def draw_example() -> Figure:
    """Draw an image of scikit-image, its classes, and where they are uncertain."""
    image = data.coins()
    model = mm.fit(image, **_SETTINGS)
    labels = model.labels(image)
    confidence = model.confidence(image)
    figure = Figure(figsize=(11, 3.2), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    left.imshow(image, cmap="gray")
    middle.imshow(labels, cmap="gray", interpolation="nearest")
    shown = right.imshow(confidence, cmap="magma", vmin=0, vmax=1)
    figure.colorbar(shown, ax=right, label="confidence")
    found = uncertain_regions(confidence, labels, n_regions=_N_NUMBERED)
    for number, region in enumerate(found, 1):
        y, x = region.box
        size = (x.stop - x.start, y.stop - y.start)
        corner = (x.start - 0.5, y.start - 0.5)
        middle.add_patch(Rectangle(corner, *size, fill=False, color="red"))
        middle.text(x.stop + 2, y.stop + 2, str(number), color="red", va="top")
    titles = ("image", "classes and least certain regions", "confidence")
    for axes, title in zip((left, middle, right), titles, strict=True):
        axes.set(xticks=[], yticks=[])
        axes.set_title(title, fontsize=10)
    return figure
