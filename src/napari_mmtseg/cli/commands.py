"""The group of all commands, and those that train."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_mmtseg.cli.apply import apply
from napari_mmtseg.cli.batch import batch
from napari_mmtseg.cli.command import Command
from napari_mmtseg.cli.demo import demo
from napari_mmtseg.cli.objects import export, measure, objects
from napari_mmtseg.cli.options import (
    PATH,
    area_option,
    common_options,
    confidence_option,
    image_argument,
    labels_option,
    scribbles_option,
    setting_options,
)
from napari_mmtseg.cli.progress import count, follow, run_line, run_report
from napari_mmtseg.cli.rerun import rerun
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import check_output
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.files.read import ImageFile

_MODEL_SUFFIXES = (".safetensors",)


def run(arguments: Sequence[str] | None) -> int:
    """Run the command line and return its exit code; Ctrl+C is a KeyboardInterrupt."""
    try:
        code = mmtseg.main(arguments, prog_name="mmtseg", standalone_mode=False)
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return code if isinstance(code, int) else 0


@click.group(
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100}
)
@click.version_option(package_name="napari-mmtseg", prog_name="mmtseg")
def mmtseg() -> None:
    """Segment images without annotation, by Mutual Mean-Teaching.

    A small network learns from your image alone. Begin with `mmtseg demo`.
    """


@mmtseg.command(cls=Command)
@image_argument
@labels_option
@click.option(
    "--save-model",
    "model_path",
    type=PATH,
    metavar="FILE",
    help="Also save the fitted model (.safetensors), for `mmtseg apply` or --model.",
)
@scribbles_option
@area_option
@click.option(
    "--model",
    "start_path",
    type=PATH,
    metavar="MODEL",
    help="Saved model to start from, instead of from random weights: far fewer steps, "
    "and its classes keep their labels.",
)
@confidence_option
@click.option(
    "--measure",
    "table_path",
    type=PATH,
    metavar="TABLE",
    help="Also measure every object, or every label, into a table (.csv).",
)
@common_options
@setting_options
def segment(
    image: Path,
    labels_path: Path,
    model_path: Path | None,
    confidence_path: Path | None,
    table_path: Path | None,
    scribbles_path: Path | None,
    area_path: Path | None,
    start_path: Path | None,
    axes: str | None,
    channel_axis: int | None,
    series: int | None,
    channels: tuple[int, ...] | None,
    overwrite: bool,
    quiet: bool,
    settings: SegmentationSettings,
) -> None:
    """Segment IMAGE and write its labels."""
    from napari_mmtseg.cli import image_files
    from napari_mmtseg.segmentation.baseline import check_makes_model
    from napari_mmtseg.segmentation.of_file import iter_segment_file, provenance_of

    image_files.check_outputs(image, labels_path, confidence_path, overwrite)
    if model_path is not None:
        check_output(model_path, suffixes=_MODEL_SUFFIXES, overwrite=overwrite)
    if table_path is not None:
        check_output(table_path, suffixes=(".csv",), overwrite=overwrite)
    if model_path is not None or confidence_path is not None:
        check_makes_model(settings)
    source = image_files.read(image, channel_axis, axes, series, channels)
    image_files.check_fit(source, labels_path, confidence_path)
    scribbles, model = image_files.read_painted(scribbles_path), None
    if start_path is not None:
        from napari_mmtseg.engine.model.fitted import load_model

        model = load_model(start_path)
    steps = iter_segment_file(
        source,
        settings,
        area=image_files.read_painted(area_path),
        scribbles=scribbles,
        model=model,
    )
    result = follow(steps, run_report, quiet=quiet)
    if result.model is not None:
        result.model.picked_channels = source.picked
    about = provenance_of(
        "segment",
        labels_path,
        {
            "image": image,
            "scribbles": scribbles_path,
            "area": area_path,
            "model": start_path,
        },
        settings=settings,
        axes=axes,
        channel_axis=channel_axis,
        series=series,
        channels=channels,
    )
    image_files.write_labels(
        labels_path, result.labels, settings.output, source, overwrite, about
    )
    click.echo(run_line(result))
    if table_path is not None:
        image_files.write_measurements(table_path, result, source, overwrite)
    if model_path is not None and result.model is not None:
        result.model.save(model_path, overwrite=overwrite)
        click.echo(f"{model_path}: the model")
    if confidence_path is not None and result.model is not None:
        image_files.write_confidence(
            confidence_path, result.model, source, overwrite=overwrite, quiet=quiet
        )


@mmtseg.command(cls=Command)
@click.argument("images", type=PATH, nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "-o",
    "model_path",
    type=PATH,
    metavar="MODEL",
    required=True,
    help="Model file to write: .safetensors.",
)
@scribbles_option
@area_option
@common_options
@setting_options
def fit(
    images: tuple[Path, ...],
    model_path: Path,
    scribbles_path: Path | None,
    area_path: Path | None,
    axes: str | None,
    channel_axis: int | None,
    series: int | None,
    channels: tuple[int, ...] | None,
    overwrite: bool,
    quiet: bool,
    settings: SegmentationSettings,
) -> None:
    """Fit one model to one or several IMAGEs, for `mmtseg apply`."""
    from napari_mmtseg.cli.image_files import read, read_painted
    from napari_mmtseg.files.read import common_pick
    from napari_mmtseg.segmentation.baseline import check_makes_model
    from napari_mmtseg.segmentation.fit import iter_fit

    check_output(model_path, suffixes=_MODEL_SUFFIXES, overwrite=overwrite)
    check_makes_model(settings)
    if scribbles_path is not None and len(images) > 1:
        raise InputError(
            f"--scribbles belongs to one image; {len(images)} are given. Give one "
            "image, or use napari_mmtseg.fit in Python."
        )
    sources = [read(image, channel_axis, axes, series, channels) for image in images]
    scribbles = read_painted(scribbles_path)
    painted = None if scribbles is None else [scribbles]
    arrays, details = _in_one_order(sources)
    steps = iter_fit(
        arrays,
        **details,
        area=read_painted(area_path),
        scribbles=painted,
        settings=settings,
    )
    model = follow(steps, run_report, quiet=quiet)
    model.picked_channels = common_pick(sources)
    model.save(model_path, overwrite=overwrite)
    classes, fitted = count(model.n_labels, "class"), count(len(images), "image")
    click.echo(f"{model_path}: {classes}, fitted to {fitted}")


def _in_one_order(sources: Sequence[ImageFile]) -> tuple[list[Any], dict[str, Any]]:
    """Return images and their axes; one may hold RGB pixels and the next planes."""
    from napari_mmtseg.images.arrays import as_channels_first

    if all(len(source.label_axes) == 2 for source in sources):
        images = [as_channels_first(s.array, s.channel_axis) for s in sources]
        return images, {"channel_axis": 0}
    first = sources[0]
    return [s.array for s in sources], {"axes": first.axes, "spacing": first.spacing}


@mmtseg.command(cls=Command)
def info() -> None:
    """Show versions, device, precision and presets."""
    from napari_mmtseg.cli.info import information

    click.echo(information())


for _command in (apply, batch, demo, objects, measure, export, rerun):
    mmtseg.command(cls=Command)(_command)
