"""The commands: read, hand on to the one path, write."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_mmtseg._cli import runs
from napari_mmtseg._cli.batch import batch
from napari_mmtseg._cli.demo import SAMPLES, run_demo
from napari_mmtseg._cli.options import Command, setting_options, setting_type
from napari_mmtseg._cli.results import count, labels_line, run_line
from napari_mmtseg.errors import InputError
from napari_mmtseg.files import check_output
from napari_mmtseg.settings import SegmentationSettings, parameters

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_mmtseg.engine.model import MutualMeanTeachingModel
    from napari_mmtseg.io import ImageFile

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


_path = click.Path(path_type=Path, readable=False)
_image = click.argument("image", type=_path)
_labels = click.option(
    "-o",
    "labels_path",
    type=_path,
    metavar="LABELS",
    required=True,
    help="Label file to write: .tif, .tiff, .ome.tif, .png or .zarr.",
)
_confidence = click.option(
    "--confidence",
    "confidence_path",
    type=_path,
    metavar="FILE",
    help="Also write how sure the model is of every pixel, 0 to 1 (.tif, .tiff).",
)
_channel_axis = click.option(
    "--channel-axis",
    type=int,
    metavar="N",
    help="Axis of the image that holds channels, counted from 0, where the file does "
    "not tell.",
)
_axes = click.option(
    "--axes",
    metavar="AXES",
    help="A letter for every axis of the image as stored, such as TZYX, where the file "
    "does not tell.",
)
_scribbles = click.option(
    "--scribbles",
    "scribbles_path",
    type=_path,
    metavar="FILE",
    help="Painted pixels: an image file of whole numbers in the shape of the image, 0 "
    "where nothing is painted. The labels take these values.",
)
_overwrite = click.option(
    "--overwrite", is_flag=True, help="Replace output files that exist."
)
_quiet = click.option("-q", "--quiet", is_flag=True, help="Show no progress.")


@mmtseg.command()
@_image
@_labels
@click.option(
    "--save-model",
    "model_path",
    type=_path,
    metavar="FILE",
    help="Also save the fitted model (.safetensors), for `mmtseg apply` or --model.",
)
@_scribbles
@click.option(
    "--model",
    "start_path",
    type=_path,
    metavar="MODEL",
    help="Saved model to start from, instead of from random weights: far fewer steps, "
    "and its classes keep their labels.",
)
@_confidence
@_axes
@_channel_axis
@_overwrite
@_quiet
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
    _check_labels_path(labels_path, image, overwrite)
    if model_path is not None:
        check_output(model_path, suffixes=MODEL_SUFFIXES, overwrite=overwrite)
    _check_confidence_path(confidence_path, [image, labels_path], overwrite)
    if model_path is not None or confidence_path is not None:
        _check_makes_model(settings)
    source = _read(image, channel_axis, axes)
    _check_stack(source, labels_path, confidence_path)
    painted = _read_scribbles(scribbles_path)
    result = runs.segment(source, settings, painted, start_path, quiet=quiet)
    written = _write(labels_path, result.labels, source, overwrite)
    click.echo(labels_line(written, result.labels, settings.output))
    click.echo(run_line(result))
    if model_path is not None and result.model is not None:
        result.model.save(model_path, overwrite=overwrite)
        click.echo(f"{model_path}: the model")
    if confidence_path is not None and result.model is not None:
        _write_confidence(confidence_path, result.model, source, overwrite, quiet)


@mmtseg.command()
@click.argument("images", type=_path, nargs=-1, required=True, metavar="IMAGE...")
@click.option(
    "-o",
    "model_path",
    type=_path,
    metavar="MODEL",
    required=True,
    help="Model file to write: .safetensors.",
)
@_scribbles
@_axes
@_channel_axis
@_overwrite
@_quiet
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
    _check_makes_model(settings)
    if scribbles_path is not None and len(images) > 1:
        raise InputError(
            f"--scribbles belongs to one image; {len(images)} are given. Give one "
            "image, or use napari_mmtseg.fit in Python."
        )
    sources = [_read(image, channel_axis, axes) for image in images]
    painted = _read_scribbles(scribbles_path)
    model = runs.fit(sources, settings, painted, quiet=quiet)
    model.save(model_path, overwrite=overwrite)
    classes, fitted = count(model.n_labels, "class"), count(len(images), "image")
    click.echo(f"{model_path}: {classes}, fitted to {fitted}")


@mmtseg.command()
@click.argument("model", type=_path)
@_image
@_labels
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
@_confidence
@_axes
@_channel_axis
@_overwrite
@_quiet
def apply(
    model: Path,
    image: Path,
    labels_path: Path,
    n_labels: int | None,
    output: str | None,
    confidence_path: Path | None,
    axes: str | None,
    channel_axis: int | None,
    overwrite: bool,
    quiet: bool,
) -> None:
    """Label IMAGE with the classes of a saved MODEL."""
    _check_labels_path(labels_path, image, overwrite)
    _check_confidence_path(confidence_path, [image, labels_path], overwrite)
    source = _read(image, channel_axis, axes)
    _check_stack(source, labels_path, confidence_path)
    fitted, labels = runs.apply(model, source, n_labels, output, quiet=quiet)
    written = _write(labels_path, labels, source, overwrite)
    click.echo(labels_line(written, labels, output or fitted.settings.output))
    if confidence_path is not None:
        _write_confidence(confidence_path, fitted, source, overwrite, quiet, n_labels)


@mmtseg.command()
@click.option(
    "-o",
    "folder",
    type=_path,
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
@_overwrite
@_quiet
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
    from napari_mmtseg._cli.info import information

    click.echo(information())


mmtseg.command(name="batch")(batch)


def _check_makes_model(settings: SegmentationSettings) -> None:
    from napari_mmtseg.baselines.driving import check_makes_model

    check_makes_model(settings)


def _check_labels_path(path: Path, image: Path, overwrite: bool) -> None:
    from napari_mmtseg.io import LABEL_SUFFIXES

    check_output(path, suffixes=LABEL_SUFFIXES, overwrite=overwrite)
    if path.exists() and image.exists() and path.samefile(image):
        raise InputError(f"{path} is the image itself. Give the labels another name.")


def _check_confidence_path(
    path: Path | None, others: Sequence[Path], overwrite: bool
) -> None:
    from napari_mmtseg.io import CONFIDENCE_SUFFIXES

    if path is None:
        return
    check_output(path, suffixes=CONFIDENCE_SUFFIXES, overwrite=overwrite)
    for other in others:
        if path.resolve() == other.resolve():
            raise InputError(
                f"{path} is the name of the image or of the labels. Give the "
                "confidence another one."
            )


def _read(path: Path, channel_axis: int | None, axes: str | None) -> ImageFile:
    from napari_mmtseg.io import read_image
    from napari_mmtseg.stacks import ImageStack

    source = read_image(path, channel_axis=channel_axis, axes=axes)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # the run says it again
            ImageStack.of(source.array, axes=source.axes)
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    return source


def _check_stack(source: ImageFile, labels: Path, confidence: Path | None) -> None:
    """Refuse for stacks what there is for single images alone."""
    if len(source.label_axes) == 2:
        return
    if labels.suffix.lower() == ".png":
        raise InputError(
            f"{labels} cannot hold the labels of a stack ({source.label_axes}): PNG "
            "has two axes. Write a .tif or .zarr file."
        )
    if confidence is not None:
        raise InputError(
            "--confidence is for one image at a time; this is a stack "
            f"({source.label_axes})."
        )


def _read_scribbles(path: Path | None) -> NDArray[Any] | None:
    if path is None:
        return None
    import numpy as np

    from napari_mmtseg.io import read_image

    array: NDArray[Any] = np.asarray(read_image(path).array)
    return array


def _write(
    path: Path, labels: NDArray[np.int32], source: ImageFile, overwrite: bool
) -> Path:
    """Write labels and return where: a TIFF file if they do not fit in a PNG file."""
    from napari_mmtseg.io import write_labels

    if path.suffix.lower() == ".png" and labels.max() > 65535:
        path = path.with_suffix(".tif")
        click.echo(f"Warning: too many labels for PNG, they go to {path}.", err=True)
    axes = source.label_axes
    write_labels(path, labels, source=source, axes=axes, overwrite=overwrite)
    return path


def _write_confidence(
    path: Path,
    model: MutualMeanTeachingModel,
    source: ImageFile,
    overwrite: bool,
    quiet: bool,
    n_labels: int | None = None,
) -> None:
    from napari_mmtseg.io import write_confidence

    confidence = runs.confidence(model, source, n_labels, quiet=quiet)
    write_confidence(path, confidence, source=source, overwrite=overwrite)
    click.echo(f"{path}: confidence, {confidence.mean():.2f} on average")
