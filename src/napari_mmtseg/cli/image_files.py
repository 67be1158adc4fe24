"""Image and label files of the commands: checked, read, written."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_mmtseg.cli import runs
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import check_apart, check_output
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel
    from napari_mmtseg.files.read import ImageFile

__all__ = [
    "check_confidence_path",
    "check_labels_path",
    "check_makes_model",
    "check_stack",
    "read",
    "read_scribbles",
    "write",
    "write_confidence",
]


def check_makes_model(settings: SegmentationSettings) -> None:
    """Refuse methods that make no model."""
    from napari_mmtseg.segmentation.baseline import check_makes_model

    check_makes_model(settings)


def check_labels_path(path: Path, image: Path, overwrite: bool) -> None:
    """Refuse a path that labels cannot be written to."""
    from napari_mmtseg.files.read_zarr import is_zarr
    from napari_mmtseg.files.write import check_labels_path

    check_labels_path(path, overwrite=overwrite)
    if image.is_file() or is_zarr(image):
        check_apart(path, image)


def check_confidence_path(
    path: Path | None, others: Sequence[Path], overwrite: bool
) -> None:
    """Refuse a path that a confidence map cannot be written to."""
    from napari_mmtseg.files.write import CONFIDENCE_SUFFIXES

    if path is None:
        return
    check_output(path, suffixes=CONFIDENCE_SUFFIXES, overwrite=overwrite)
    for other in others:
        if path.resolve() == other.resolve():
            raise InputError(
                f"{path} is the name of the image or of the labels. Give the "
                "confidence another one."
            )


def read(path: Path, channel_axis: int | None, axes: str | None) -> ImageFile:
    """Read an image, and check its axes."""
    from napari_mmtseg.files.read import read_image
    from napari_mmtseg.images.stack import ImageStack

    source = read_image(path, channel_axis=channel_axis, axes=axes)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the run says it again
            ImageStack.of(source.array, axes=source.axes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return source


def check_stack(source: ImageFile, labels: Path, confidence: Path | None) -> None:
    """Refuse for stacks what there is for single images alone."""
    from napari_mmtseg.files.write import check_labels_fit

    check_labels_fit(labels, source.label_axes)
    if confidence is not None and len(source.label_axes) > 2:
        raise InputError(
            "--confidence is for one image at a time; this is a stack "
            f"({source.label_axes})."
        )


def read_scribbles(path: Path | None) -> NDArray[Any] | None:
    """Read painted labels; None without a path."""
    if path is None:
        return None
    import numpy as np

    from napari_mmtseg.files.read import read_image

    array: NDArray[Any] = np.asarray(read_image(path).array)
    return array


def write(
    path: Path, labels: NDArray[np.int32], source: ImageFile, overwrite: bool
) -> Path:
    """Write labels and return where: a TIFF file if they do not fit in a PNG file."""
    from napari_mmtseg.files.write import write_labels

    if path.suffix.lower() == ".png" and labels.max() > 65535:
        path = path.with_suffix(".tif")
        click.echo(f"Warning: too many labels for PNG, they go to {path}.", err=True)
    axes = source.label_axes
    write_labels(path, labels, source=source, axes=axes, overwrite=overwrite)
    return path


def write_confidence(
    path: Path,
    model: MutualMeanTeachingModel,
    source: ImageFile,
    overwrite: bool,
    quiet: bool,
    n_labels: int | None = None,
) -> None:
    """Write the confidence of a model on an image."""
    from napari_mmtseg.files.write import write_confidence

    confidence = runs.confidence(model, source, n_labels, quiet=quiet)
    write_confidence(path, confidence, source=source, overwrite=overwrite)
    click.echo(f"{path}: confidence, {confidence.mean():.2f} on average")
