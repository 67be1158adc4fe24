"""Accuracy and mean IoU on labelled microscopy at the true number of classes.

``python -m benchmarks.known_classes --data DIR`` segments every image of the sets in
``DIR/microscopy`` that have ``labels``, with ``n_labels`` set to the number of classes
in them, and compares with k-means on the pixel values at the same number.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import torch
from scipy.cluster.vq import kmeans2, vq
from scipy.optimize import linear_sum_assignment

import napari_mmtseg as mm
from benchmarks.machine import describe_machine


def matched_counts(labels: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, ...]:
    """Contingency table and the one-to-one assignment that matches most pixels."""
    table = np.zeros((labels.max() + 1, truth.max() + 1), np.int64)
    np.add.at(table, (labels.ravel(), truth.ravel()), 1)
    return table, *linear_sum_assignment(table, maximize=True)


def pixel_accuracy(labels: np.ndarray, truth: np.ndarray) -> float:
    """Return matched pixels over all pixels under one-to-one assignment."""
    table, rows, columns = matched_counts(labels, truth)
    return float(table[rows, columns].sum() / labels.size)


def mean_iou(labels: np.ndarray, truth: np.ndarray) -> float:
    """Mean over the true classes of the intersection over union with their match."""
    table, rows, columns = matched_counts(labels, truth)
    matched = table[rows, columns]
    union = table.sum(1)[rows] + table.sum(0)[columns] - matched
    iou = np.zeros(table.shape[1])
    iou[columns] = matched / np.maximum(union, 1)
    return float(iou[np.unique(truth)].mean())


def k_means(image: np.ndarray, n_labels: int, seed: int) -> np.ndarray:
    pixels = image.reshape(image.shape[0] * image.shape[1], -1).astype(np.float32)
    rng = np.random.default_rng(seed)
    sample = pixels[rng.choice(len(pixels), min(len(pixels), 20_000), replace=False)]
    centres, _ = kmeans2(sample, n_labels, iter=30, minit="++", rng=rng)
    return vq(pixels, centres)[0].reshape(image.shape[:2]) + 1


def labelled_images(folder: Path) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    for path in sorted((folder / "images").iterdir()):
        image = iio.imread(path)
        image = image[..., :3] if image.ndim == 3 else image
        yield path.stem, image, iio.imread(folder / "labels" / f"{path.stem}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="benchmark images")
    parser.add_argument("--preset", default="default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--limit", type=int, help="images of each set")
    parser.add_argument("--threads", type=int, help="threads of torch")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)

    def mmt(image: np.ndarray, n_labels: int, seed: int) -> np.ndarray:
        return mm.segment(image, n_labels=n_labels, seed=seed, preset=arguments.preset)

    methods: dict[str, Callable[..., np.ndarray]] = {
        arguments.preset: mmt,
        "k-means": k_means,
    }
    print(describe_machine(torch.device("cpu")))
    print("| set | images | method | accuracy | mean IoU | s/image |")
    print("|---|---|---|---|---|---|")
    for folder in sorted((arguments.data / "microscopy").iterdir()):
        if not (folder / "labels").is_dir():
            continue
        images = list(labelled_images(folder))[: arguments.limit]
        for name, method in methods.items():
            scores = []
            start = time.perf_counter()
            for _, image, truth in images:
                labels = method(image, len(np.unique(truth)), arguments.seed)
                scores.append((pixel_accuracy(labels, truth), mean_iou(labels, truth)))
            seconds = (time.perf_counter() - start) / len(images)
            accuracy, iou = np.mean(scores, axis=0)
            print(
                f"| {folder.name} | {len(images)} | {name} | {accuracy:.3f} "
                f"| {iou:.3f} | {seconds:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
