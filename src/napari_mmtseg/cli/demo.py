"""``mmtseg demo``: a sample of scikit-image segmented, with a picture to look at."""

from __future__ import annotations

import colorsys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from napari_mmtseg.cli.options import PATH, output_options, setting_options
from napari_mmtseg.cli.progress import follow, run_line, run_report
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import check_output
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

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
"""Images that come with scikit-image, by their names in ``skimage.data``."""

_GAP = 12
_GOLDEN_RATIO = 0.618034
_BORDER = (1.0, 0.0, 0.8)
# Okabe and Ito: distinct with any kind of colour vision.
_FEW_COLOURS = (
    (0, 114, 178),
    (230, 159, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (213, 94, 0),
    (240, 228, 66),
    (70, 70, 70),
)


@click.option(
    "-o",
    "folder",
    type=PATH,
    metavar="FOLDER",
    default=Path("mmtseg-demo"),
    show_default=True,
    help="Folder for input.png, labels.tif and side-by-side.png.",
)
@click.option(
    "--image",
    type=click.Choice(SAMPLES),
    default=SAMPLES[0],
    show_default=True,
    help="Image of scikit-image.",
)
@output_options
@setting_options
def demo(
    folder: Path,
    image: str,
    overwrite: bool,
    quiet: bool,
    settings: SegmentationSettings,
) -> None:
    """Segment a real image that comes with scikit-image."""
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

    from napari_mmtseg.cli.image_files import write_labels
    from napari_mmtseg.files.read import ImageFile
    from napari_mmtseg.files.write import write_picture
    from napari_mmtseg.segmentation.of_file import iter_segment_file, provenance_of

    array = getattr(skimage.data, image)()
    axes = "YXS"[: array.ndim]
    source = ImageFile(array, axes, None, (None,) * array.ndim, image)
    height, width = source.shape
    colour = "RGB" if array.ndim == 3 else "grey"
    click.echo(f"{image} of scikit-image: {width} x {height} pixels, {colour}")
    steps = iter_segment_file(source, settings)
    result = follow(steps, run_report, quiet=quiet)
    click.echo(run_line(result))
    write_picture(input_path, array, overwrite=overwrite)
    about = provenance_of(
        "segment", labels_path, {"image": input_path}, settings=settings
    )
    write_labels(labels_path, result.labels, settings.output, source, overwrite, about)
    picture = side_by_side(array, result.labels)
    write_picture(picture_path, picture, overwrite=overwrite)
    click.echo(f"{picture_path}: input, labels and their borders, side by side")
    click.echo(
        f"To see it in napari: napari {input_path} {labels_path}, then right-click the "
        "layer labels and choose Convert to Labels."
    )


def side_by_side(
    image: NDArray[np.uint8], labels: NDArray[np.int32]
) -> NDArray[np.uint8]:
    """Return input, labels in colour and borders over the input as one picture.

    `image` is (Y, X) or (Y, X, 3) uint8, `labels` (Y, X) int32, black for 0; the
    picture is (Y, 3 X + gaps, 3) uint8, white between the three.
    """
    import numpy as np
    from skimage.segmentation import mark_boundaries

    colour = image if image.ndim == 3 else np.stack([image] * 3, axis=-1)
    borders = mark_boundaries(colour, labels, color=_BORDER, mode="inner")
    gap = np.full((len(image), _GAP, 3), 255, np.uint8)
    panels = (
        colour,
        gap,
        np.pad(_palette(int(labels.max())), ((1, 0), (0, 0)))[labels],
        gap,
        np.rint(np.asarray(borders) * 255).astype(np.uint8),
    )
    return np.concatenate(panels, axis=1)


def _palette(n: int) -> NDArray[np.uint8]:
    """Return the colours of the labels 1..n."""
    import numpy as np

    if n <= len(_FEW_COLOURS):
        return np.array(_FEW_COLOURS, np.uint8)
    colours = [
        colorsys.hsv_to_rgb(i * _GOLDEN_RATIO % 1, 0.5 + 0.15 * (i % 3), 0.95)
        for i in range(n)
    ]
    return (np.array(colours) * 255).astype(np.uint8)
