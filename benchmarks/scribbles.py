"""What a few painted strokes are worth, against no strokes and a random forest.

``python -m benchmarks.scribbles --data DIR --dataset microscopy --seeds N --json FILE``
paints three short strokes in every true class (:mod:`benchmarks.strokes`), eight in
stained tissue whose nuclei are smaller than regions (:mod:`benchmarks.stained_tissue`),
or takes what a person has painted, and compares what comes back, painted pixels left
out. ``unguided`` has the true number of classes
and the best assignment of its labels to the true classes; the others have to find the
class itself. ``forest`` is a random forest on the same features, which is what
interactive pixel classifiers give; ``forest on regions`` averages its probabilities
over the same regions as ours. The second run starts from the model of the first and has
two more strokes in every class, four in stained tissue, none beside a person's.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import RandomForestClassifier

import napari_mmtseg as mm
from benchmarks import runs
from benchmarks.measures import class_scores, named_scores
from benchmarks.stained_tissue import UNKNOWN, StainedTissue
from benchmarks.strokes import strokes
from benchmarks.tables import Record, grouped, headline, markdown_table, mean
from napari_mmtseg.images.arrays import as_channels_first
from napari_mmtseg.images.features import FeatureBank
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.labels.region_finding import mean_over_cuts, region_cuts
from napari_mmtseg.progress import drain
from napari_mmtseg.segmentation.result import SegmentationResult

METHODS = ("unguided", "forest", "forest on regions", "scribbles", "second run")


def evaluate(task: runs.Task) -> Record:
    """Segment an image without and with strokes, and by a random forest."""
    image = task.image.read_image()
    truth = task.image.read_truths()[0].astype(np.int32)
    truth = np.where(truth == UNKNOWN, -1, truth) + 1
    painted, more = _painted(task.image, truth, task.seed)
    unguided, _ = runs.timed_segmentation(task, image, task.seed)
    forest, averaged = random_forest(image, painted, task.seed)
    first, seconds = _guided(task, image, painted)
    second, seconds_again = _guided(task, image, more, model=first.model)
    free, again = ((p == 0) & (truth > 0) for p in (painted, more))
    record: Record = {"unguided": class_scores(unguided[free], truth[free])}
    for name, labels in (
        ("forest", forest),
        ("forest on regions", averaged),
        ("scribbles", first.labels),
    ):
        record[name] = named_scores(labels[free], truth[free])
    record["second run"] = named_scores(second.labels[again], truth[again])
    record["kept"] = float((first.labels == painted)[painted > 0].mean())
    record["kept again"] = float((second.labels == more)[more > 0].mean())
    return record | {"seconds": seconds, "seconds again": seconds_again}


def _painted(
    image: Any, truth: NDArray[np.int32], seed: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the strokes of the first run and of the second."""
    own = image.read_strokes()
    if own is not None:
        return own.astype(np.int32), own.astype(np.int32)
    numbers = (8, 12) if isinstance(image, StainedTissue) else (3, 5)
    first, second = (strokes(truth - 1, seed, per_class=n) for n in numbers)
    return first, second


def random_forest(
    image: NDArray[Any], painted: NDArray[np.int32], seed: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Classify pixels by their features, alone and on the average over regions."""
    channels = as_channels_first(image)
    normalized = Normalization.fit([channels], "lab").apply(channels)
    _, (features,) = FeatureBank.fit([normalized])
    pixels = features.reshape(len(features), -1).T
    known = painted.ravel() > 0
    forest = RandomForestClassifier(100, random_state=seed)
    forest.fit(pixels[known], painted.ravel()[known])
    probability = forest.predict_proba(pixels).T.reshape(-1, *painted.shape)
    probability = probability.astype(np.float32)
    regions, cuts = region_cuts(normalized)
    averaged = mean_over_cuts(regions, cuts, probability).argmax(0)[regions]
    return forest.classes_[probability.argmax(0)], forest.classes_[averaged]


def _guided(
    task: runs.Task,
    image: NDArray[Any],
    painted: NDArray[np.int32],
    model: mm.MutualMeanTeachingModel | None = None,
) -> tuple[SegmentationResult, float]:
    settings = mm.SegmentationSettings(
        task.method.name, seed=task.seed, **dict(task.method.values)
    )
    start = time.process_time()
    steps = mm.iter_segment(image, scribbles=painted, model=model, settings=settings)
    return drain(steps), time.process_time() - start


def table(records: Sequence[Record]) -> str:
    """One row for each set and method, and the means over the sets."""
    header = ["set", "images", "method", "accuracy", "mean IoU"]
    rows: list[list[Any]] = []
    for (collection,), own in grouped(records, "collection").items():
        n_images = len({record["image"] for record in own})
        rows += [
            [collection, n_images, method, *_scores([own], method)]
            for method in METHODS
        ]
    sets = list(grouped(records, "collection").values())
    rows += [["mean over sets", None, m, *_scores(sets, m)] for m in METHODS]
    return markdown_table(header, rows)


def _scores(sets: Sequence[Sequence[Record]], method: str) -> list[float]:
    return [
        float(np.mean([mean([run[method] for run in own], name) for own in sets]))
        for name in ("accuracy", "mean_iou")
    ]


def times(records: Sequence[Record]) -> str:
    """One row for each set: CPU seconds of both runs, and painted pixels kept."""
    header = ["set", "first run, CPU s", "second run, CPU s", "first / second"]
    rows = [
        [
            collection,
            mean(own, "seconds"),
            mean(own, "seconds again"),
            mean(own, "seconds") / mean(own, "seconds again"),
            min(run["kept"] for run in own),
            min(run["kept again"] for run in own),
        ]
        for (collection,), own in grouped(records, "collection").items()
    ]
    return markdown_table([*header, "painted pixels kept", "kept again"], rows)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    runs.add_options(parser)
    parser.set_defaults(dataset="microscopy", split="all")
    arguments = parser.parse_args(argv)
    if arguments.dataset != "microscopy":
        parser.error("strokes need one true class map: --dataset microscopy")
    if arguments.automatic:
        parser.error("strokes say which classes there are: no --automatic")
    try:
        seeds, more = range(arguments.seeds), [StainedTissue()]
        results = runs.run_all("scribbles", arguments, evaluate, seeds, more)
    except mm.InputError as error:
        parser.error(str(error))
    print(headline(results, arguments.seeds))
    print(table(results["runs"]))
    print()
    print(times(results["runs"]))


if __name__ == "__main__":
    main()
