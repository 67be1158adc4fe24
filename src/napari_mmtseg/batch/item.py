"""One image of a batch: read, label, write; in any process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from napari_mmtseg.batch.plan import BatchItem
from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.errors import Cancelled, InputError
from napari_mmtseg.files.provenance import Provenance
from napari_mmtseg.files.read import ImageFile, read_image
from napari_mmtseg.files.write import check_labels_fit, check_labels_path, write_labels
from napari_mmtseg.labels.regions import pixels_by_label
from napari_mmtseg.notices import collected_notices
from napari_mmtseg.objects.of_file import measure_file, write_measurements
from napari_mmtseg.progress import drain
from napari_mmtseg.segmentation.of_file import (
    iter_apply_file,
    iter_segment_file,
    load_changed,
    provenance_of,
)
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
    channels: tuple[int, ...] | None = None

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
    error, is_read = "", False
    try:
        with collected_notices() as notices:
            image = _read(task)
            is_read = True
            remarks = " ".join(notices)
            labels, classes, about = _labels(image, task, should_cancel)
        write_labels(
            item.labels,
            labels,
            source=image,
            axes=image.label_axes,
            ome=True,
            provenance=about,
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
        return BatchRecord(
            item, "failed", seconds, error=error, is_unreadable=not is_read
        )
    shape = tuple(int(n) for n in labels.shape)
    return BatchRecord(item, "done", seconds, n_labels, shape, pixels, remarks)


def _read(task: BatchTask) -> ImageFile:
    item = task.item
    image = read_image(
        item.image,
        channel_axis=task.channel_axis,
        axes=task.axes,
        series=task.series,
        channels=task.channels,
    )
    check_labels_path(item.labels, overwrite=True)
    check_labels_fit(item.labels, image.label_axes)
    return image


def _labels(
    image: ImageFile, task: BatchTask, should_cancel: Callable[[], bool] | None
) -> tuple[Any, NDArray[Any] | None, Provenance]:
    """Return the labels, if they are objects the class of each, and provenance."""
    reading = {
        "axes": task.axes,
        "channel_axis": task.channel_axis,
        "series": task.series,
        "channels": task.channels,
    }
    files = {"image": task.item.image, "model": task.model}
    path, settings = task.item.labels, task.settings
    if task.model is None:
        steps = iter_segment_file(image, settings, should_cancel=should_cancel)
        result = drain(steps)
        found = result.objects
        about = provenance_of("segment", path, files, settings=settings, **reading)
        return result.labels, None if found is None else found.classes, about
    free = {n: getattr(settings, n) for n in FREE_SETTINGS if n != "n_labels"}
    model = _model(task.model, task.stamp, tuple(free.items()))
    n_labels = settings.n_labels
    if n_labels == model.settings.n_labels:
        n_labels = None  # the classes of the model itself, not merged ones
    about = provenance_of(
        "apply", path, files, settings=free, n_labels=n_labels, **reading
    )
    if settings.output == "objects":
        spacing = image.spacing_for(settings.object_unit)
        finding = model.iter_objects(
            image.array, n_labels, axes=image.axes, spacing=spacing
        )
        objects = drain(finding, should_cancel)
        return objects.labels, objects.classes, about
    return drain(iter_apply_file(image, model, n_labels), should_cancel), None, about


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
def _model(path: Path, stamp: str, free: tuple[tuple[str, Any], ...]) -> Any:
    return load_changed(path, dict(free))


def _counts(labels: NDArray[Any], task: BatchTask) -> tuple[dict[int, int], int]:
    """Return pixels by label, for labels that are classes, and the number of labels."""
    pixels = pixels_by_label(labels)
    unlabelled = pixels.pop(0, 0)
    n_labels = len(pixels) + bool(unlabelled and task.settings.background != "none")
    if task.settings.output != "classes" and n_labels > _MOST_COUNTED:
        return {}, n_labels
    return pixels, n_labels
