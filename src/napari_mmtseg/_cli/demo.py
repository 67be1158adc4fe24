"""``mmtseg demo``: a real image segmented with nothing but what is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from napari_mmtseg._cli import runs
from napari_mmtseg._cli.results import labels_line, run_line
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import check_output
from napari_mmtseg.settings.fields import SegmentationSettings

__all__ = ["SAMPLES", "run_demo"]

SAMPLES = (
    "immunohistochemistry",
    "coins",
    "astronaut",
    "brick",
    "camera",
    "cat",
    "cell",
    "coffee",
    "grass",
    "gravel",
    "hubble_deep_field",
    "moon",
    "retina",
    "rocket",
)
"""Images that scikit-image brings along, by their names in ``skimage.data``."""


def run_demo(
    folder: Path,
    image_name: str,
    settings: SegmentationSettings,
    *,
    overwrite: bool,
    quiet: bool,
) -> Iterator[str]:
    """Segment a sample, write input, labels and picture, and yield what was done.

    Parameters
    ----------
    folder : Path
        Where the files go; made if it is not there.
    image_name : str
        One of ``SAMPLES``.
    settings : SegmentationSettings
        All settings.
    overwrite : bool
        Replace files that are there.
    quiet : bool
        Show no progress.

    Yields
    ------
    str
        Lines for the user.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"The folder {folder} cannot be made: {error.strerror}."
        ) from error
    names = ("input.png", "labels.tif", "side-by-side.png")
    input_path, labels_path, picture_path = (
        check_output(folder / name, overwrite=overwrite) for name in names
    )
    import skimage.data

    from napari_mmtseg._cli.picture import side_by_side
    from napari_mmtseg.files.read import ImageFile
    from napari_mmtseg.files.write import write_labels, write_picture

    array = getattr(skimage.data, image_name)()
    axes = "YXS"[: array.ndim]
    source = ImageFile(array, axes, None, (None,) * array.ndim, image_name)
    height, width = source.shape
    colour = "RGB" if array.ndim == 3 else "grey"
    yield f"{image_name} of scikit-image: {width} x {height} pixels, {colour}"
    result = runs.segment(source, settings, quiet=quiet)
    picture = side_by_side(array, result.labels)
    write_picture(input_path, array, overwrite=overwrite)
    write_labels(labels_path, result.labels, source=source, overwrite=overwrite)
    write_picture(picture_path, picture, overwrite=overwrite)
    yield run_line(result)
    yield labels_line(labels_path, result.labels, settings.output)
    yield f"{picture_path}: input, labels and their borders, side by side"
    yield (
        f"To see it in napari: napari {input_path} {labels_path}, then right-click the "
        "layer labels and choose Convert to Labels."
    )
