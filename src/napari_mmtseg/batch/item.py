"""One image of a batch: read, label, write; in any process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.batch.plan import BatchItem
from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.errors import Cancelled, InputError
from napari_mmtseg.files.read import ImageFile, read_image
from napari_mmtseg.files.write import check_labels_fit, check_labels_path, write_labels
from napari_mmtseg.labels.regions import count_values
from napari_mmtseg.notices import collected_notices
from napari_mmtseg.objects.of_file import measure_file, write_measurements
from napari_mmtseg.progress import drain
from napari_mmtseg.segmentation.segment import iter_segment
from napari_mmtseg.settings.fields import OBJECT_SETTINGS, SegmentationSettings

FREE_SETTINGS = (
    "n_labels",
    "output",
    "min_region_size",
    "tile_size",
    "memory_share",
    *OBJECT_SETTINGS,
)
"""Settings that a fitted model leaves open."""

_MOST_COUNTED = 256
"""Labels up to which pixels are counted by label: classes, not regions."""


@dataclass(frozen=True)
class BatchTask:
    """One image to label; small, so that it travels to any process."""

    item: BatchItem
    settings: SegmentationSettings
    model: Path | None = None
    stamp: str = ""
    axes: str | None = None
    channel_axis: int | None = None
    table: Path | None = None
    series: int | None = None

    @property
    def name(self) -> str:
        """The name of the image."""
        return self.item.name


def label_item(
    task: BatchTask, should_cancel: Callable[[], bool] | None = None
) -> BatchRecord:
    """Label one image and write its labels; a bad image is reported, not raised."""
    start = time.perf_counter()
    item = task.item
    error = ""
    try:
        with collected_notices() as notices:
            image = _read(task)
            remarks = " ".join(notices)
            labels, classes = _labels(image, task, should_cancel)
        write_labels(
            item.labels,
            labels,
            source=image,
            axes=image.label_axes,
            ome=True,
            overwrite=True,
        )
        pixels, n_labels = _counts(labels, task)
        if task.table is not None and n_labels:
            _measure(labels, classes, image, task)
    except Cancelled:
        raise
    except MemoryError:
        error = "Memory ran out."
    except InputError as failure:
        error = str(failure)
    except Exception as failure:
        error = f"{type(failure).__name__}: {failure}"
    seconds = time.perf_counter() - start
    if error:
        return BatchRecord(item, "failed", seconds, error=error)
    shape = tuple(int(n) for n in labels.shape)
    return BatchRecord(item, "done", seconds, n_labels, shape, pixels, remarks)


def _read(task: BatchTask) -> ImageFile:
    item = task.item
    image = read_image(
        item.image,
        channel_axis=task.channel_axis,
        axes=task.axes,
        series=task.series,
    )
    check_labels_path(item.labels, overwrite=True)
    check_labels_fit(item.labels, image.label_axes)
    return image


def _labels(
    image: ImageFile, task: BatchTask, should_cancel: Callable[[], bool] | None
) -> tuple[Any, NDArray[Any] | None]:
    """Return the labels, and if they are objects the class of each."""
    spacing = image.spacing_for(task.settings.object_unit)
    if task.model is None:
        steps = iter_segment(
            image.array,
            axes=image.axes,
            spacing=spacing,
            settings=task.settings,
            should_cancel=should_cancel,
        )
        result = drain(steps)
        found = result.objects
        return result.labels, None if found is None else found.classes
    model = _model(task.model, task.stamp, task.settings)
    n_labels = task.settings.n_labels
    if n_labels == model.settings.n_labels:
        n_labels = None  # the classes of the model itself, not merged ones
    if task.settings.output == "objects":
        finding = model.iter_objects(
            image.array, n_labels, axes=image.axes, spacing=spacing
        )
        objects = drain(finding, should_cancel)
        return objects.labels, objects.classes
    labels = model.iter_labels(image.array, n_labels, axes=image.axes)
    return drain(labels, should_cancel), None


def _measure(
    labels: Any, classes: NDArray[Any] | None, image: ImageFile, task: BatchTask
) -> None:
    assert task.table is not None
    volumes = task.settings.stack == "volume"
    table = measure_file(
        labels, image.label_axes, image, classes=classes, volumes=volumes
    )
    task.table.parent.mkdir(parents=True, exist_ok=True)
    write_measurements(task.table, table, overwrite=True)


@lru_cache(maxsize=2)
def _model(path: Path, stamp: str, settings: SegmentationSettings) -> Any:
    from napari_mmtseg.engine.model.fitted import load_model

    model = load_model(path)
    free = {n: getattr(settings, n) for n in FREE_SETTINGS if n != "n_labels"}
    model.settings = model.settings.replace(**free)
    return model


def _counts(labels: NDArray[Any], task: BatchTask) -> tuple[dict[int, int], int]:
    """Return pixels by label, for labels that are classes, and the number of labels."""
    counts = count_values(labels, 1)
    present = np.flatnonzero(counts)
    present = present[present > 0]
    has_background = bool(counts[0]) and task.settings.background != "none"
    n_labels = len(present) + has_background
    if task.settings.output != "classes" and n_labels > _MOST_COUNTED:
        return {}, n_labels
    return {int(label): int(counts[label]) for label in present}, n_labels
