"""Labels of image files, and their provenance: the same work for every caller."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.provenance import FileStamp, Provenance, software
from napari_mmtseg.files.read import ImageFile
from napari_mmtseg.progress import Steps
from napari_mmtseg.segmentation.result import SegmentationResult
from napari_mmtseg.segmentation.segment import iter_segment
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel


def iter_segment_file(
    image: ImageFile, settings: SegmentationSettings, **options: Any
) -> Steps[SegmentationResult]:
    """Segment an image file with the axes and the spacing that it has.

    Options are those of :func:`napari_mmtseg.iter_segment`.
    """
    return iter_segment(
        image.array,
        axes=image.axes,
        spacing=image.spacing_for(settings.object_unit),
        settings=settings,
        **options,
    )


def iter_apply_file(
    image: ImageFile, model: MutualMeanTeachingModel, n_labels: int | None
) -> Generator[float, None, Any]:
    """Label an image file with the classes of a model; yields the finished fraction."""
    return model.iter_labels(
        image.array,
        n_labels,
        axes=image.axes,
        spacing=image.spacing_for(model.settings.object_unit),
    )


def load_changed(path: Path, changes: Mapping[str, Any]) -> MutualMeanTeachingModel:
    """Read a saved model, with some settings changed that it leaves open."""
    from napari_mmtseg.engine.model.fitted import load_model

    model = load_model(path)
    model.settings = model.settings.replace(**changes)
    return model


def provenance_of(
    command: str,
    labels: Path,
    files: Mapping[str, Path | None],
    *,
    settings: SegmentationSettings | Mapping[str, Any],
    **options: Any,
) -> Provenance:
    """Return the provenance of a label file that is to be written.

    `settings` are all of them, or those that go over the settings of a model.
    """
    stamps = {
        name: FileStamp.of(path, labels.parent)
        for name, path in files.items()
        if path is not None
    }
    if isinstance(settings, SegmentationSettings):
        settings = settings.to_dict()
    return Provenance(
        command, stamps, {**options, "settings": dict(settings)}, _made_with(command)
    )


def settings_of(provenance: Provenance) -> dict[str, Any]:
    """Return the settings in provenance; each is still to be checked."""
    found = provenance.options.get("settings")
    if not isinstance(found, dict):
        raise InputError("The labels do not say with which settings they were made.")
    return found


@cache
def _made_with(command: str) -> Mapping[str, Any]:
    """Return software, and of networks the processor: the same for a whole folder."""
    found: dict[str, Any] = software()
    if command != "objects":
        from napari_mmtseg.engine.device import choose_device, describe_chip

        found["processor"] = describe_chip(choose_device())
    return found
