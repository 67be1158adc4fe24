"""Progress of a segmentation, and generators run to their end."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from napari_mmtseg.errors import Cancelled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SegmentationStep", "drain"]


@dataclass(frozen=True)
class SegmentationStep:
    """Progress of a segmentation.

    Attributes
    ----------
    phase : str
        "preparing", "warm start", "mutual teaching" or "prediction"; with another
        `method` than "mmt" also "training" or "clustering".
    step, n_steps : int
        Finished training steps, and how many there are at most.
    similarity_loss, continuity_loss : float
        Of the student that has just learned; NaN before and after training.
    n_labels : int
        Labels in that student's cluster map; 0 while there is none.
    labels : (Y, X) ndarray of int32 or None
        Preview in the shape of the image without channels, now and then: classes that
        look alike merged and numbered from dark to bright, as in the result.
    index : tuple of int
        Where in a stack `labels` belong: the position along every axis of the labels
        that is no axis of a slice. Empty for a single image.
    n_done, n_slices : int
        Slices of a stack that have their labels, and how many there are; 0 and 1 for a
        single image.
    fraction : float
        Share of a stack or a large image that has its labels.
    """

    phase: str
    step: int
    n_steps: int
    similarity_loss: float = float("nan")
    continuity_loss: float = float("nan")
    n_labels: int = 0
    labels: NDArray[np.int32] | None = field(default=None, repr=False)
    index: tuple[int, ...] = ()
    n_done: int = 0
    n_slices: int = 1
    fraction: float = 0.0


_R = TypeVar("_R")


def drain(
    steps: Generator[Any, Any, _R], should_cancel: Callable[[], bool] | None = None
) -> _R:
    """Run a generator to its end and return its value.

    Parameters
    ----------
    steps : generator
        The work.
    should_cancel : callable, optional
        Asked before every step; once it returns True the generator is closed.

    Raises
    ------
    Cancelled
        If `should_cancel` said so.
    """
    while True:
        if should_cancel is not None and should_cancel():
            steps.close()
            raise Cancelled
        try:
            next(steps)
        except StopIteration as end:
            result: _R = end.value
            return result
