"""How long the window stands still during a run, and how soon Cancel is through.

``python tools/display.py python -m benchmarks.window`` opens a real viewer, in which a
timer of 1 ms ticks; the gaps between ticks are what a user would feel. The first run of
a process loads torch. What napari itself takes to add and to remove a Labels layer is
measured in the same window.
"""

from __future__ import annotations

import argparse
import time

import numpy as np
from qtpy.QtCore import QThreadPool, QTimer
from qtpy.QtWidgets import QApplication
from skimage import data

import napari


class Heartbeat:
    """Remembers the gaps between the ticks of a timer in the window's thread.

    `work` is the processor time of that thread in each: other programs make gaps
    longer, but not this.
    """

    def __init__(self) -> None:
        self.gaps: list[float] = []
        self.work: list[float] = []
        self._last = time.perf_counter(), time.thread_time()
        self._timer = QTimer()
        self._timer.timeout.connect(self._tick)
        self._timer.start(1)

    def _tick(self) -> None:
        now = time.perf_counter(), time.thread_time()
        self.gaps.append(now[0] - self._last[0])
        self.work.append(now[1] - self._last[1])
        self._last = now

    def restart(self) -> None:
        """Forget the gaps so far."""
        self.gaps, self.work = [], []
        self._last = time.perf_counter(), time.thread_time()

    def summary(self) -> str:
        """Return the gaps in words."""
        gaps = np.array(self.gaps) * 1000
        return (
            f"longest gap {gaps.max():5.0f} ms, 99.9% below "
            f"{np.percentile(gaps, 99.9):4.0f} ms, {(gaps > 50).sum()} over 50 ms; "
            f"own work at most {1000 * max(self.work):.0f} ms"
        )


def wait(condition, seconds: float = 300) -> None:
    """Run the event loop until the condition holds."""
    end = time.perf_counter() + seconds
    while not condition() and time.perf_counter() < end:
        QApplication.processEvents()
        time.sleep(0.0005)


def wait_seconds(seconds: float) -> None:
    """Run the event loop for a while."""
    end = time.perf_counter() + seconds
    wait(lambda: time.perf_counter() >= end)


def main() -> None:
    """Print the gaps of two runs and the time that Cancel takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=512, help="of the image, in pixels")
    parser.add_argument("--slices", type=int, default=1, help="of a stack")
    parser.add_argument("--cancels", type=int, default=5)
    arguments = parser.parse_args()
    image = data.immunohistochemistry()
    copies = -(-arguments.side // 512)
    side = arguments.side
    image = np.ascontiguousarray(np.tile(image, (copies, copies, 1))[:side, :side])
    text = f"image {side} x {side} RGB"
    if arguments.slices > 1:
        image = np.stack(
            [np.roll(image, 9 * z, axis=1) for z in range(arguments.slices)]
        )
        text = f"stack of {arguments.slices} slices of {side} x {side} RGB"
    viewer = napari.Viewer()
    viewer.window.resize(1300, 800)
    viewer.add_image(image, rgb=True)
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
    heartbeat = Heartbeat()
    wait_seconds(3)
    heartbeat.restart()
    wait_seconds(2)
    print(f"{text}, default preset")
    print(f"nothing running   {heartbeat.summary()}")
    labels = np.ones(image.shape[:-1], np.int32)
    viewer.layers.remove(viewer.add_labels(labels))  # loads what the first one needs
    wait_seconds(1)
    heartbeat.restart()
    layer = viewer.add_labels(labels)
    wait_seconds(0.5)
    print(f"napari adds       {heartbeat.summary()}")
    heartbeat.restart()
    viewer.layers.remove(layer)
    wait_seconds(0.5)
    print(f"napari removes    {heartbeat.summary()}")
    for name in ("first run", "second run", "third run"):
        panel.choice.layer.value = viewer.layers[0]
        heartbeat.restart()
        panel.run_button.click()
        wait(lambda: not panel.is_running)
        wait_seconds(0.5)
        print(f"{name:17} {heartbeat.summary()}")
    panel.form.widgets["preset"].value = "paper"
    for _ in range(arguments.cancels):
        n_layers = len(viewer.layers)
        panel.run_button.click()
        wait(lambda n=n_layers: len(viewer.layers) > n)
        wait_seconds(0.3)
        start = time.perf_counter()
        panel.cancel_button.click()
        gone = time.perf_counter() - start
        wait(lambda: QThreadPool.globalInstance().activeThreadCount() == 0)
        ended = time.perf_counter() - start
        assert len(viewer.layers) == n_layers
        print(
            f"Cancel (paper preset, full resolution): the layer is gone and the panel "
            f"ready after {gone * 1000:.0f} ms, the thread has ended after "
            f"{ended * 1000:.0f} ms"
        )
    viewer.close()
    # Last: it loads torch, which belongs to the first run.
    import torch

    from benchmarks.machine import describe_machine

    print(describe_machine(torch.device("cpu")))


if __name__ == "__main__":
    main()
