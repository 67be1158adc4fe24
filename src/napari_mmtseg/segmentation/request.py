"""What fitting and segmenting have in common before they begin."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_mmtseg.errors import Cancelled, InputError
from napari_mmtseg.images.stack import Frame
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

__all__ = ["StackRun", "check_alike", "resolve_settings"]


def check_alike(images: Sequence[NDArray[Any] | Frame]) -> None:
    """Refuse images that differ in their number of channels.

    Raises
    ------
    InputError
        If they do.
    """
    counts = {image.shape[0] for image in images}
    if len(counts) > 1:
        raise InputError(
            "All images of one model need the same number of channels; these have "
            f"{sorted(counts)}."
        )


def resolve_settings(
    settings: SegmentationSettings | None,
    overrides: dict[str, Any],
    model: MutualMeanTeachingModel | None,
) -> SegmentationSettings:
    """Return the settings of a run: those given, or of the model, and what overrides.

    Raises
    ------
    InputError
        If a value is not accepted.
    """
    if settings is None:
        if model is None:
            return SegmentationSettings(**overrides)
        settings = model.settings.replace(n_labels=None)
    if not isinstance(settings, SegmentationSettings):
        raise InputError(
            f"settings is a {type(settings).__name__}; give SegmentationSettings."
        )
    return settings.replace(**overrides) if overrides else settings


@dataclass(frozen=True)
class StackRun:
    """What a segmentation was asked for, beside the image.

    Attributes
    ----------
    settings : SegmentationSettings
        All settings.
    scribbles : array-like or None
        In the shape of the labels.
    examples : sequence of (ndarray, array-like)
        Further images (C, Y, X) and what is painted in them.
    model : MutualMeanTeachingModel or None
        What to start from.
    preview_interval, should_cancel, shown, out
        As for :func:`napari_mmtseg.iter_segment`.
    anisotropy : float
        How many times farther slices of a volume are apart than its pixels.
    """

    settings: SegmentationSettings
    scribbles: Any = None
    examples: Sequence[tuple[NDArray[Any], Any]] = ()
    model: MutualMeanTeachingModel | None = None
    preview_interval: float | None = None
    should_cancel: Callable[[], bool] | None = None
    shown: Callable[[], tuple[int, ...]] | None = None
    out: Any = None
    anisotropy: float = 1.0

    def check_cancel(self) -> None:
        """Raise :class:`Cancelled` once that is asked for."""
        if self.should_cancel is not None and self.should_cancel():
            raise Cancelled("The segmentation was cancelled.")
