"""Agreement with the truth, for any method on photographs and microscopy.

``python -m benchmarks.quality --data DIR --dataset bsds500 --split val --methods
default,kmeans felzenszwalb:scale=500,min_size=50 --json FILE`` prints a table and
writes every figure. Microscopy is segmented at the true number of classes. One process
works on each core, with one thread each: a time per image is that of one thread.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

import numpy as np

import napari_mmtseg as mm
from benchmarks import runs
from benchmarks.measures import class_scores, photograph_scores
from benchmarks.tables import Record, grouped, headline, markdown_table, mean


def evaluate(task: runs.Task) -> Record:
    """Segment an image once and compare it with its truth."""
    labels, seconds = runs.timed_segmentation(task, task.image.read_image(), task.seed)
    truths = task.image.read_truths()
    record = {"seconds": seconds, "n_labels": len(np.unique(labels))}
    if task.number == "own":
        return record | photograph_scores(labels, truths)
    true_number = task.image.true_number()
    return record | {"true_number": true_number} | class_scores(labels, truths[0])


def pooled_iou(records: Sequence[Record], annotators: str) -> float:
    """Kim's mIoU: the mean over all true segments of all images together."""
    pools = [record["best_iou"][annotators] for record in records]
    return sum(pool["sum"] for pool in pools) / sum(pool["segments"] for pool in pools)


def photograph_table(records: Sequence[Record]) -> str:
    """One row for each method."""
    header = ["method", "accuracy", "mIoU All", "Fine", "Coarse", "boundary F", "VoI"]
    rows = [
        [
            method,
            mean(own, "accuracy"),
            *(pooled_iou(own, annotators) for annotators in ("all", "fine", "coarse")),
            mean(own, "boundary_f"),
            mean(own, "variation_of_information"),
            mean(own, "adjusted_rand"),
            mean(own, "covering"),
            mean(own, "rand_index"),
            mean(own, "n_labels"),
            mean(own, "seconds"),
        ]
        for (method,), own in grouped(records, "method").items()
    ]
    header += ["ARI", "covering", "PRI", "labels", "s/image"]
    return markdown_table(header, rows)


def best_of_each_image(records: Sequence[Record]) -> list[Record]:
    """Return the run of every image and seed that has the largest covering.

    Among cuts of one method at several thresholds it is what a person who chooses the
    cut for every image would get: an upper bound, which looks at the truth.
    """
    return [
        {**max(own, key=lambda run: run["covering"]), "method": "best of each image"}
        for own in grouped(records, "image", "seed").values()
    ]


def class_table(records: Sequence[Record]) -> str:
    """One row for each set and method, and the means over the sets."""
    at_truth = [record for record in records if record["number"] == "true"]
    automatic = [record for record in records if record["number"] == "automatic"]
    header = ["set", "images", "method", "accuracy", "mean IoU"]
    header += ["within one"] * bool(automatic) + ["s/image"]
    guesses = grouped(automatic, "method", "collection")
    rows_of: dict[str, list[list[float]]] = {}
    rows = []
    for (collection, method), own in grouped(at_truth, "collection", "method").items():
        figures = [mean(own, "accuracy"), mean(own, "mean_iou")]
        if automatic:
            figures.append(_within_one(guesses[method, collection]))
        figures.append(mean(own, "seconds"))
        n_images = len({record["image"] for record in own})
        rows.append([collection, n_images, method, *figures])
        rows_of.setdefault(method, []).append(figures)
    for method, of_sets in rows_of.items():
        means = [float(value) for value in np.mean(of_sets, axis=0)]
        rows.append(["mean over sets", None, method, *means])
    return markdown_table(header, rows)


def _within_one(records: Sequence[Record]) -> float:
    close = [abs(run["n_labels"] - run["true_number"]) <= 1 for run in records]
    return float(np.mean(close))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    runs.add_options(parser)
    parser.add_argument(
        "--best",
        action="store_true",
        help="photographs: one more row, of the method with the best covering of each",
    )
    arguments = parser.parse_args(argv)
    try:
        results = runs.run_all("quality", arguments, evaluate, range(arguments.seeds))
    except mm.InputError as error:
        parser.error(str(error))
    print(headline(results, arguments.seeds))
    records = results["runs"]
    if arguments.dataset != "bsds500":
        print(class_table(records))
    else:
        chosen = best_of_each_image(records) if arguments.best else []
        print(photograph_table([*records, *chosen]))


if __name__ == "__main__":
    main()
