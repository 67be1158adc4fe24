"""Whether labels are wrong where confidence is low, on microscopy.

``python -m benchmarks.confidence --data DIR --dataset microscopy --split val --json
FILE`` segments at the true number of classes. A pixel is wrong if its label is not the
match of its true class, one to one. Of every image the pixels are divided into tenths
by their confidence; figures of a set are means over its images. ``ratio`` is the error
rate of the least confident tenth over that of the more confident half; ``corrected``
the accuracy that is gained if someone corrects the least confident tenth, ``random
tenth`` if any tenth. ``--figure`` draws the error rates, ``--example`` the confidence
of an image that scikit-image bundles.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import napari_mmtseg as mm
from benchmarks import runs
from benchmarks.measures import error_rates, wrong_pixels
from benchmarks.methods import parse_methods
from benchmarks.tables import Record, grouped, headline, markdown_table, mean
from napari_mmtseg.files.atomic import check_output
from napari_mmtseg.settings.presets import PRESETS

GOAL = 5.0
"""How much more frequent errors should be in the lowest tenth than the highest half."""


def evaluate(task: runs.Task) -> Record:
    """Segment an image and look for its errors in the order of confidence."""
    image = task.image.read_image()
    model = mm.fit(
        image,
        preset=task.method.name,
        seed=task.seed,
        n_labels=task.n_labels(),
        **dict(task.method.values),
    )
    labels = model.labels(image)
    start = time.perf_counter()
    confidence = model.confidence(image)
    seconds = time.perf_counter() - start
    wrong = wrong_pixels(labels, task.image.read_truths()[0])
    return {
        "seconds": seconds,
        "error": float(wrong.mean()),
        "errors": error_rates(confidence, wrong).tolist(),
    }


def mean_errors(records: Sequence[Record]) -> NDArray[np.float64]:
    """Return the error rate of every tenth, the mean over images."""
    return np.mean([record["errors"] for record in records], axis=0)


def ratio(errors: NDArray[np.float64]) -> float:
    """Return the error rate of the lowest tenth over that of the highest half."""
    lowest, highest = errors[0], errors[len(errors) // 2 :].mean()
    if not highest:
        return float("inf") if lowest else float("nan")
    return float(lowest / highest)


def ratio_table(records: Sequence[Record]) -> str:
    """One row for each set and method, and one for the mean over sets."""
    header = ["set", "images", "method", "error", "lowest tenth", "highest half"]
    header += ["ratio", f"images with {GOAL:g}", "corrected", "random tenth", "s/image"]
    rows = []
    sets: dict[str, list[tuple[NDArray[np.float64], Sequence[Record]]]] = {}
    for (collection, method), own in grouped(records, "collection", "method").items():
        errors = mean_errors(own)
        n_images = len({record["image"] for record in own})
        # An image without errors in the highest half has them where they should be.
        good = [not ratio(np.array(r["errors"])) < GOAL for r in own]
        row = _figures(errors, float(np.mean(good)), mean(own, "seconds"))
        rows.append([collection, n_images, method, *row])
        sets.setdefault(method, []).append((errors, own))
    for method, found in sets.items():
        errors = np.mean([errors for errors, _ in found], axis=0)
        seconds = float(np.mean([mean(own, "seconds") for _, own in found]))
        row = _figures(errors, None, seconds)
        rows.append(["mean over sets", None, method, *row])
    return markdown_table(header, rows)


def _figures(
    errors: NDArray[np.float64], good: float | None, seconds: float
) -> list[float | None]:
    error, lowest = float(errors.mean()), float(errors[0])
    highest = float(errors[len(errors) // 2 :].mean())
    share = 1 / len(errors)
    gained = [lowest * share, error * share]
    return [error, lowest, highest, ratio(errors), good, *gained, seconds]


def decile_table(records: Sequence[Record]) -> str:
    """Error rate of every tenth, one row for each set and method."""
    rows = [
        [collection, method, *map(float, mean_errors(own))]
        for (collection, method), own in grouped(
            records, "collection", "method"
        ).items()
    ]
    tenths = [f"{10 * i}-{10 * i + 10}%" for i in range(10)]
    return markdown_table(["set", "method", *tenths], rows)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    runs.add_options(parser)
    parser.set_defaults(dataset="microscopy")
    parser.add_argument("--figure", type=Path, help="error rates, .png or .jpg")
    parser.add_argument("--example", type=Path, help="an image, .png or .jpg")
    arguments = parser.parse_args(argv)
    try:
        for path in filter(None, (arguments.figure, arguments.example)):
            check_output(path, suffixes=[".png", ".jpg"], overwrite=True)
        if arguments.dataset != "microscopy" or arguments.automatic:
            raise mm.InputError("Errors need true classes: microscopy, as many as true")
        for method in parse_methods(arguments.methods):
            if method.name not in PRESETS:
                raise mm.InputError(f"{method.spec} has no teachers to be confident.")
        seeds = range(arguments.seeds)
        results = runs.run_all("confidence", arguments, evaluate, seeds)
    except mm.InputError as error:
        parser.error(str(error))
    records = results["runs"]
    print(headline(results, arguments.seeds))
    print(ratio_table(records))
    print()
    print(decile_table(records))
    if arguments.figure is not None or arguments.example is not None:
        # Only pictures need matplotlib.
        from benchmarks.confidence_figures import draw_error_rates, draw_example
    if arguments.figure is not None:
        one = len({record["method"] for record in records}) == 1
        by_set = {
            collection if one else f"{collection} {method}": mean_errors(own)
            for (collection, method), own in grouped(
                records, "collection", "method"
            ).items()
        }
        draw_error_rates(by_set).savefig(arguments.figure, dpi=100)
    if arguments.example is not None:
        draw_example().savefig(arguments.example, dpi=100)


if __name__ == "__main__":
    main()
