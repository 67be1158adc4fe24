"""What a run can do, and what all runs have in common."""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from napari_mmtseg.errors import Cancelled
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.napari.runs.outcomes import Outcome
from napari_mmtseg.progress import SegmentationStep

if TYPE_CHECKING:
    from napari.layers import Labels

__all__ = ["Job", "origin", "predicted"]

_R = TypeVar("_R")


class Job(Protocol):
    """Something to do with an image in a worker thread."""

    @property
    def source(self) -> LayerSelection:
        """The image; read in the thread."""

    @property
    def title(self) -> str:
        """What the activity dock says."""

    @property
    def counted(self) -> str:
        """What a stack consists of, one of them: "slice" or "volume"."""

    @property
    def n_steps(self) -> int:
        """Number of steps that the progress counts."""

    def n_done(self, step: SegmentationStep) -> int:
        """Return how many of them are done."""

    @property
    def hints_layer(self) -> Labels | None:
        """The layer below which the result goes."""

    def steps(
        self, should_cancel: Callable[[], bool]
    ) -> Generator[SegmentationStep, str | None, Outcome]:
        """Do it; may raise whatever the work raises.

        Parameters
        ----------
        should_cancel : callable
            Once it returns True, :class:`~napari_mmtseg.errors.Cancelled` is raised.
        """


def predicted(
    parts: Generator[float, None, _R],
    should_cancel: Callable[[], bool],
) -> Generator[SegmentationStep, str | None, _R]:
    """Run a prediction to its end and tell in percent how far it is.

    For the other parameters and errors, see :meth:`Job.steps`.
    """
    while True:
        if should_cancel():
            raise Cancelled
        try:
            fraction = next(parts)
        except StopIteration as end:
            result: _R = end.value
            return result
        yield SegmentationStep("prediction", round(100 * fraction), 100)


def origin(source: LayerSelection) -> dict[str, Any]:
    """Return what a layer's metadata say of the image that it was made from."""
    packages = ("napari-mmtseg", "torch", "numpy", "napari")
    return {
        "source": source.name,
        "axes": source.axes,
        "slice": dict(source.slices),
        "region": {name: list(ends) for name, ends in source.region.items()},
        "spacing": None if source.spacing is None else list(source.spacing),
        "shape": [int(n) for n in source.array.shape],
        "versions": {name: version(name) for name in packages},
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
    }
