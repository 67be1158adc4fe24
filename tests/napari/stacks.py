"""A stack with a knowable answer, and a core that can be stepped through."""

import time

import numpy as np

import napari_mmtseg as mm
from napari_mmtseg.napari.segment import segment_job
from napari_mmtseg.progress import SegmentationStep
from tests.draining import drain
from tests.napari.driving import QUICK, two_levels

IMAGE, TRUTH = two_levels()
STACK = np.stack([np.roll(IMAGE, 2 * z, axis=1) for z in range(6)])
TRUTHS = np.stack([np.roll(TRUTH, 2 * z, axis=1) for z in range(6)])


def show_slice(viewer, *steps):
    for axis, step in enumerate(steps):
        viewer.dims.set_current_step(axis, step)


class CountedStack:
    """Lazy data that remembers how many pixels were read at once."""

    def __init__(self, stack):
        self._stack = stack
        self.shape, self.dtype, self.ndim = stack.shape, stack.dtype, stack.ndim
        self.read = []

    def __getitem__(self, index):
        part = self._stack[index]
        self.read.append(np.asarray(part).size)
        return part


class Gate:
    """Stands in for the core: training and slices, one step for every opening."""

    def __init__(self, monkeypatch):
        self.shown = []
        self.answers = []
        self.closed = False
        self.n_open = 0
        self.n_done = 0
        monkeypatch.setattr(segment_job, "iter_segment", self._steps)

    def open(self, n=1):
        self.n_open += n

    def _steps(self, image, *, settings, shown, should_cancel, **_):
        self.image = image
        n = len(image)
        training = self._training(settings, shown, should_cancel, n)
        labels = np.zeros(image.shape, np.int32)
        try:
            done = yield from training
            for z in range(n):
                self._wait(should_cancel)
                labels[z] = z + 1
                done = yield SegmentationStep(
                    "prediction", 10, 10, n_labels=2, labels=labels[z], index=(z,),
                    n_done=z + 1, n_slices=n,
                )  # fmt: skip
                self.n_done = z + 1
                self.answers.append(done)
                if done == "stop":
                    break
            _, result = drain(mm.iter_segment(np.eye(16), **QUICK))
        finally:
            self.closed = True
        return mm.SegmentationResult(
            **{**vars(result), "labels": labels, "hierarchy": None,
               "is_partial": z + 1 < n,
               "stop_reason": f"stopped by the user after {z + 1} of {n} slices"}
        )  # fmt: skip

    def _training(self, settings, shown, should_cancel, n):
        for step in range(10):
            self._wait(should_cancel)
            index = shown()
            self.shown.append(index)
            preview = np.full(IMAGE.shape, 20 + step, np.int32)
            answer = yield SegmentationStep(
                "teaching", step, 10, n_labels=9, labels=preview, index=index,
                n_slices=n,
            )  # fmt: skip
            self.answers.append(answer)
            if answer == "stop":
                return answer
        return None

    def _wait(self, should_cancel):
        while not self.n_open:
            if should_cancel():
                raise mm.errors.Cancelled
            time.sleep(0.01)
        self.n_open -= 1
