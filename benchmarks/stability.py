"""How much labels change with the seed, and with small changes of the image.

``python -m benchmarks.stability`` takes the arguments of :mod:`benchmarks.quality`. The
figures are adjusted Rand indices: the mean over all pairs of seeds, and with seed 0
between an image and its copy with noise, made brighter, or moved by one pixel.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

import napari_mmtseg as mm
from benchmarks import runs
from benchmarks.measures import adjusted_rand
from benchmarks.tables import Record, grouped, headline, markdown_table, mean

CHANGES = ("noise", "brightness", "shift")


def with_noise(image: NDArray[Any], share: float = 0.01) -> NDArray[Any]:
    """Add Gaussian noise with a deviation of `share` of the image's range."""
    deviation = share * float(np.ptp(image))
    noise = np.random.default_rng(0).normal(0, deviation, image.shape)
    return as_before(image + noise, image)


def brighter(image: NDArray[Any]) -> NDArray[Any]:
    """Multiply by 1.1; what is above the type's range, 1 for floats, is clipped."""
    return as_before(image * 1.1, image)


def as_before(values: NDArray[Any], image: NDArray[Any]) -> NDArray[Any]:
    """Return values clipped and rounded to the data type of the image they are of."""
    if np.issubdtype(image.dtype, np.integer):
        limits = np.iinfo(image.dtype)
        return values.round().clip(limits.min, limits.max).astype(image.dtype)
    return values.clip(None, max(1.0, float(image.max()))).astype(image.dtype)


def agreements(task: runs.Task) -> Record:
    """Segment an image with every seed, and its changed copies with seed 0."""
    image = task.image.read_image()

    def segment(changed: NDArray[Any], seed: int = 0) -> NDArray[Any]:
        return runs.timed_segmentation(task, changed, seed)[0]

    first, seconds = runs.timed_segmentation(task, image, 0)
    others = [segment(image, seed) for seed in range(1, task.seed)]
    record: Record = {"seconds": seconds, "n_labels": len(np.unique(first))}
    pairs = list(combinations([first, *others], 2))
    if pairs:
        record["seeds"] = float(np.mean([adjusted_rand(*pair) for pair in pairs]))
    # Moved by one pixel down and right: the overlap is all but a row and a column.
    record["noise"] = adjusted_rand(segment(with_noise(image)), first)
    record["brightness"] = adjusted_rand(segment(brighter(image)), first)
    record["shift"] = adjusted_rand(segment(image[1:, 1:]), first[1:, 1:])
    return record


def table(records: Sequence[Record]) -> str:
    """One row for each set and method."""
    names = ["seeds"] * all("seeds" in run for run in records) + list(CHANGES)
    header = ["set", "number of labels", "method", *names, "mean of changes"]
    rows = [
        [
            *(collection, number, method),
            *(mean(own, name) for name in names),
            float(np.mean([mean(own, name) for name in CHANGES])),
            mean(own, "seconds"),
        ]
        for (collection, number, method), own in grouped(
            records, "collection", "number", "method"
        ).items()
    ]
    return markdown_table([*header, "s/image"], rows)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    runs.add_options(parser)
    arguments = parser.parse_args(argv)
    try:
        # A run takes all seeds at once: label images are compared, not kept.
        results = runs.run_all("stability", arguments, agreements, [arguments.seeds])
    except mm.InputError as error:
        parser.error(str(error))
    print(headline(results, arguments.seeds))
    print(table(results["runs"]))


if __name__ == "__main__":
    main()
