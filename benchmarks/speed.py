"""Time of a whole segmentation, by preset and size, or of methods against the first.

``python -m benchmarks.speed`` segments crops of photographs that scikit-image bundles;
``python -m benchmarks.speed --methods default skimage.felzenszwalb:scale=255 kim`` the
same photograph with every method, in turn. What takes 500 steps or more, as the
``paper`` preset does, is timed over a few and multiplied up.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from skimage import data, transform

import napari_mmtseg as mm
from benchmarks.machine import describe_machine
from benchmarks.methods import Method, device_of, parse_methods
from benchmarks.tables import markdown_table

_GRAPH_BASED = "skimage.felzenszwalb:scale=1000"
_MANY_STEPS = 500
_ENOUGH = 0.5
"""Seconds that the few steps have to take."""


def median_seconds(run: Callable[[], Any], repeats: int) -> float:
    """Median time of `repeats` runs after one that is not counted."""
    times = []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return statistics.median(times[1:])


def method_seconds(
    method: Method, image: np.ndarray, repeats: int, few_steps: int
) -> float:
    """Time of a method; of many steps, from that of one step and of `few_steps` more.

    More than the few are taken where they last no longer than one step's noise.
    """
    n_steps = method.settings().get("n_steps", 0)
    if n_steps < _MANY_STEPS:
        return median_seconds(lambda: method(image), repeats)

    def of_steps(n: int) -> float:
        values = {**dict(method.values), "n_steps": n}
        few = replace(method, values=tuple(values.items()))
        return median_seconds(lambda: few(image), 1)

    one, more = of_steps(1), of_steps(1 + few_steps)
    while more < one + _ENOUGH and few_steps < n_steps // 4:
        few_steps *= 4
        more = of_steps(1 + few_steps)
    return one + (more - one) / few_steps * (n_steps - 1)


def preset_rows(repeats: int, few_steps: int) -> list[list[str]]:
    """Return the time of presets on images of several sizes, and against another.

    The columns: image, preset, seconds, and its time over that of scikit-image's
    graph-based segmentation of the image.
    """
    photograph = data.astronaut()
    small = photograph[:321, :481]
    grey = data.camera()
    large = transform.resize(grey, (2048, 2048), preserve_range=True).astype(np.uint8)
    cases = (
        ("481 x 321 RGB", small, ("default", "fast", "paper")),
        ("512 x 512 RGB", photograph, ("default", "fast")),
        ("512 x 512 tissue", data.immunohistochemistry(), ("default", "fast")),
        ("512 x 512 grey", grey, ("default",)),
        ("2048 x 2048 grey", large, ("default",)),
    )
    rows = []
    for name, image, presets in cases:
        graph_based, *seconds = (
            method_seconds(method, image, repeats, few_steps)
            for method in parse_methods([_GRAPH_BASED, *presets])
        )
        rows += [
            [name, preset, _short(took), _short(took / graph_based)]
            for preset, took in zip(presets, seconds, strict=True)
        ]
    return rows


def method_rows(
    methods: Sequence[Method], repeats: int, few_steps: int, n_busy: int = 0
) -> list[list[str]]:
    """Return the time of methods on a 481 x 321 RGB photograph, and against the first.

    The columns: method, seconds, its time over that of the first, and the other way
    round; with `n_busy`, also its time beside so many busy processes over that alone.
    """
    photograph = data.astronaut()[:321, :481]

    def timed() -> list[float]:
        return [method_seconds(m, photograph, repeats, few_steps) for m in methods]

    seconds = timed()
    first = seconds[0]
    rows = [
        [method.spec, _short(took), _short(took / first), _short(first / took)]
        for method, took in zip(methods, seconds, strict=True)
    ]
    if n_busy:
        with busy_processes(n_busy):
            beside = timed()
        for row, slow, alone in zip(rows, beside, seconds, strict=True):
            row.append(_short(slow / alone))
    return rows


@contextmanager
def busy_processes(n: int) -> Iterator[None]:
    """Let `n` other processes compute in the block, as fast as they can."""
    command = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(command) for _ in range(n)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", nargs="+", metavar="SPEC")
    parser.add_argument("--repeats", type=int, default=5, help="counted runs of each")
    parser.add_argument(
        "--few-steps", type=int, default=5, help="timed of those that take many"
    )
    parser.add_argument("--threads", type=int, help="threads of torch")
    parser.add_argument(
        "--busy",
        type=int,
        default=0,
        metavar="N",
        help="time methods beside N busy processes, too",
    )
    arguments = parser.parse_args(argv)
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    try:
        methods = parse_methods(arguments.methods or ["default"])
    except mm.InputError as error:
        parser.error(str(error))
    print(describe_machine(device_of(methods)))
    timing = arguments.repeats, arguments.few_steps
    if arguments.methods:
        header = ["method", "seconds", "/ first", "first /"]
        if arguments.busy:
            header.append(f"beside {arguments.busy} busy / alone")
        print(markdown_table(header, method_rows(methods, *timing, arguments.busy)))
    else:
        header = ["image", "preset", "seconds", "/ graph-based"]
        print(markdown_table(header, preset_rows(*timing)))


if __name__ == "__main__":
    main()
