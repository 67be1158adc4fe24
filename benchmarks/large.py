"""Time and memory of large images: ``python -m benchmarks.large --threads 2``.

Each size runs in a process of its own. Memory is the highest resident set of that
process less what it held when the image was there and nothing had been segmented yet.
``--zarr 20000`` makes a synthetic image of that side as a zarr array on disk instead
and segments it into another, without ever holding either in memory; ``--folder`` says
where.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import torch
from numpy.typing import NDArray
from skimage import data

import napari_mmtseg as mm
from benchmarks.machine import describe_machine
from benchmarks.tables import markdown_table

_CHUNK = 1024


def tiled(side: int) -> NDArray[np.uint8]:
    """Return a grey image of this side, from a photograph that scikit-image bundles."""
    n = -(-side // 512)
    return np.tile(data.camera(), (n, n))[:side, :side].copy()


def chunk(row: int, column: int) -> NDArray[np.uint8]:
    """Return one chunk of the synthetic image: discs on a changing background."""
    rng = np.random.default_rng((row, column))
    y, x = np.mgrid[:_CHUNK, :_CHUNK]
    shade = 60 + 25 * np.sin((row * _CHUNK + y) / 900) * np.cos(
        (column * _CHUNK + x) / 700
    )
    for _ in range(60):
        cy, cx = rng.uniform(40, _CHUNK - 40, 2)
        radius = rng.uniform(8, 36)
        inside = (y - cy) ** 2 + (x - cx) ** 2 < radius**2
        shade[inside] = rng.choice([130.0, 190.0])
    return np.clip(shade + rng.normal(0, 6, y.shape), 0, 255).astype(np.uint8)


def measured(image: Any, **options: Any) -> dict[str, float]:
    """Segment an image and say how long it took and how much memory."""
    mm.segment(data.camera()[:64, :64])  # what every first run loads
    before = psutil.Process().memory_info().rss
    start = time.perf_counter()
    fitting = time.perf_counter()
    for step in (steps := mm.iter_segment(image, **options)):
        if step.phase == "prediction":
            break
        fitting = time.perf_counter()
    fit = fitting - start
    for _ in steps:
        pass
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"seconds": seconds, "fit": fit, "gigabytes": max(peak - before, 0) / 1e9}


def in_memory(side: int, threads: int) -> dict[str, float]:
    torch.set_num_threads(threads)
    return measured(tiled(side))


def on_disk(side: int, threads: int, folder: Path) -> dict[str, float]:
    import zarr

    torch.set_num_threads(threads)
    shape, chunks = (side, side), (_CHUNK, _CHUNK)
    image = zarr.create_array(
        folder / "image.zarr", shape=shape, chunks=chunks, dtype="u1"
    )
    for row in range(-(-side // _CHUNK)):
        for column in range(-(-side // _CHUNK)):
            at = tuple(
                slice(i * _CHUNK, min((i + 1) * _CHUNK, side)) for i in (row, column)
            )
            part = chunk(row, column)
            image[at] = part[: at[0].stop - at[0].start, : at[1].stop - at[1].start]
    labels = zarr.create_array(
        folder / "labels.zarr", shape=shape, chunks=chunks, dtype="u1"
    )
    result = measured(image, out=labels, memory_share=0.0)
    counts = np.zeros(256, np.int64)
    for row in range(0, side, _CHUNK):
        counts += np.bincount(labels[row : row + _CHUNK].ravel(), minlength=256)
    return {
        **result,
        "classes": int(np.count_nonzero(counts[1:])),
        "without": int(counts[0]),
    }


def _child(arguments: list[str]) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.large", "--child", *arguments]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    if output.returncode:
        raise SystemExit(output.stderr)
    found: dict[str, float] = json.loads(output.stdout.splitlines()[-1])
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--sides", type=int, nargs="+", default=[1024, 2048, 4096, 8192]
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--zarr", type=int, help="side of an image on disk, in pixels")
    parser.add_argument("--folder", type=Path, help="where that goes")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.child:
        if given.zarr:
            result = on_disk(given.zarr, given.threads, given.folder)
        else:
            result = in_memory(given.sides[0], given.threads)
        print(json.dumps(result))
        return
    print(describe_machine(torch.device("cpu"), given.threads), end="\n\n")
    threads = ["--threads", str(given.threads)]
    if given.zarr:
        if given.folder is not None:
            Path(given.folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            side = str(given.zarr)
            r = _child(["--zarr", side, "--folder", folder, *threads])
        print(
            f"{side} x {side} uint8 from zarr to zarr: {r['seconds']:.0f} s, of which "
            f"{r['fit']:.1f} s training; {r['gigabytes']:.2f} GB of memory; "
            f"{r['classes']} classes, {r['without']} pixels without a label"
        )
        return
    rows = []
    for side in given.sides:
        r = _child(["--sides", str(side), *threads])
        rate = side**2 / 1e6 / (r["seconds"] - r["fit"])
        rows.append(
            [
                f"{side} x {side}",
                f"{r['seconds']:.1f}",
                f"{r['fit']:.1f}",
                f"{rate:.1f}",
                f"{r['gigabytes']:.2f}",
            ]
        )
    header = ["uint8", "seconds", "training", "megapixels per second after", "GB"]
    print(markdown_table(header, rows))


if __name__ == "__main__":
    main()
