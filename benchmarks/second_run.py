"""Time of a run on strokes, and of the next one that starts from its model.

``python -m benchmarks.second_run --threads 2 --repeats 5`` paints a few strokes on
photographs that scikit-image bundles, and one more for the second run; once from
strokes alone, once on a result that was found without any.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skimage import data

import napari_mmtseg as mm
from benchmarks.machine import describe_machine
from benchmarks.speed import median_seconds
from benchmarks.tables import markdown_table
from napari_mmtseg.progress import drain
from napari_mmtseg.segmentation.result import SegmentationResult


def images() -> dict[str, NDArray[Any]]:
    """Return the images by name."""
    left = np.arange(512) < 256
    return {
        "512 x 512 grey": np.where(left, data.brick(), data.grass()),
        "481 x 321 RGB": data.astronaut()[:321, :481],
    }


def strokes(shape: tuple[int, ...], n: int) -> NDArray[np.int32]:
    """Paint `n` strokes, of two classes in turn, left and right."""
    painted = np.zeros(shape, np.int32)
    height, width = shape
    for i in range(n):
        row = (i // 2 + 1) * height // 6
        column = width // 8 + (i % 2) * width * 5 // 8
        painted[row : row + 3, column : column + 20] = i % 2 + 1
    return painted


def seconds(image: NDArray[Any], guided: bool, repeats: int) -> tuple[float, float]:
    """Return the time of the first run and of one that starts from its model."""
    before = strokes(image.shape[:2], 6) if guided else None
    after = strokes(image.shape[:2], 7)
    results: list[SegmentationResult] = []

    def first() -> None:
        results.append(drain(mm.iter_segment(image, scribbles=before, n_labels=2)))

    def second() -> None:
        model = results[-1].model
        drain(mm.iter_segment(image, scribbles=after, model=model, n_labels=2))

    return median_seconds(first, repeats), median_seconds(second, repeats)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args(argv)
    torch.set_num_threads(arguments.threads)
    rows = []
    for name, image in images().items():
        for kind, guided in (("6 strokes", True), ("no strokes", False)):
            first, second = seconds(image, guided, arguments.repeats)
            rows.append([name, kind, first, second, first / second])
    print(describe_machine(torch.device("cpu"), arguments.threads))
    header = ["image", "first run on", "first run, s", "second run, s", "ratio"]
    print(markdown_table(header, rows))


if __name__ == "__main__":
    main()
