"""Finished slices of a long run on disk: they outlive napari."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import psutil
from numpy.typing import NDArray
from platformdirs import user_data_path

from napari.layers import Layer
from napari_mmtseg.errors import InputError
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.regions import enlarge
from napari_mmtseg.labels.store import new_store
from napari_mmtseg.napari.layers.source import LayerSelection, choose_source
from napari_mmtseg.notices import warn
from napari_mmtseg.progress import SegmentationStep
from napari_mmtseg.settings.fields import SegmentationSettings

LONG = 60.0
"""Seconds after which a run is long: what it has done is offered if it does not end."""

_RECORD = "run.json"


def folder() -> Path:
    """Return the folder of all runs, which need not exist."""
    return user_data_path("napari-mmtseg") / "runs"


class SliceKeeper:
    """Writes finished slices of a run to a folder of its own, for the run's thread.

    Slices are written from the beginning, and the record, without which they are not
    offered, once the run is :data:`LONG`.
    """

    def __init__(self, source: LayerSelection, settings: SegmentationSettings) -> None:
        self._stack = source.as_stack(volumes=settings.stack == "volume")
        self._record = {
            **_identity(source),
            "settings": settings.to_dict(),
            "begun": datetime.now(UTC).isoformat(timespec="seconds"),
            "n_slices": self._stack.n_frames,
        }
        self._path = folder() / f"{_owner()}-{uuid4().hex}"
        self._long_at = time.monotonic() + LONG
        # An image of channels chosen by hand is not found again by its layer.
        self._is_wanted = self._stack.n_frames > 1 and not source.channels
        self._is_recorded = False
        self._n_done = 0

    def keep(self, step: SegmentationStep) -> None:
        """Write the labels of a step if they are those of a finished slice."""
        is_finished = step.n_done > self._n_done and step.labels is not None
        self._n_done = max(self._n_done, step.n_done)
        if not (is_finished and self._is_wanted):
            return
        assert step.labels is not None
        labels = step.labels.astype(np.min_scalar_type(int(step.labels.max(initial=0))))
        try:
            self._path.mkdir(parents=True, exist_ok=True)
            partial = self._path / "partial"
            with partial.open("wb") as file:
                np.save(file, labels, allow_pickle=False)
            partial.replace(self._path / _file_of(step.index))
            if not self._is_recorded and time.monotonic() > self._long_at:
                partial.write_text(json.dumps(self._record), "utf-8")
                partial.replace(self._path / _RECORD)
                self._is_recorded = True
        except OSError as error:
            self.remove()
            warn(
                f"Finished slices are not kept on disk ({error.strerror or error}): "
                "they are lost if napari ends before the run does."
            )

    def leave(self) -> None:
        """Leave what is kept to be offered, unless the run was short or cancelled."""
        if self._is_wanted and self._is_recorded:
            with suppress(OSError):
                self._path.rename(folder() / f"ended-0-{uuid4().hex}")
        else:
            self.remove()

    def remove(self) -> None:
        """Remove what is kept, and keep nothing more; from any thread."""
        self._is_wanted = False
        shutil.rmtree(self._path, ignore_errors=True)


@dataclass(frozen=True)
class KeptRun:
    """The finished slices of a run that did not come to its end."""

    path: Path
    record: dict[str, Any]

    @property
    def n_done(self) -> int:
        """Number of slices that are there."""
        return len(list(self.path.glob("*.npy")))

    @property
    def settings(self) -> SegmentationSettings:
        """Settings of the run."""
        return SegmentationSettings(**self.record["settings"])

    def __str__(self) -> str:
        begun = datetime.fromisoformat(self.record["begun"]).astimezone()
        return (
            f"{self.n_done} of {self.record['n_slices']} slices of "
            f"“{self.record['name']}” are kept from a run of {begun:%Y-%m-%d %H:%M} "
            "that did not end."
        )

    def source_in(self, layers: Iterable[Layer]) -> LayerSelection | None:
        """Return what was segmented if its image is among some layers."""
        area = [
            slice(*self.record["area"][name]) for name in "YX" if self.record["area"]
        ]
        for layer in layers:
            try:
                source = choose_source(
                    layer,
                    self.record["axes"],
                    all_slices=True,
                    crop=(area[0], area[1]) if area else None,
                )
            except InputError:
                continue
            if all(self.record[k] == v for k, v in _identity(source).items()):
                return source
        return None

    def labels(self, stack: ImageStack) -> NDArray[Any]:
        """Return the labels of the stack, 0 in slices that were not done."""
        labels = new_store(stack.shape, np.int32, self.settings.memory_share)
        for index in stack.indices():
            path = self.path / _file_of(index)
            if not path.exists():
                continue
            part = stack.whole(index)
            found = np.load(path, allow_pickle=False)
            labels[stack.place(part)] = enlarge(found, part.shape)
        return labels

    def remove(self) -> None:
        """Remove the slices from the disk."""
        shutil.rmtree(self.path, ignore_errors=True)


def kept_runs() -> list[KeptRun]:
    """Return the runs whose process is gone or that failed, the latest first.

    Slices of short runs, which have no record, are removed.
    """
    runs = [run for path in _abandoned() if (run := _read(path)) is not None]
    return sorted(runs, key=lambda run: str(run.record["begun"]), reverse=True)


def _abandoned() -> Iterator[Path]:
    for path in folder().glob("*-*-*/"):
        pid, created, _ = path.name.split("-", 2)
        try:
            is_alive = int(psutil.Process(int(pid)).create_time()) == int(created)
        except (psutil.Error, ValueError):
            is_alive = False
        if not is_alive:
            yield path


def _read(path: Path) -> KeptRun | None:
    try:
        run = KeptRun(path, json.loads((path / _RECORD).read_text("utf-8")))
        if run.n_done and str(run) and run.settings:
            return run
    except (OSError, ValueError, KeyError, TypeError):
        pass
    shutil.rmtree(path, ignore_errors=True)
    return None


def _identity(source: LayerSelection) -> dict[str, Any]:
    """Return what an image is recognised by, as it comes back from JSON."""
    return {
        "name": source.name,
        "axes": source.axes,
        "shape": [int(n) for n in source.array.shape],
        "dtype": str(source.array.dtype),
        "area": {name: list(ends) for name, ends in source.crop.items()},
    }


def _file_of(index: tuple[int, ...]) -> str:
    """Return the name of the file of a slice."""
    return "-".join(map(str, index)) + ".npy"


def _owner() -> str:
    process = psutil.Process(os.getpid())
    return f"{process.pid}-{int(process.create_time())}"
