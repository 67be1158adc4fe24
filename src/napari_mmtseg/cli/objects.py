"""Commands on label files: find objects, measure them, write their outlines."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_mmtseg.cli.options import (
    PATH,
    labels_option,
    object_options,
    output_options,
)
from napari_mmtseg.errors import InputError
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mmtseg.files.read import ImageFile
    from napari_mmtseg.objects.found import Objects

_labels_argument = click.argument("labels", type=PATH)
_image_option = click.option(
    "--image",
    "image_path",
    type=PATH,
    metavar="IMAGE",
    help="Image that the labels belong to.",
)
_classes_option = click.option(
    "--classes",
    "classes_path",
    type=PATH,
    metavar="FILE",
    help="Label file of the classes that the objects were made from.",
)
_volumes_option = click.option(
    "--volumes", is_flag=True, help="Objects go through all slices along Z."
)


@_labels_argument
@labels_option
@_image_option
@click.option(
    "--class",
    "classes",
    type=int,
    multiple=True,
    metavar="N",
    help="Class that objects are made of; give it again for each. Over --foreground.",
)
@_volumes_option
@output_options
@object_options
def objects(
    labels: Path,
    labels_path: Path,
    image_path: Path | None,
    classes: tuple[int, ...],
    volumes: bool,
    overwrite: bool,
    quiet: bool,
    settings: SegmentationSettings,
) -> None:
    """Divide the classes of the label file LABELS into objects."""
    from napari_mmtseg.cli import image_files
    from napari_mmtseg.cli.progress import follow, percent
    from napari_mmtseg.segmentation.of_file import provenance_of

    image_files.check_outputs(labels, labels_path, None, overwrite)
    source = read_labels(labels)
    steps = iter_objects_file(source, image_path, classes, volumes, settings)
    found = follow(steps, percent("objects (%)"), quiet=quiet, needs_torch=False)
    about = provenance_of(
        "objects",
        labels_path,
        {"labels": labels, "image": image_path},
        settings=settings,
        classes=classes,
        volumes=volumes,
    )
    image_files.write_labels(
        labels_path, found.labels, "objects", source, overwrite, about
    )


def iter_objects_file(
    labels: ImageFile,
    image_path: Path | None,
    classes: Sequence[int],
    volumes: bool,
    settings: SegmentationSettings,
) -> Generator[float, None, Objects]:
    """Divide the classes of a label file into objects; yields the fraction done."""
    from napari_mmtseg.objects.find import iter_objects

    image = None if image_path is None else _brightness(image_path)
    place = labels if labels.spacing is not None else _image(image_path) or labels
    return iter_objects(
        labels.array,
        image,
        classes=tuple(classes) or None,
        spacing=place.spacing_for(settings.object_unit),
        volumes=volumes,
        time_axis=_time_axis(labels.axes, volumes),
        settings=settings,
    )


@_labels_argument
@click.option(
    "-o",
    "table_path",
    type=PATH,
    metavar="TABLE",
    required=True,
    help="Table to write: .csv.",
)
@_image_option
@_classes_option
@_volumes_option
@output_options
def measure(
    labels: Path,
    table_path: Path,
    image_path: Path | None,
    classes_path: Path | None,
    volumes: bool,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Measure every object of the label file LABELS, on the channels of --image."""
    from napari_mmtseg.files.atomic import check_output
    from napari_mmtseg.files.write_table import SUFFIX
    from napari_mmtseg.objects.of_file import measure_file, write_measurements

    check_output(table_path, suffixes=(SUFFIX,), overwrite=overwrite)
    source, image = read_labels(labels), _image(image_path)
    table = measure_file(
        source.array,
        source.axes,
        image,
        place=source if source.spacing is not None or image is None else image,
        classes=_classes(source, classes_path),
        volumes=volumes,
    )
    write_measurements(table_path, table, overwrite=overwrite)
    click.echo(f"{table_path}: {len(table)} objects, {len(table.columns)} columns")


@_labels_argument
@click.option(
    "-o",
    "target",
    type=PATH,
    metavar="FILE",
    required=True,
    help="File to write: .zip (ROIs for ImageJ and Fiji) or .geojson (QuPath).",
)
@_image_option
@_classes_option
@output_options
def export(
    labels: Path,
    target: Path,
    image_path: Path | None,
    classes_path: Path | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Write the outlines of the objects in LABELS for ImageJ, Fiji or QuPath.

    For QuPath every object has its measurements, on the channels of --image as well.
    """
    from napari_mmtseg.files.atomic import check_output
    from napari_mmtseg.files.outlines import ObjectClasses
    from napari_mmtseg.files.write_geojson import SUFFIX, write_geojson
    from napari_mmtseg.files.write_rois import SUFFIX as ZIP
    from napari_mmtseg.files.write_rois import write_rois
    from napari_mmtseg.objects.of_file import measure_file

    check_output(target, suffixes=(ZIP, SUFFIX), overwrite=overwrite)
    source, image = read_labels(labels), _image(image_path)
    classes = ObjectClasses(_classes(source, classes_path))
    options: dict[str, Any] = {"axes": source.axes, "overwrite": overwrite}
    if target.name.lower().endswith(SUFFIX):
        table = measure_file(source.array, source.axes, image, place=source)
        options["measurements"] = table.by_label()
        write_geojson(target, source.array, classes=classes, **options)
    else:
        write_rois(target, source.array, classes=classes, **options)
    click.echo(f"{target}: the outlines of {labels.name}")


def read_labels(path: Path) -> ImageFile:
    """Read a label file and check its values."""
    from napari_mmtseg.files.read import read_image
    from napari_mmtseg.objects.frames import check_labels

    source = read_image(path)
    if source.axes != source.label_axes:
        raise InputError(
            f"{path} has channels ({source.axes}), as an image has. Give a label file: "
            "whole numbers, one for each pixel."
        )
    check_labels(source.array)
    return source


def _image(path: Path | None) -> ImageFile | None:
    from napari_mmtseg.cli.image_files import read

    return None if path is None else read(path, None, None, None)


def _brightness(path: Path) -> Any:
    """Return the mean of all channels of an image, in the shape of its labels."""
    import numpy as np

    from napari_mmtseg.objects.of_file import channels_of

    image = _image(path)
    assert image is not None
    channels = [np.asarray(c, np.float32) for c in channels_of(image).values()]
    return np.mean(channels, axis=0)


def _classes(source: ImageFile, path: Path | None) -> NDArray[Any] | None:
    from napari_mmtseg.objects.found import classes_of_objects

    if path is None:
        return None
    return classes_of_objects(source.array, read_labels(path).array)


def _time_axis(axes: str, volumes: bool) -> int | None:
    lead = axes[: -3 if volumes and axes.endswith("ZYX") else -2]
    return lead.index("T") if "T" in lead else None
