"""What fitting and segmenting have in common before they begin."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.stack import Frame
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

__all__ = ["check_alike", "resolve_settings"]


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
