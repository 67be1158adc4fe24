"""One run of the Segment panel: its work, and the display of its progress."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.napari.layers.result import LayerResult
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.napari.runs.preload import load_engine
from napari_mmtseg.napari.runs.progress import count
from napari_mmtseg.napari.runs.run import Work
from napari_mmtseg.progress import SegmentationStep, relay

if TYPE_CHECKING:
    from napari.layers import Labels

_R = TypeVar("_R")


@dataclass(frozen=True)
class Job:
    """Work on an image, done in a thread.

    `title` is shown in the activity dock. `work` yields :class:`SegmentationStep` and
    returns an outcome; `n_done` counts how many of `n_steps`, percent by default, are
    done with a step. `counted` names one part of a stack: "slice" or "volume". The
    result goes below `scribbles_layer`. `cancelled` is called when the user cancels.
    """

    source: LayerSelection
    title: str
    work: Work
    n_steps: int = 100
    n_done: Callable[[SegmentationStep], int] = lambda step: step.step
    counted: str = "slice"
    scribbles_layer: Labels | None = None
    cancelled: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Segmented:
    """A result, ready for a layer.

    `labels` have the dimensions of the layer and show `output`, classes or regions;
    `provenance` goes into its metadata, and `appearance` holds further attributes, such
    as the colormap. `summary` is a sentence for the panel.
    """

    labels: NDArray[np.int32] = field(repr=False)
    provenance: dict[str, Any]
    summary: str
    kept: LayerResult = field(repr=False)
    output: str = "classes"
    appearance: dict[str, Any] = field(default_factory=dict, repr=False)


def prepared(
    source: LayerSelection, n_steps: int = 100
) -> Generator[SegmentationStep, str | None, tuple[Any, str | None]]:
    """Read the image and load the engine.

    Returns :meth:`LayerSelection.image`, and "stop" if that has been sent meanwhile.
    """
    step = SegmentationStep("preparing", 0, n_steps)
    stop = yield step
    image = source.image()
    stop = (yield step) or stop
    load_engine()
    return image, stop


def predicted(
    parts: Generator[float, None, _R],
) -> Generator[SegmentationStep, str | None, _R]:
    """Run a prediction, and report its progress in percent."""
    return relay(
        parts, lambda share: [SegmentationStep("prediction", round(100 * share), 100)]
    )


def found(n_labels: int, n_classes: int | None, output: str) -> str:
    """Return what a run has found in words; `n_classes` is None if not known."""
    if output == "classes":
        return count(n_labels, "class")
    pieces = count(n_labels, "object" if output == "objects" else "region")
    return pieces if n_classes is None else f"{count(n_classes, 'class')}, {pieces}"


def origin(source: LayerSelection) -> dict[str, Any]:
    """Return the metadata of a layer about the image that it was made from."""
    packages = ("napari-mmtseg", "torch", "numpy", "napari")
    return {
        "source": source.name,
        "axes": source.axes,
        "channels": list(source.channels),
        "slice": dict(source.slices),
        "area": {name: list(ends) for name, ends in source.crop.items()},
        "area_mask": None if source.area is None else source.area.about,
        "spacing": None if source.spacing is None else list(source.spacing),
        "shape": [int(n) for n in source.array.shape],
        "versions": {name: version(name) for name in packages},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
