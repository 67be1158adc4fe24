"""``mmtseg apply``: the classes of a saved model, here or on a cluster."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_mmtseg.cli.options import (
    PATH,
    common_options,
    confidence_option,
    image_argument,
    labels_option,
    setting_type,
)
from napari_mmtseg.cli.progress import Report, follow, percent
from napari_mmtseg.errors import InputError
from napari_mmtseg.settings.fields import parameters

if TYPE_CHECKING:
    from napari_mmtseg.batch.cluster.large_image import BlockStep


@click.argument("model", type=PATH)
@image_argument
@labels_option
@click.option(
    "--n-labels",
    type=setting_type(parameters()["n_labels"]),
    metavar="INTEGER",
    help="Number of classes, without training again. [default: as the model was "
    "fitted]",
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
    "label IMAGE block by block. LABELS is a zarr array (.zarr) then.",
)
@click.option(
    "--region",
    type=int,
    metavar="N",
    help="Side in pixels of a block, with --scheduler. [default: 4096]",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Keep blocks that an earlier call has labelled, with --scheduler.",
)
@common_options
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
    series: int | None,
    channels: tuple[int, ...] | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Label IMAGE with the classes of a saved MODEL."""
    from napari_mmtseg.cli import image_files

    if scheduler is not None:
        for option, given in (
            ("--n-labels", n_labels),
            ("--output", output),
            ("--confidence", confidence_path),
        ):
            if given is not None:
                raise InputError(
                    f"{option} cannot be combined with --scheduler: the labels are "
                    "those that the model was fitted with."
                )
        options = {
            "region": region,
            "axes": axes,
            "channel_axis": channel_axis,
            "series": series,
            "channels": channels,
        }
        _apply_on_cluster(
            (model, image, labels_path),
            quiet=quiet,
            scheduler=scheduler,
            resume=resume,
            overwrite=overwrite,
            **{name: value for name, value in options.items() if value is not None},
        )
        return
    if region is not None or resume:
        raise InputError("--region and --resume need --scheduler.")
    image_files.check_outputs(image, labels_path, confidence_path, overwrite)
    source = image_files.read(image, channel_axis, axes, series, channels)
    image_files.check_fit(source, labels_path, confidence_path)

    changes = {} if output is None else {"output": output}

    def steps() -> Generator[float, None, Any]:
        from napari_mmtseg.segmentation.of_file import iter_apply_file, load_changed

        fitted = load_changed(model, changes)
        return fitted, (yield from iter_apply_file(source, fitted, n_labels))

    fitted, labels = follow(steps(), percent("prediction (%)"), quiet=quiet)
    from napari_mmtseg.segmentation.of_file import provenance_of

    about = provenance_of(
        "apply",
        labels_path,
        {"image": image, "model": model},
        settings=changes,
        n_labels=n_labels,
        axes=axes,
        channel_axis=channel_axis,
        series=series,
        channels=channels,
    )
    output = fitted.settings.output
    image_files.write_labels(labels_path, labels, output, source, overwrite, about)
    if confidence_path is not None:
        image_files.write_confidence(
            confidence_path, fitted, source, n_labels, overwrite=overwrite, quiet=quiet
        )


def _apply_on_cluster(
    paths: tuple[Path, Path, Path], *, quiet: bool, **options: Any
) -> None:
    labels_path = paths[2]
    if labels_path.suffix.lower() != ".zarr":
        raise InputError(
            f"{labels_path} cannot be written by several workers. With --scheduler the "
            "labels are a zarr array: give a name that ends in .zarr."
        )

    def steps() -> Generator[BlockStep, None, Any]:
        from napari_mmtseg.batch.cluster.large_image import iter_label_on_cluster

        return (yield from iter_label_on_cluster(*paths, **options))

    try:
        labels = follow(
            steps(), lambda s: Report("blocks", s.n_done, s.n_blocks), quiet=quiet
        )
    except RuntimeError as error:  # of one block; the others are kept
        raise click.ClickException(str(error)) from error
    size = " x ".join(map(str, labels.shape))
    click.echo(f"{labels_path}: {labels.dtype} labels, {size} pixels")
