"""How long objects take: to tell apart, to measure, and how long the window waits.

``python -m benchmarks.objects_speed`` makes an image of 2048 x 2048 pixels with 2,000
nuclei of which many touch, finds them by every method, and measures them in 5 channels,
beside the usual recipe of scikit-image. Under a display, ``--window`` does both in Edit
labels, where a timer of 1 ms ticks.
"""

from __future__ import annotations

import argparse
import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

import napari_mmtseg as mm
from benchmarks.machine import describe_machine
from benchmarks.objects import scikit_image
from benchmarks.tables import markdown_table

SIDE, N, RADIUS = 2048, 2000, 13
CHANNELS = 5


def nuclei(side: int = SIDE, n: int = N) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return the classes and an image of nuclei at random places of a grid."""
    rng = np.random.default_rng(0)
    per_side = int(np.ceil(np.sqrt(n)))
    step = side / per_side
    grid = np.stack(np.divmod(np.arange(n), per_side), axis=1) + 0.5
    centers = grid * step + rng.uniform(-step / 3, step / 3, (n, 2))
    mask = np.zeros((side, side), bool)
    for y, x in centers:
        box = tuple(slice(max(int(c) - 20, 0), min(int(c) + 21, side)) for c in (y, x))
        places = np.ogrid[box]
        mask[box] |= (places[0] - y) ** 2 + (places[1] - x) ** 2 <= RADIUS**2
    image = gaussian_filter(100.0 * mask, 1.5) + rng.normal(20, 3, mask.shape)
    return 1 + mask.astype(np.int32), image.astype(np.float32)


def best(work: Callable[[], Any], repeats: int) -> tuple[float, Any]:
    """Return the least processor time of some runs, and the result.

    With one thread that is the wall time on a machine without other work.
    """
    times = []
    for _ in range(repeats):
        start = time.process_time()
        result = work()
        times.append(time.process_time() - start)
    return min(times), result


def tables(repeats: int) -> str:
    """Return a row for every way to find objects, and one for the measurements."""
    classes, image = nuclei()
    usual, found = best(lambda: scikit_image(0.35, 0.05)(classes == 2), repeats)
    rows = [["scikit-image 0.35, 0.05", int(found.max()), usual, 1.0]]
    for method in ("off", "distance", "intensity", "both"):
        given = None if method in ("off", "distance") else image

        def find(method: str = method, given: Any = given) -> Any:
            options = {"separation": method, "dim_objects": False}
            return mm.find_objects(classes, given, **options)

        seconds, found = best(find, repeats)
        rows.append([method, found.n_objects, seconds, seconds / usual])
    seconds, found = best(lambda: mm.find_objects(classes, image), repeats)
    rows.append(["distance, with dim ones", found.n_objects, seconds, seconds / usual])
    channels = {f"channel_{i}": image for i in range(CHANNELS)}
    seconds, table = best(lambda: mm.measure(found.labels, channels), repeats)
    name = f"table of {len(table.columns)} columns, {CHANNELS} channels"
    rows.append([name, len(table), seconds, seconds / usual])
    return markdown_table(["", "objects", "processor seconds", "of scikit-image"], rows)


def window() -> None:
    """Print how long the window stands still while Edit labels works on nuclei."""
    import napari
    from benchmarks.window import Heartbeat, wait, wait_seconds

    classes, image = nuclei()
    viewer = napari.Viewer()
    for i in range(CHANNELS):
        viewer.add_image(image, name=f"channel {i}", visible=True)
    viewer.add_labels(classes, name="classes")
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Edit labels")
    wait_seconds(2)
    wait(lambda: not panel.is_busy)
    heartbeat = Heartbeat()
    for name in ("separate", "measure"):
        heartbeat.restart()
        start = time.perf_counter()
        panel.buttons[name].click()
        wait(lambda: not panel.is_busy)
        seconds = time.perf_counter() - start
        wait_seconds(1)
        print(f"{name}: {seconds:.1f} s, {heartbeat.summary()}")


def main() -> None:
    """Print the table, or the gaps of the window."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--window", action="store_true")
    options = parser.parse_args()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"{describe_machine(torch.device('cpu'))}; load {load:.1f}")
    if options.window:
        window()
    else:
        print(tables(options.repeats))


if __name__ == "__main__":
    main()
