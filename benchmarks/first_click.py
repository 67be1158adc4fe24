"""How good the first click is: labels without a setting, on images of many kinds.

``python -m benchmarks.first_click --data DIR --json FILE`` segments every set of
``DIR/microscopy``, the coins of scikit-image and composites of its textures with each
of `--methods`: told the true number of classes, automatically, and automatically under
uneven light and under noise. What it is compared with is told the true number.

Sets count alike, however many images they have. Among several methods, the last table
chooses for every set the one that is best on all other sets, and gives its figures on
that set: what the choice is worth on a kind of images that it has not seen.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

import napari_mmtseg as mm
from benchmarks import runs
from benchmarks.datasets import ImageWithTruth, evenly_spread, labelled_images
from benchmarks.measures import mean_iou
from benchmarks.methods import parse_methods
from benchmarks.scripted_images import CHANGES, ChangedImage, scripted_images
from benchmarks.tables import Record, grouped, headline, markdown_table, mean

BASELINES = ("kmeans", "multi_otsu", "gaussian_mixture")

_Figures = dict[str, dict[str, float]]


def evaluate(task: runs.Task) -> Record:
    """Segment an image once and compare it with its truth."""
    labels, seconds = runs.timed_segmentation(task, task.image.read_image(), task.seed)
    (truth,) = task.image.read_truths()
    change = task.image.change if isinstance(task.image, ChangedImage) else ""
    return {
        "change": change,
        "mean_iou": mean_iou(labels, truth),
        "n_labels": len(np.unique(labels)),
        "true_number": len(np.unique(truth)),
        "seconds": seconds,
    }


def tasks(arguments: argparse.Namespace) -> list[runs.Task]:
    """Return the runs of every method: told the number, automatic, and changed."""
    found: list[ImageWithTruth] = [
        *labelled_images(
            arguments.data, "microscopy", arguments.split, arguments.limit
        ),
        *_scripted(arguments.limit),
    ]
    changed = [ChangedImage(image, change) for change in CHANGES for image in found]
    made = []
    for method in parse_methods(arguments.methods):
        kinds = (("true", found), ("automatic", found), ("automatic", changed))
        made += [
            runs.Task(method, image, number, seed)
            for number, images in kinds
            for image in images
            for seed in range(arguments.seeds)
        ]
    for baseline in parse_methods(BASELINES):
        made += [runs.Task(baseline, image, "true", 0) for image in found]
    return made


def _scripted(limit: int | None) -> list[ImageWithTruth]:
    of_set: dict[str, list[ImageWithTruth]] = {}
    for image in scripted_images():
        of_set.setdefault(image.collection, []).append(image)
    return [image for of in of_set.values() for image in evenly_spread(of, limit)]


def figures_of_sets(records: Sequence[Record], method: str) -> _Figures:
    """Return the figures of a method, and of the best baseline, for every set."""
    return {
        collection: _figures(own, method)
        for (collection,), own in grouped(records, "collection").items()
    }


def _figures(records: Sequence[Record], method: str) -> dict[str, float]:
    told = [run for run in records if run["number"] == "true"]
    baselines = {
        name: mean([run for run in told if run["method"] == name], "mean_iou")
        for name in BASELINES
    }
    own = [run for run in records if run["method"] == method]
    automatic = [run for run in own if run["number"] == "automatic"]
    of_change = grouped(automatic, "change")
    plain = of_change[("",)]
    figures = {
        "baseline": max(baselines.values()),
        "told": mean([run for run in own if run["number"] == "true"], "mean_iou"),
        "automatic": mean(plain, "mean_iou"),
        "right": float(
            np.mean([run["n_labels"] == run["true_number"] for run in plain])
        ),
    }
    figures |= {name: mean(of_change[(name,)], "mean_iou") for name in CHANGES}
    return figures | {"seconds": mean(plain, "seconds")}


def table(records: Sequence[Record], method: str) -> str:
    """One row for each set, and the means over sets."""
    figures = figures_of_sets(records, method)
    header = ["set", "images", "best baseline, told", "told", "automatic"]
    header += ["number right", *CHANGES, "s/image"]
    of_set = grouped(records, "collection")
    rows: list[list[object]] = []
    for collection, values in figures.items():
        plain = [run for run in of_set[(collection,)] if not run["change"]]
        n_images = len({run["image"] for run in plain})
        rows.append([collection, n_images, *values.values()])
    means = np.mean([list(values.values()) for values in figures.values()], axis=0)
    rows.append(["mean over sets", None, *map(float, means)])
    return markdown_table(header, rows)


def leave_one_out_table(records: Sequence[Record], methods: Sequence[str]) -> str:
    """For every set, the method that is best on all others, and its figures there."""
    figures = {method: figures_of_sets(records, method) for method in methods}
    header = ["left out", "chosen on the others", "best baseline, told", "told"]
    header += ["automatic", "number right"]
    rows: list[list[object]] = []
    for left_out in figures[methods[0]]:

        def elsewhere(method: str, left_out: str = left_out) -> float:
            others = (v for c, v in figures[method].items() if c != left_out)
            return float(np.mean([v["told"] + v["automatic"] for v in others]))

        chosen = max(methods, key=elsewhere)
        values = figures[chosen][left_out]
        shown = [values[n] for n in ("baseline", "told", "automatic", "right")]
        rows.append([left_out, chosen, *shown])
    means = np.mean([row[2:] for row in rows], axis=0)
    rows.append(["mean over sets", None, *map(float, means)])
    return markdown_table(header, rows)


def parse(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options of a command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    runs.add_common_options(parser, split="all")
    parser.set_defaults(dataset="first click", error=parser.error)
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    arguments = parse(argv)
    try:
        wanted = tasks(arguments)
        results = runs.run_tasks("first_click", arguments, wanted, evaluate)
    except mm.InputError as error:
        arguments.error(str(error))
    print(headline(results, arguments.seeds))
    specs = list(dict.fromkeys(task.method.spec for task in wanted))
    methods = [spec for spec in specs if spec not in BASELINES]
    for method in methods:
        print(f"\n{method}\n\n{table(results['runs'], method)}")
    if len(methods) > 1:
        print(f"\n{leave_one_out_table(results['runs'], methods)}")


if __name__ == "__main__":
    main()
