"""Labelled images of a folder that is laid out like the benchmark data.

::

    bsds500/images/{train,val,test}/NAME.jpg
    bsds500/groundTruth/{train,val,test}/NAME.mat
    microscopy/SET/images/NAME.*
    microscopy/SET/labels/NAME.png
    microscopy/SET/scribbles/NAME.png     (what a person has painted, if any)

A microscopy set is split in two: images at even places in the order of their names are
``train``, those at odd places ``val``. The split ``all`` is all there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import imageio.v3 as iio
import numpy as np
from numpy.typing import NDArray
from scipy.io import loadmat

from napari_mmtseg import InputError

DATASETS = ("bsds500", "microscopy")
SPLITS = ("train", "val", "test", "all")

_T = TypeVar("_T")


class ImageWithTruth(Protocol):
    """An image and its true segmentations, both made or read only where needed."""

    @property
    def collection(self) -> str:
        """Return the set that the image belongs to."""

    @property
    def name(self) -> str:
        """Return the name of the image in its set."""

    def read_image(self) -> NDArray[Any]:
        """Return the image, (Y, X) or (Y, X, 3)."""

    def read_truths(self) -> list[NDArray[Any]]:
        """Return its true segmentations (Y, X)."""

    def true_number(self) -> int | None:
        """Return the number of true classes; None for photographs."""


@dataclass(frozen=True)
class LabelledImage:
    """Where an image and its truth are; read only where they are needed."""

    collection: str
    name: str
    image_path: Path
    truth_path: Path

    def read_image(self) -> NDArray[Any]:
        """Return the image, (Y, X) or (Y, X, 3)."""
        image = iio.imread(self.image_path)
        return image[..., :3] if image.ndim == 3 else image

    def read_truths(self) -> list[NDArray[Any]]:
        """Return one true segmentation (Y, X) for each annotator."""
        if self.truth_path.suffix == ".mat":
            annotators = loadmat(self.truth_path)["groundTruth"][0]
            return [annotator["Segmentation"][0, 0] for annotator in annotators]
        return [iio.imread(self.truth_path)]

    def read_strokes(self) -> NDArray[Any] | None:
        """Return what a person has painted, (Y, X), 0 unpainted, else class + 1."""
        path = self.image_path.parents[1] / "scribbles" / f"{self.name}.png"
        return iio.imread(path) if path.exists() else None

    def true_number(self) -> int | None:
        """Return the number of classes of a class map; None for photographs."""
        if self.truth_path.suffix == ".mat":
            return None
        return len(np.unique(self.read_truths()[0]))


def evenly_spread(items: list[_T], limit: int | None) -> list[_T]:
    """Return at most `limit` items with the same step between them."""
    if limit is None:
        return items
    return items[:: max(len(items) // limit, 1)][:limit]


def labelled_images(
    data: Path, dataset: str, split: str, limit: int | None = None
) -> list[LabelledImage]:
    """Return the images of a split, at most `limit` of each collection.

    Raises
    ------
    InputError
        If they are not there.
    """
    if dataset == "bsds500":
        images, truths = (data / dataset / kind for kind in ("images", "groundTruth"))
        splits = SPLITS[:-1] if split == "all" else (split,)
        found = [
            [item for s in splits for item in _pairs(dataset, images / s, truths / s)]
        ]
    else:
        halves = {"train": slice(0, None, 2), "val": slice(1, None, 2)}
        if split == "test":
            raise InputError(f"{dataset} has no split test, only train and val.")
        part = halves.get(split, slice(None))
        found = [
            _pairs(labels.parent.name, labels.parent / "images", labels)[part]
            for labels in sorted((data / dataset).glob("*/labels"))
        ]
    chosen = [item for items in found for item in evenly_spread(items, limit)]
    if not chosen:
        raise InputError(
            f"There are no labelled images of {dataset} {split} in {data}."
        )
    return chosen


def _pairs(collection: str, images: Path, truths: Path) -> list[LabelledImage]:
    if not images.is_dir():
        return []
    truth_of = {path.stem: path for path in truths.glob("*.*")}
    return [
        LabelledImage(collection, path.stem, path, truth_of[path.stem])
        for path in sorted(images.iterdir())
        if path.stem in truth_of
    ]
