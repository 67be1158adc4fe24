"""How much each cue of a border counts: logistic regression on photographs.

``python -m benchmarks.borders --data DIR`` looks at the regions of every photograph of
the train split, merged to several numbers of regions, and at the share of annotators
that see two neighbours as different segments. It prints the weights of the three
hierarchies that are averaged (``napari_mmtseg.labels.border_probability.WEIGHTS``).
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.datasets import ImageWithTruth, labelled_images
from benchmarks.processes import in_processes
from benchmarks.runs import cores
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.labels.border_probability import (
    CONSTANT,
    WEIGHTS,
    BorderProbability,
    RegionCues,
)
from napari_mmtseg.labels.region_finding import region_hierarchy, small_regions
from napari_mmtseg.labels.region_merging import RegionValues
from napari_mmtseg.labels.regions import sum_by_label

_NUMBERS = (400, 200, 120, 80, 50, 35, 25, 18, 12, 8, 5)
"""Numbers of regions at which borders are looked at."""

_Samples = tuple[dict[str, NDArray[Any]], NDArray[Any], NDArray[Any]]


def samples(image: ImageWithTruth) -> _Samples:
    """Return cues (n,) by name, shares of annotators (n,) and weights of borders."""
    raw = np.moveaxis(image.read_image(), -1, 0)
    normalized = Normalization.fit([raw], "auto").apply(raw)
    basins, merging = region_hierarchy(normalized)
    small = small_regions(merging)
    regions = small[basins]
    whole = RegionCues.measure(normalized, regions)
    truths = [_counts(regions, truth) for truth in image.read_truths()]
    cues: dict[str, list[NDArray[Any]]] = {}
    shares, weights = [], []
    for number in _NUMBERS:
        group = np.zeros(len(whole.sizes), np.intp)
        group[small] = merging.cut(min(number, len(whole.sizes)))
        joined = _joined(whole, group)
        borders = joined.borders
        every = dict.fromkeys([*joined.values, *joined.names], 0.0)
        logarithms = BorderProbability(joined, every).logarithms(borders)
        for name, values in logarithms.items():
            cues.setdefault(name, []).append(values)
        shares.append(_seen(truths, group, borders.first, borders.second))
        ends = [joined.sizes[side] for side in (borders.first, borders.second)]
        weight = np.minimum(*ends) ** 0.25
        weights.append(weight / np.sqrt((weight**2).sum()))
    found = {name: np.concatenate(values) for name, values in cues.items()}
    return found, np.concatenate(shares), np.concatenate(weights)


def _counts(regions: NDArray[Any], truth: NDArray[Any]) -> NDArray[np.float64]:
    """Return how many pixels of every segment every region has, (regions, segments)."""
    segments = np.unique(truth, return_inverse=True)[1].reshape(truth.shape)
    one_hot = segments == np.arange(segments.max() + 1)[:, np.newaxis, np.newaxis]
    return sum_by_label(regions, one_hot.astype(np.float32), int(regions.max()) + 1)[1]


def _joined(cues: RegionCues, group: NDArray[np.intp]) -> RegionCues:
    n = int(group.max()) + 1

    def total(sums: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack([np.bincount(group, s, n) for s in sums.T], axis=1)

    values = {
        name: RegionValues(
            np.bincount(group, old.sizes, n), total(old.sums), old.variance
        )
        for name, old in cues.values.items()
    }
    return RegionCues(values, cues.names, cues.borders.joined(group, n))


def _seen(
    truths: Sequence[NDArray[np.float64]],
    group: NDArray[np.intp],
    first: NDArray[Any],
    second: NDArray[Any],
) -> NDArray[np.float64]:
    """Return the share of pairs of pixels, one of each region, that are divided."""
    divided = np.zeros(len(first))
    for counts in truths:
        table = np.zeros((int(group.max()) + 1, counts.shape[1]))
        np.add.at(table, group, counts)
        share = table / table.sum(axis=1, keepdims=True)
        divided += 1 - (share[first] * share[second]).sum(axis=1)
    return divided / len(truths)


def fit(found: Sequence[_Samples], names: Sequence[str]) -> dict[str, float]:
    """Return the weights of cues in the probability of a border."""
    from sklearn.linear_model import LogisticRegression

    cues = np.stack(
        [np.concatenate([of_image[0][name] for of_image in found]) for name in names],
        axis=1,
    )
    share, weight = (np.concatenate([f[i] for f in found]) for i in (1, 2))
    center, spread = cues.mean(axis=0), cues.std(axis=0)
    twice = np.concatenate([(cues - center) / spread] * 2)
    seen = np.repeat([1, 0], len(share))
    counted = np.concatenate([weight * share, weight * (1 - share)])
    model = LogisticRegression(max_iter=300)
    model.fit(twice, seen, counted / counted.mean())
    weights = model.coef_[0] / spread
    constant = model.intercept_[0] - (weights * center).sum()
    return dict(zip([*names, CONSTANT], [*weights, constant], strict=True))


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="benchmark images")
    parser.add_argument("--limit", type=int, help="photographs, evenly spread")
    parser.add_argument("--processes", type=int, default=cores())
    arguments = parser.parse_args(argv)
    images = labelled_images(arguments.data, "bsds500", "train", arguments.limit)
    found = list(in_processes(samples, images, arguments.processes, 1))
    for weights in WEIGHTS:
        names = [name for name in weights if name != CONSTANT]
        fitted = fit(found, names)
        print({name: round(float(value), 2) for name, value in fitted.items()})


if __name__ == "__main__":
    main()
