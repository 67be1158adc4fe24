"""Time of a whole segmentation, by preset and size.

``python -m benchmarks.speed`` segments crops of photographs that scikit-image bundles.
The ``paper`` preset is timed over a few steps and multiplied up to its 1000.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
import torch
from skimage import data, transform

import napari_mmtseg as mm
from benchmarks.machine import describe_machine


def seconds(image: np.ndarray, repeats: int, **settings: object) -> float:
    """Median time of `repeats` runs after one that is not counted."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        mm.segment(image, **settings)
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def paper_seconds(image: np.ndarray, n_steps: int) -> float:
    """Time of the paper preset's 1000 steps, from that of `n_steps` and of none."""
    few, more = (seconds(image, 1, preset="paper", n_steps=n) for n in (1, 1 + n_steps))
    total = mm.SegmentationSettings.preset("paper").n_steps
    return few + (more - few) / n_steps * (total - 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="counted runs of each")
    parser.add_argument("--paper-steps", type=int, default=5)
    parser.add_argument("--threads", type=int, help="threads of torch")
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    photograph = data.astronaut()[:321, :481]
    grey = data.camera()
    large = transform.resize(grey, (2048, 2048), preserve_range=True).astype(np.uint8)
    print(describe_machine(torch.device("cpu")))
    print("| image | preset | seconds |")
    print("|---|---|---|")
    for name, image, preset in (
        ("481 x 321 RGB", photograph, "default"),
        ("481 x 321 RGB", photograph, "fast"),
        ("512 x 512 grey", grey, "default"),
        ("2048 x 2048 grey", large, "default"),
    ):
        took = seconds(image, arguments.repeats, preset=preset)
        print(f"| {name} | {preset} | {took:.2f} |", flush=True)
    took = paper_seconds(photograph, arguments.paper_steps)
    print(f"| 481 x 321 RGB | paper | {took:.0f} |")


if __name__ == "__main__":
    main()
