"""Image and label files of the commands; imported once one of them runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.cli.progress import count, follow, percent
from napari_mmtseg.errors import InputError
from napari_mmtseg.files import write
from napari_mmtseg.files.atomic import check_apart, check_output
from napari_mmtseg.files.formats import CONFIDENCE_SUFFIXES
from napari_mmtseg.files.provenance import Provenance
from napari_mmtseg.files.read import ImageFile, read_image
from napari_mmtseg.files.read_zarr import is_zarr
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.regions import pixels_by_label
from napari_mmtseg.notices import collected_notices

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel
    from napari_mmtseg.segmentation.result import SegmentationResult


def check_outputs(
    image: Path, labels: Path, confidence: Path | None, overwrite: bool
) -> None:
    """Refuse paths that labels or a confidence map cannot be written to."""
    write.check_labels_path(labels, overwrite=overwrite)
    if image.is_file() or is_zarr(image):
        check_apart(labels, image)
    if confidence is None:
        return
    check_output(confidence, suffixes=CONFIDENCE_SUFFIXES, overwrite=overwrite)
    if confidence.resolve() in (image.resolve(), labels.resolve()):
        raise InputError(
            f"{confidence} is the name of the image or of the labels. Give the "
            "confidence map another one."
        )


def read(
    path: Path,
    channel_axis: int | None,
    axes: str | None,
    series: int | None,
    channels: Sequence[int] | None = None,
) -> ImageFile:
    """Read an image and check its axes."""
    source = read_image(
        path, channel_axis=channel_axis, axes=axes, series=series, channels=channels
    )
    try:
        with collected_notices():  # the run says it again
            ImageStack.of(source.array, axes=source.axes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return source


def check_fit(source: ImageFile, labels: Path, confidence: Path | None) -> None:
    """Refuse files that cannot hold the results of a stack."""
    write.check_labels_fit(labels, source.label_axes)
    if confidence is not None and len(source.label_axes) > 2:
        raise InputError(
            "--confidence is for one image at a time; this is a stack "
            f"({source.label_axes})."
        )


def read_painted(path: Path | None) -> NDArray[Any] | None:
    """Read scribbles, or an area; None without a path."""
    return None if path is None else np.asarray(read_image(path).array)


def write_labels(
    path: Path,
    labels: NDArray[np.int32],
    output: str,
    source: ImageFile,
    overwrite: bool,
    provenance: Provenance | None = None,
) -> None:
    """Write labels, as TIFF if they do not fit in PNG, and say what the file holds."""
    if path.suffix.lower() == ".png" and labels.max() > 65535:
        path = path.with_suffix(".tif")
        click.echo(f"Warning: too many labels for PNG, they go to {path}.", err=True)
    axes = source.label_axes
    write.write_labels(
        path,
        labels,
        source=source,
        axes=axes,
        provenance=provenance,
        overwrite=overwrite,
    )
    pixels = pixels_by_label(labels)
    n_labels = len(pixels.keys() - {0})
    *stacked, height, width = labels.shape
    size = f"{width} x {height} pixels"
    if stacked:
        size = f"{' x '.join(map(str, stacked))} slices of {size}"
    noun = {"regions": "region", "objects": "object"}.get(output, "class")
    rest = " and background (0)" if 0 in pixels else ""
    click.echo(f"{path}: {count(n_labels, noun)}{rest}, {size}")


def write_measurements(
    path: Path, result: SegmentationResult, source: ImageFile, overwrite: bool
) -> None:
    """Measure the labels of a run on the channels of its image."""
    from napari_mmtseg.objects import of_file

    table = of_file.measure_file(
        result.labels,
        source.label_axes,
        source,
        classes=None if result.objects is None else result.objects.classes,
        volumes=result.settings.stack == "volume",
    )
    of_file.write_measurements(path, table, overwrite=overwrite)
    click.echo(f"{path}: {count(len(table), 'row')}")


def write_confidence(
    path: Path,
    model: MutualMeanTeachingModel,
    source: ImageFile,
    n_labels: int | None = None,
    *,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Write the confidence of a model on an image, and say how high it is."""
    axis = source.channel_axis
    steps = model.iter_confidence(source.array, n_labels, channel_axis=axis)
    confidence = follow(steps, percent("confidence (%)"), quiet=quiet)
    write.write_confidence(path, confidence, source=source, overwrite=overwrite)
    click.echo(f"{path}: confidence, {confidence.mean():.2f} on average")
