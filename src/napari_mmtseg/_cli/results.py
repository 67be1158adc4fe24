"""Results in words."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_mmtseg.segmentation.result import SegmentationResult

__all__ = ["count", "labels_line", "run_line"]


def labels_line(path: Path, labels: NDArray[np.int32], output: str) -> str:
    """Say what a label file holds.

    Parameters
    ----------
    path : Path
        The file.
    labels : (..., Y, X) ndarray of int32
        What it holds.
    output : {"classes", "regions"}
        What a label stands for.
    """
    # Not before there is a result: --help has to be quick.
    import numpy as np

    from napari_mmtseg.labels.regions import count_values

    n_labels = int(np.count_nonzero(count_values(labels, 1)[1:]))
    *stacked, height, width = labels.shape
    size = f"{width} x {height} pixels"
    if stacked:
        size = f"{' x '.join(map(str, stacked))} slices of {size}"
    noun = "region" if output == "regions" else "class"
    return f"{path}: {count(n_labels, noun)}, {size}"


def run_line(result: SegmentationResult) -> str:
    """Say how a segmentation went."""
    return (
        f"{count(result.n_steps, 'step')} in {result.seconds:.1f} s on {result.device} "
        f"({result.precision}): {result.stop_reason}"
    )


def count(n: int, noun: str) -> str:
    """Return a number with its noun in singular or plural."""
    plural = "es" if noun.endswith("s") else "s"
    return f"{n} {noun}{plural * (n != 1)}"
