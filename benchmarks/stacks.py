"""Stacks: speed, the same classes everywhere, and one model against many.

``python -m benchmarks.stacks --data DIR --threads 2`` measures

- slices per second of a 200 x 512 x 512 stack after its model is fitted, and of one
  whose classes are textures,
- class consistency: the fraction of pixels that keep their class from one slice to the
  next, by each of the three modes and by slices that know nothing of each other, beside
  the rate at which the truth itself keeps its classes (``microscopy/vol_ovule``, whose
  truth are cells: its classes are walls, within a pixel of a border between cells, and
  what is inside),
- the same for time series with a known truth, made of images of ``dsb2018_fluo``: the
  field of view drifts, the dye bleaches and the noise is new in every frame,
- folders of separate images: the adjusted Rand index of a model for each image and of
  one model for all, by the normalisation of the images.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import torch
from numpy.typing import NDArray
from skimage import data
from skimage.segmentation import find_boundaries

import napari_mmtseg as mm
from benchmarks.datasets import evenly_spread, labelled_images
from benchmarks.machine import describe_machine
from benchmarks.measures import adjusted_rand, pixel_accuracy
from benchmarks.tables import markdown_table

_FOLDERS = ("dsb2018_fluo", "dsb2018_he", "superalloy", "sandstone_xct")


def film(n: int = 200, side: int = 512) -> NDArray[np.uint8]:
    """Return a photograph that scikit-image bundles, moved and made noisy n times."""
    rng = np.random.default_rng(0)
    image = data.camera()[:side, :side].astype(np.int16)
    slices = [np.roll(image, i, 1) + rng.normal(0, 4, image.shape) for i in range(n)]
    return np.clip(slices, 0, 255).astype(np.uint8)


def textures(n: int) -> NDArray[np.uint8]:
    """Return two textures that scikit-image bundles, side by side, moved n times."""
    image = np.concatenate([data.brick()[:, :256], data.grass()[:, 256:]], axis=1)
    return np.stack([np.roll(image, 3 * i, 0) for i in range(n)])


def series(
    image: NDArray[Any], truth: NDArray[Any], n: int = 12, drift: int = 2
) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Return a time series made of one image, and its truth.

    Every frame, of 256 x 256 pixels at most, is `drift` pixels further to the right and
    half as many further down, 3 % darker, and has new noise.
    """
    rng = np.random.default_rng(0)
    height, width = (min(s - n * drift, 256) for s in image.shape)
    frames, truths = [], []
    for i in range(n):
        top, left = i * drift // 2, i * drift
        at = (slice(top, top + height), slice(left, left + width))
        frames.append(image[at] * 0.97**i + rng.normal(0, 2, (height, width)))
        truths.append(truth[at] > 0)
    return np.clip(frames, 0, 255).astype(np.uint8), np.stack(truths)


def slices_per_second(stack: NDArray[Any]) -> tuple[float, float]:
    """Return the seconds that fitting takes, and the slices per second after it."""
    start = time.perf_counter()
    model = mm.fit(stack)
    fitted = time.perf_counter()
    model.predict(stack)
    return fitted - start, len(stack) / (time.perf_counter() - fitted)


def kept(labels: NDArray[Any]) -> float:
    """Return the fraction of pixels that have the same label in the next slice."""
    return float((labels[1:] == labels[:-1]).mean())


def independent(stack: NDArray[Any], n_labels: int | None) -> NDArray[np.int32]:
    return np.stack([mm.segment(plane, n_labels=n_labels) for plane in stack])


def consistency(folder: Path) -> list[list[Any]]:
    """Compare how often classes and truth change from slice to slice."""
    image = tifffile.imread(folder / "image.tif")
    cells = tifffile.imread(folder / "instances.tif")
    walls = np.stack([find_boundaries(plane, mode="thick") for plane in cells])
    rows: list[list[Any]] = [
        ["truth: cells", "", kept(cells), None],
        ["truth: walls and inside", 2, kept(walls), None],
    ]
    for n_labels in (2, None):
        for name in ("one_model", "slice_by_slice", "volume", "independent"):
            if name == "independent":
                labels = independent(image, n_labels)
            else:
                labels = mm.segment(image, stack=name, n_labels=n_labels)
            rate = adjusted_rand(labels, walls.astype(np.int64))
            rows.append([name, len(np.unique(labels)), kept(labels), rate])
    return rows


def drifting(directory: Path, limit: int = 6) -> list[list[Any]]:
    """Compare how often classes and truth change from frame to frame."""
    every = labelled_images(directory, "microscopy", "all")
    images = [image for image in every if image.collection == "dsb2018_fluo"]
    found: dict[str, list[tuple[float, float]]] = {}
    for image in evenly_spread(images, limit):
        frames, truth = series(image.read_image(), image.read_truths()[0])
        found.setdefault("truth", []).append((kept(truth), 1.0))
        for name in ("one_model", "slice_by_slice", "independent"):
            if name == "independent":
                labels = independent(frames, 2)
            else:
                labels = mm.segment(frames, axes="TYX", stack=name, n_labels=2)
            right = adjusted_rand(labels, truth.astype(np.int64))
            found.setdefault(name, []).append((kept(labels), right))
    return [[name, *np.mean(values, axis=0)] for name, values in found.items()]


def folders(directory: Path) -> list[list[Any]]:
    """Compare a model for each image with one for all."""
    rows = []
    every = labelled_images(directory, "microscopy", "all")
    for name in _FOLDERS:
        images = [image for image in every if image.collection == name]
        pixels = [image.read_image() for image in images]
        truths = [image.read_truths()[0] for image in images]
        n = len(np.unique(np.concatenate([truth.ravel() for truth in truths])))
        at = np.unique(np.linspace(0, len(pixels) - 1, 16).round().astype(int))
        chosen = [pixels[i] for i in at]
        found = {"each": [mm.segment(p, n_labels=n) for p in pixels]}
        for normalization in ("each", "together"):
            model = mm.fit(chosen, n_labels=n, normalization=normalization)
            found[normalization + " all"] = [model.predict(p) for p in pixels]
        indices = [_mean_index(truths, labels) for labels in found.values()]
        right = [_same_classes(truths, labels) for labels in found.values()]
        rows.append([name, len(pixels), *indices, *right])
    return rows


def _mean_index(truths: Sequence[Any], labels: Sequence[Any]) -> float:
    pairs = zip(truths, labels, strict=True)
    return float(np.mean([adjusted_rand(found, t) for t, found in pairs]))


def _same_classes(truths: Sequence[Any], labels: Sequence[Any]) -> float:
    """Return the share of right pixels if a label means one class in all images."""
    truth = np.concatenate([t.ravel() for t in truths])
    return pixel_accuracy(np.concatenate([f.ravel() for f in labels]), truth)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--data", type=Path, help="folder with the benchmark data")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--slices", type=int, default=200)
    given = parser.parse_args(arguments)
    torch.set_num_threads(given.threads)
    print(describe_machine(torch.device("cpu")), end="\n\n")
    fit, rate = slices_per_second(film(given.slices))
    print(
        f"{given.slices} x 512 x 512: {fit:.1f} s to fit, {rate:.1f} slices per second"
    )
    stack = textures(min(given.slices, 40))
    fit, rate = slices_per_second(stack)
    print(f"{len(stack)} x 512 x 512, textures: {fit:.1f} s to fit, {rate:.1f} slices")
    if given.data is None:
        return
    header = ["vol_ovule", "classes", "kept", "ARI to walls"]
    print(
        "\n" + markdown_table(header, consistency(given.data / "microscopy/vol_ovule"))
    )
    header = ["time series of nuclei", "kept", "ARI to nuclei"]
    print("\n" + markdown_table(header, drifting(given.data)))
    header = ["folder", "images", "ARI, a model each", "one model", "together"]
    header += ["right with one meaning, a model each", "one model", "together"]
    print("\n" + markdown_table(header, folders(given.data)))


if __name__ == "__main__":
    main()
