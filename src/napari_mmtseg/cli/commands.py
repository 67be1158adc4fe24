"""The commands: read, hand on to the one path, write."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_mmtseg.cli import runs
from napari_mmtseg.cli.apply import apply
from napari_mmtseg.cli.batch import batch
from napari_mmtseg.cli.demo import SAMPLES, run_demo
from napari_mmtseg.cli.image_files import (
    check_confidence_path,
    check_labels_path,
    check_makes_model,
    check_stack,
    read,
    read_scribbles,
    write,
    write_confidence,
)
from napari_mmtseg.cli.options import (
    PATH,
    Command,
    axes_option,
    channel_axis_option,
    confidence_option,
    image_argument,
    labels_option,
    overwrite_option,
    quiet_option,
    scribbles_option,
    setting_options,
)
from napari_mmtseg.cli.progress import count, labels_line, run_line
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import check_output
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    pass

__all__ = ["mmtseg", "run"]

BAD_INPUT = 2
MODEL_SUFFIXES = (".safetensors",)


def run(arguments: Sequence[str] | None) -> int:
    """Run the command line and return its exit code, except after Ctrl+C.

    Raises
    ------
    KeyboardInterrupt
        After Ctrl+C.
    """
    try:
        code = mmtseg.main(arguments, prog_name="mmtseg", standalone_mode=False)
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return code if isinstance(code, int) else 0


class _BadInput(click.ClickException):
    exit_code = BAD_INPUT


class _Commands(click.Group):
    command_class = Command

    def invoke(self, ctx: click.Context) -> Any:
        with _plain_warnings():
            try:
                return super().invoke(ctx)
            except InputError as error:
                raise _BadInput(str(error)) from error
            except BrokenPipeError:
                raise  # what reads the output has had enough: no error
            except OSError as error:
                place = f"{error.filename}: " if error.filename else ""
                raise _BadInput(f"{place}{error.strerror or error}.") from error


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print what the user should know as one line instead of a place in the source."""

    def show(message: Warning | str, *details: Any, **more: Any) -> None:
        words = f"Warning: {message}"
        if "tqdm" in sys.modules:
            sys.modules["tqdm"].tqdm.write(words, file=sys.stderr)
        else:
            click.echo(words, err=True)

    with warnings.catch_warnings():
        warnings.filterwarnings("default", category=UserWarning)
        warnings.showwarning = show
        yield


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="napari-mmtseg", prog_name="mmtseg")
def mmtseg() -> None:
    """Segment images without annotation, by Mutual Mean-Teaching.

    Two small networks teach each other on your image. Begin with `mmtseg demo`.
    """


@mmtseg.command()
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
@click.option(
    "--model",
    "start_path",
    type=PATH,
    metavar="MODEL",
    help="Saved model to start from, instead of from random weights: far fewer steps, "
    "and its classes keep their labels.",
)
@confidence_option
@axes_option
@channel_axis_option
@overwrite_option
@quiet_option
@setting_options
def segment(
    image: Path,
    labels_path: Path,
    model_path: Path | None,
    confidence_path: Path | None,
    scribbles_path: Path | None,
    start_path: Path | None,
    axes: str | None,
    channel_axis: int | None,
    overwrite: bool,
    quiet: bool,
    settings: SegmentationSettings,
) -> None:
    """Segment IMAGE and write its labels."""
    check_labels_path(labels_path, image, overwrite)
    if model_path is not None:
        check_output(model_path, suffixes=MODEL_SUFFIXES, overwrite=overwrite)
    check_confidence_path(confidence_path, [image, labels_path], overwrite)
    if model_path is not None or confidence_path is not None:
        check_makes_model(settings)
    source = read(image, channel_axis, axes)
    check_stack(source, labels_path, confidence_path)
    painted = read_scribbles(scribbles_path)
    result = runs.segment(source, settings, painted, start_path, quiet=quiet)
    written = write(labels_path, result.labels, source, overwrite)
    click.echo(labels_line(written, result.labels, settings.output))
    click.echo(run_line(result))
    if model_path is not None and result.model is not None:
        result.model.save(model_path, overwrite=overwrite)
        click.echo(f"{model_path}: the model")
    if confidence_path is not None and result.model is not None:
        write_confidence(confidence_path, result.model, source, overwrite, quiet)


@mmtseg.command()
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
@axes_option
@channel_axis_option
@overwrite_option
@quiet_option
@setting_options
def fit(
    images: tuple[Path, ...],
    model_path: Path,
    scribbles_path: Path | None,
    axes: str | None,
    channel_axis: int | None,
    overwrite: bool,
    quiet: bool,
    settings: SegmentationSettings,
) -> None:
    """Fit one model to one or several IMAGEs, for `mmtseg apply`."""
    check_output(model_path, suffixes=MODEL_SUFFIXES, overwrite=overwrite)
    check_makes_model(settings)
    if scribbles_path is not None and len(images) > 1:
        raise InputError(
            f"--scribbles belongs to one image; {len(images)} are given. Give one "
            "image, or use napari_mmtseg.fit in Python."
        )
    sources = [read(image, channel_axis, axes) for image in images]
    painted = read_scribbles(scribbles_path)
    model = runs.fit(sources, settings, painted, quiet=quiet)
    model.save(model_path, overwrite=overwrite)
    classes, fitted = count(model.n_labels, "class"), count(len(images), "image")
    click.echo(f"{model_path}: {classes}, fitted to {fitted}")


@mmtseg.command()
@click.option(
    "-o",
    "folder",
    type=PATH,
    metavar="FOLDER",
    default=Path("mmtseg-demo"),
    show_default=True,
    help="Where to write input.png, labels.tif and side-by-side.png.",
)
@click.option(
    "--image",
    type=click.Choice(SAMPLES),
    default=SAMPLES[0],
    show_default=True,
    help="Image of scikit-image.",
)
@overwrite_option
@quiet_option
@setting_options
def demo(
    folder: Path,
    image: str,
    overwrite: bool,
    quiet: bool,
    settings: SegmentationSettings,
) -> None:
    """Segment a real image that comes with scikit-image."""
    for line in run_demo(folder, image, settings, overwrite=overwrite, quiet=quiet):
        click.echo(line)


@mmtseg.command()
def info() -> None:
    """Show versions, device, precision and presets."""
    from napari_mmtseg.cli.info import information

    click.echo(information())


for _command in (apply, batch):
    mmtseg.command()(_command)
