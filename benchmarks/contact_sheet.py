"""Images of all kinds beside their truth and what each method makes of them.

``python -m benchmarks.contact_sheet --data DIR --output FILE.png`` draws photographs,
labelled microscopy, coins and composites of textures, some of them under uneven light,
and stained tissue without truth. With ``--shareable`` photographs of scikit-image stand
in for those of BSDS500, which are for research use only, and there are two images of
each microscopy set whose licence lets pictures be passed on. Images with classes are
segmented at their true number, but for the column of the automatic one; everything else
at each method's own. A label has the colour of the true segment that it is assigned to
one to one, and a colour of its own if there is none; without truth, that of the first
method's label.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from skimage import data
from skimage.color import hsv2rgb

import napari_mmtseg as mm
from benchmarks.datasets import labelled_images
from benchmarks.measures import one_to_one
from benchmarks.methods import Method, parse_methods
from benchmarks.scripted_images import ChangedImage, scripted_images
from napari_mmtseg.files.atomic import check_output

COLUMNS = {
    "k-means": "kmeans:n_labels=2",
    "graph-based": "felzenszwalb:scale=700,min_size=1000",
    "Kim et al.": "kim:working_size=160,max_labels=32,n_steps=100",
    "classes": "default",
    "automatic": "default",
    "regions": "default:output=regions",
}
"""Titles and methods of the columns, after input and truth.

The settings are those with the best accuracy on photographs of the train split.
"""

_AUTOMATIC = "automatic"
"""Title of the column whose method is never told the number of classes."""

_SCRIPTED = (
    "coins",
    "disc of grass, brick",
    "halves of brick, gravel",
    "thirds of brick, grass, gravel",
)

_N_PHOTOGRAPHS = 6
_INCHES = 1.6
_COLOURFUL = 20


_FOR_MEASURING_ONLY = ("glands", "phase_contrast")
"""Microscopy sets without a licence, and of the Cell Tracking Challenge."""


def examples(
    folder: Path, shareable: bool = False
) -> list[tuple[str, NDArray[Any], NDArray[Any] | None]]:
    """Return titles, images and truths; of several annotators the middle one."""
    found: list[tuple[str, NDArray[Any], NDArray[Any] | None]] = []
    if shareable:
        found += [
            (name, getattr(data, name)(), None)
            for name in ("astronaut", "coffee", "chelsea")
        ]
    photographs = []
    if not shareable:
        photographs = labelled_images(folder, "bsds500", "val", _N_PHOTOGRAPHS)
    for item in photographs:
        truths = sorted(item.read_truths(), key=lambda truth: len(np.unique(truth)))
        truth = truths[len(truths) // 2]
        found.append((f"photograph {item.name}", item.read_image(), truth))
    microscopy = [
        item
        for item in labelled_images(folder, "microscopy", "val", 1 + shareable)
        if not (shareable and item.collection in _FOR_MEASURING_ONLY)
    ]
    for item in microscopy:
        title = item.collection.replace("_", " ")
        found.append((title, item.read_image(), item.read_truths()[0]))
    scripted = [item for item in scripted_images() if item.name in _SCRIPTED]
    for item in scripted:
        found.append((item.name, item.read_image(), item.read_truths()[0]))
    for item in (scripted[0], microscopy[0]):
        changed = ChangedImage(item, "uneven light")
        title = item.collection.replace("_", " ") + ", uneven light"
        found.append((title, changed.read_image(), changed.read_truths()[0]))
    found.append(("stained tissue", data.immunohistochemistry(), None))
    return found


def colours(n: int) -> NDArray[Any]:
    """Return `n` colours; the first are easy to tell apart."""
    palette = mpl.colormaps["tab20"].colors
    # Strong colours first, their pale partners after them.
    named = np.array([*palette[::2], *palette[1::2]])
    rng = np.random.default_rng(0)
    others = rng.uniform((0, 0.35, 0.45), (1, 0.9, 0.95), (max(n - _COLOURFUL, 0), 3))
    return np.concatenate([named, hsv2rgb(others)])[:n]


def by_size(labels: NDArray[Any]) -> NDArray[Any]:
    """Renumber labels from 0, the largest first."""
    _, inverse, counts = np.unique(labels, return_inverse=True, return_counts=True)
    place = np.empty(len(counts), int)
    place[np.argsort(-counts, kind="stable")] = np.arange(len(counts))
    return place[inverse].reshape(labels.shape)


def coloured_like(labels: NDArray[Any], reference: NDArray[Any]) -> NDArray[Any]:
    """Renumber labels as the segments of `reference` that they are assigned to.

    Parameters
    ----------
    labels, reference : (Y, X) ndarray of int
        Both from 0 without gaps.

    Returns
    -------
    (Y, X) ndarray of int
        Labels that no segment is left for are numbered after those of `reference`.
    """
    table, rows, columns = one_to_one(labels, reference)
    matched = table[rows, columns] > 0
    n_labels, n_segments = table.shape[1], table.shape[0]
    number = np.full(n_labels, -1)
    number[columns[matched]] = rows[matched]
    free = number < 0
    number[free] = n_segments + np.arange(free.sum())
    return number[labels]


def draw(folder: Path, methods: dict[str, Method], shareable: bool = False) -> Figure:
    """Return the whole figure."""
    rows = examples(folder, shareable)
    titles = ["input", "truth", *methods]
    figure = Figure(
        figsize=(_INCHES * len(titles), _INCHES * len(rows)), layout="constrained"
    )
    axes = figure.subplots(len(rows), len(titles), squeeze=False)
    for place, (name, image, truth) in zip(axes, rows, strict=True):
        place[0].imshow(image, cmap="gray")
        place[0].set_ylabel(name, fontsize=8)
        reference = None if truth is None else by_size(truth)
        n_labels = None
        if reference is not None and not name.startswith("photograph"):
            n_labels = int(reference.max()) + 1
        _paint(place[1], reference)
        for axis, (title, method) in zip(place[2:], methods.items(), strict=True):
            told = None if title == _AUTOMATIC else n_labels
            labels = by_size(method(image, n_labels=told))
            if reference is None:
                reference = labels
            _paint(axis, coloured_like(labels, reference))
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=10)
    for axis in axes.flat:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_visible(False)
    return figure


def _paint(axis: Any, numbers: NDArray[Any] | None) -> None:
    if numbers is None:
        axis.text(0.5, 0.5, "none", ha="center", va="center", transform=axis.transAxes)
    else:
        palette = colours(int(numbers.max()) + 1)
        axis.imshow(palette[numbers], interpolation="nearest")


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="benchmark images")
    parser.add_argument("--output", type=Path, required=True, help=".png or .jpg")
    parser.add_argument(
        "--columns",
        nargs="+",
        default=[f"{title}={spec}" for title, spec in COLUMNS.items()],
        metavar="TITLE=SPEC",
        help="one method each",
    )
    parser.add_argument("--shareable", action="store_true", help="without BSDS500")
    parser.add_argument("--dpi", type=int, default=100)
    arguments = parser.parse_args(argv)
    try:
        check_output(arguments.output, suffixes=[".png", ".jpg"], overwrite=True)
        methods = {}
        for column in arguments.columns:
            title, _, spec = column.partition("=")
            (methods[title],) = parse_methods([spec])
        figure = draw(arguments.data, methods, arguments.shareable)
    except mm.InputError as error:
        parser.error(str(error))
    figure.savefig(arguments.output, dpi=arguments.dpi)


if __name__ == "__main__":
    main()
