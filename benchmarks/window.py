"""Time of a run in the window over that in a script, and how the window feels.

``python tools/display.py python -m benchmarks.window`` opens a real viewer. First come
the click after the panel has opened, with the time until there are labels, and three
more clicks, each followed by the same call without the panel in the same process. Then
a timer of 1 ms ticks during further runs; the gaps between ticks are what a user would
feel. What napari itself takes to add and to remove a Labels layer is measured in the
same window.
"""

from __future__ import annotations

import argparse
import statistics
import time
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qtpy.QtCore import QEventLoop, QThreadPool, QTimer
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
    """Run the event loop as napari does until the condition holds."""
    loop, timer, end = QEventLoop(), QTimer(), time.perf_counter() + seconds

    def look() -> None:
        if condition() or time.perf_counter() > end:
            loop.quit()

    timer.timeout.connect(look)
    timer.start(5)
    loop.exec()


def wait_seconds(seconds: float) -> None:
    """Run the event loop for a while."""
    end = time.perf_counter() + seconds
    wait(lambda: time.perf_counter() >= end)


def click(viewer: napari.Viewer, panel: Any) -> tuple[float, float]:
    """Return the seconds of a run, and those until it shows labels."""
    shown: list[float] = []
    begin = time.perf_counter()

    def on_inserted(event: Any) -> None:
        shown.append(time.perf_counter() - begin)

    viewer.layers.events.inserted.connect(on_inserted)
    panel.choice.layer.value = viewer.layers[0]
    panel.run_button.click()
    wait(lambda: not panel.is_running)
    seconds = time.perf_counter() - begin
    viewer.layers.events.inserted.disconnect(on_inserted)
    wait_seconds(0.5)
    return seconds, shown[0]


def remove_results(viewer: napari.Viewer) -> None:
    """Leave the image alone in the viewer."""
    while len(viewer.layers) > 1:
        viewer.layers.pop()
    wait_seconds(0.5)


def compare_with_script(viewer: napari.Viewer, panel: Any, image: NDArray[Any]) -> None:
    """Print the times of clicks, and of the same call in the same process."""
    seconds, labels = click(viewer, panel)
    print(f"first click       {seconds:.2f} s, first labels after {labels:.2f} s")
    from napari_mmtseg import segment

    settings = panel.form.settings()
    channels = {} if image.ndim == 2 else {"channel_axis": -1}
    clicks, calls = [], []
    for _ in range(3):
        remove_results(viewer)
        clicks.append(click(viewer, panel))
        begin = time.perf_counter()
        segment(image, settings=settings, **channels)
        calls.append(time.perf_counter() - begin)
    window = statistics.median(seconds for seconds, _ in clicks)
    script = statistics.median(calls)
    labels = statistics.median(labels for _, labels in clicks)
    print(
        f"later clicks      {window:.2f} s, first labels after {labels:.2f} s; "
        f"the same call {script:.2f} s, ratio {window / script:.2f}"
    )
    remove_results(viewer)


def main() -> None:
    """Print times over those of a script, gaps, and the time that Cancel takes."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--side", type=int, default=512, help="of the image, in pixels")
    parser.add_argument("--slices", type=int, default=1, help="of a stack")
    parser.add_argument("--cancels", type=int, default=5)
    parser.add_argument("--image", choices=("tissue", "coins"), default="tissue")
    arguments = parser.parse_args()
    if arguments.image == "coins":
        image, text = data.coins(), "coins, 303 x 384 grey"
    else:
        side = arguments.side
        copies = -(-side // 512)
        image = np.tile(data.immunohistochemistry(), (copies, copies, 1))
        image = np.ascontiguousarray(image[:side, :side])
        text = f"tissue, {side} x {side} RGB"
    if arguments.slices > 1:
        image = np.stack(
            [np.roll(image, 9 * z, axis=1) for z in range(arguments.slices)]
        )
        text = f"stack of {arguments.slices} slices of {text}"
    viewer = napari.Viewer()
    viewer.window.resize(1300, 800)
    viewer.add_image(image)
    wait_seconds(1)
    _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
    print(f"{text}, default preset")
    wait_seconds(3)
    if arguments.slices == 1:
        compare_with_script(viewer, panel, image)
    heartbeat = Heartbeat()
    heartbeat.restart()
    wait_seconds(2)
    print(f"nothing running   {heartbeat.summary()}")
    labels = np.ones(image.shape[: 2 if arguments.slices == 1 else 3], np.int32)
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
