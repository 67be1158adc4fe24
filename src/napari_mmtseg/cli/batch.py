"""``mmtseg batch``: a folder of images in, a folder of labels out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_mmtseg.batch.plan import TABLES_NAME, BatchRequest
from napari_mmtseg.cli.options import (
    PATH,
    common_options,
    given_options,
    setting_options,
)
from napari_mmtseg.cli.progress import Report, count, follow
from napari_mmtseg.files.formats import FILE_FORMATS
from napari_mmtseg.settings.fields import SegmentationSettings, parameters

if TYPE_CHECKING:
    from napari_mmtseg.batch.run import BatchStep

FAILED = 1
"""Exit code if some images have no labels."""


@click.argument("source", type=PATH, metavar="IN")
@click.argument("target", type=PATH, metavar="OUT")
@click.option(
    "--pattern",
    default="*",
    show_default=True,
    help='Images to take, such as "*.tif"; "**/*" takes those of all folders.',
)
@click.option(
    "--model",
    type=PATH,
    metavar="MODEL",
    help="Saved model to use, instead of fitting one.",
)
@click.option(
    "--fit-on",
    type=int,
    metavar="N",
    help="Number of images to fit the one model on, spread over all [default: 16].",
)
@click.option(
    "--each",
    "mode",
    flag_value="each",
    help="A model of its own for each image, instead of one for all: classes do not "
    "match from image to image then.",
)
@click.option(
    "--workers",
    "n_workers",
    type=int,
    metavar="N",
    default=1,
    show_default=True,
    help="Processes side by side.",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Dask scheduler whose workers do the work, such as tcp://host:8786, or a "
    "scheduler file.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with a batch in OUT, with its settings if no others are given.",
)
@click.option(
    "--format",
    "file_format",
    type=click.Choice(list(FILE_FORMATS)),
    default="tif",
    show_default=True,
    help="Label files: OME-TIFF as name.tif or name.ome.tif, PNG, or OME-Zarr.",
)
@click.option(
    "--measure",
    is_flag=True,
    help="Also measure every object, or every label: one table of all images, "
    "OUT/mmtseg-objects.csv.",
)
@common_options
@setting_options
def batch(
    scheduler: str | None,
    quiet: bool,
    settings: SegmentationSettings,
    mode: str | None,
    **options: Any,
) -> int:
    """Label all images of the folder IN, and write the labels to the folder OUT.

    The labels of IN/name.png go to OUT/name.tif. One model is fitted for all images,
    so that a class is the same in each; it is kept in OUT with the settings and a
    table. A bad image is reported and left out: the exit code is 1 then.
    """
    from napari_mmtseg.batch.previous import resumed_request
    from napari_mmtseg.batch.run import iter_batch

    given = given_options()
    if given & {"settings_file", *parameters()}:
        given.add("settings")
    model = options["model"]
    if model is not None and "settings" in given and "settings_file" not in given:
        settings = _of_model(model, settings, given & parameters().keys())
    # Click before 8.2.2 takes any default of a flag for the flag.
    options["mode"] = mode or "one_model"
    request = BatchRequest(settings=settings, **options)
    if request.resume:
        request = resumed_request(request, given)
    result = follow(iter_batch(request, scheduler=scheduler), _report, quiet=quiet)
    for record in result.failed:
        click.echo(f"{record.item.name}: {record.error}", err=True)
    n_skipped = sum(r.status == "skipped" for r in result.records)
    n_done = sum(r.status == "done" for r in result.records)
    skipped = f", {n_skipped} done before" if n_skipped else ""
    failed = f", {len(result.failed)} failed" if result.failed else ""
    click.echo(
        f"{request.target}: {count(n_done, 'image')} labelled{skipped}{failed} in "
        f"{result.seconds:.1f} s"
    )
    if result.model_path is not None:
        click.echo(f"{result.model_path}: the model")
    click.echo(f"{result.summary_path}: the table of all images")
    if request.measure:
        table = result.summary_path.with_name(f"{TABLES_NAME}.csv")
        click.echo(f"{table}: the table of all objects")
    return FAILED if result.failed else 0


def _of_model(
    path: Path, settings: SegmentationSettings, given: set[str]
) -> SegmentationSettings:
    """Return the settings of a saved model with the given ones in their place."""
    from napari_mmtseg.engine.model.fitted import load_model

    fitted = load_model(path).settings
    return fitted.replace(**{name: getattr(settings, name) for name in given})


def _report(step: BatchStep) -> Report:
    if step.fit is not None:
        return Report(f"one model, {step.fit.phase}", step.fit.step, step.fit.n_steps)
    detail = "" if step.record is None else step.record.item.name
    return Report(step.phase, step.n_done, step.n_items, detail)
