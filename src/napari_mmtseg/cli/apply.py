"""``mmtseg apply``: the classes of a saved model, here or on a cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from napari_mmtseg.cli import runs
from napari_mmtseg.cli.image_files import (
    check_confidence_path,
    check_labels_path,
    check_stack,
    read,
    write,
    write_confidence,
)
from napari_mmtseg.cli.options import (
    PATH,
    axes_option,
    channel_axis_option,
    confidence_option,
    image_argument,
    labels_option,
    overwrite_option,
    quiet_option,
    setting_type,
)
from napari_mmtseg.cli.progress import labels_line
from napari_mmtseg.errors import InputError
from napari_mmtseg.settings.fields import parameters

__all__ = ["apply"]


@click.argument("model", type=PATH)
@image_argument
@labels_option
@click.option(
    "--n-labels",
    type=setting_type(parameters()["n_labels"]),
    metavar="INTEGER",
    help="Number of classes, without training anew. [default: as the model was fitted]",
)
@click.option(
    "--output",
    type=setting_type(parameters()["output"]),
    metavar="NAME",
    help=f"{parameters()['output'].description} [default: as the model was fitted]",
)
@confidence_option
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Dask scheduler, such as tcp://host:8786, or a scheduler file: its workers "
    "label IMAGE region by region. LABELS is a zarr array (.zarr) then.",
)
@click.option(
    "--region",
    type=int,
    metavar="N",
    help="Side in pixels of what a worker labels at a time, with --scheduler. "
    "[default: 4096]",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with regions that an earlier call has labelled, with --scheduler.",
)
@axes_option
@channel_axis_option
@overwrite_option
@quiet_option
def apply(
    model: Path,
    image: Path,
    labels_path: Path,
    n_labels: int | None,
    output: str | None,
    confidence_path: Path | None,
    scheduler: str | None,
    region: int | None,
    resume: bool,
    axes: str | None,
    channel_axis: int | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Label IMAGE with the classes of a saved MODEL."""
    if scheduler is not None:
        for option, given in (
            ("--n-labels", n_labels),
            ("--output", output),
            ("--confidence", confidence_path),
        ):
            if given is not None:
                raise InputError(
                    f"{option} is not there with --scheduler: the labels are those "
                    "that the model was fitted with."
                )
        options = {"axes": axes, "channel_axis": channel_axis, "region": region}
        _apply_on_cluster(
            (model, image, labels_path),
            scheduler,
            {name: value for name, value in options.items() if value is not None},
            resume=resume,
            overwrite=overwrite,
            quiet=quiet,
        )
        return
    if region is not None or resume:
        raise InputError("--region and --resume need --scheduler.")
    check_labels_path(labels_path, image, overwrite)
    check_confidence_path(confidence_path, [image, labels_path], overwrite)
    source = read(image, channel_axis, axes)
    check_stack(source, labels_path, confidence_path)
    fitted, labels = runs.apply(model, source, n_labels, output, quiet=quiet)
    written = write(labels_path, labels, source, overwrite)
    click.echo(labels_line(written, labels, output or fitted.settings.output))
    if confidence_path is not None:
        write_confidence(confidence_path, fitted, source, overwrite, quiet, n_labels)


def _apply_on_cluster(
    paths: tuple[Path, Path, Path],
    scheduler: str,
    options: dict[str, Any],
    *,
    resume: bool,
    overwrite: bool,
    quiet: bool,
) -> None:
    labels_path = paths[2]
    if labels_path.suffix.lower() != ".zarr":
        raise InputError(
            f"{labels_path} cannot be written by several workers. With --scheduler the "
            "labels are a zarr array: give a name that ends in .zarr."
        )
    try:
        labels = runs.apply_on_cluster(
            *paths,
            scheduler=scheduler,
            resume=resume,
            overwrite=overwrite,
            quiet=quiet,
            **options,
        )
    except RuntimeError as error:  # of a region; the others are kept
        raise click.ClickException(str(error)) from error
    size = " x ".join(map(str, labels.shape))
    click.echo(f"{labels_path}: {labels.dtype} labels, {size} pixels")
