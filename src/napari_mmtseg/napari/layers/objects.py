"""Objects of a Labels layer: their classes, the images below them, measurements."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from napari.layers import Image, Labels, Layer
from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.editing.undo import LabelEdit
from napari_mmtseg.napari.layers.class_names import INDEX, NAME, class_names
from napari_mmtseg.napari.layers.pixel_measure import pixel_sizes
from napari_mmtseg.napari.layers.result import METADATA
from napari_mmtseg.objects.measure import ObjectTable, measure

OBJECT_CLASSES = "object_classes"

_SPLIT = 1000
"""Numbers that parts of objects may have got by hand."""


def keep_object_classes(layer: Labels, classes: NDArray[Any] | None) -> None:
    """Keep the class of every object, by its label, with the layer; None forgets."""
    if classes is None:
        about = layer.metadata.get(METADATA)
        if isinstance(about, dict):
            about.pop(OBJECT_CLASSES, None)
        return
    layer.metadata.setdefault(METADATA, {})[OBJECT_CLASSES] = [int(c) for c in classes]


def object_classes(layer: Labels) -> NDArray[np.int64] | None:
    """Return the class of every object by its label; None if the layer has others."""
    about = layer.metadata.get(METADATA)
    kept = about.get(OBJECT_CLASSES) if isinstance(about, dict) else None
    if kept is None:
        return None
    classes = np.array(kept, np.int64)
    most = int(np.max(layer.data)) if isinstance(layer.data, np.ndarray) else 0
    if most > 2 * len(classes) + _SPLIT:
        return None  # the layer shows something else by now
    # An object that was painted since has no class.
    return np.pad(classes, (0, max(most + 1 - len(classes), 0)))


def changed_classes(
    layer: Labels, after: NDArray[Any] | None
) -> tuple[Callable[[Labels], None], Callable[[Labels], None]] | None:
    """Return changes back to the classes of now, and to those after an edit.

    None if there are none before and after.
    """
    before = object_classes(layer)
    if before is None and after is None:
        return None
    back, there = (
        partial(keep_object_classes, classes=classes) for classes in (before, after)
    )
    return back, there


def inherited_classes(
    layer: Labels, edit: LabelEdit | None, numbers: Mapping[int, int] | None
) -> NDArray[np.int64] | None:
    """Return the classes of objects after an edit, before it is applied.

    What an edit has made has the class of the object that it was part of; `numbers` is
    the new label of every old one, if whole objects have got others.
    """
    classes = object_classes(layer)
    if classes is None or edit is None:
        return classes
    old, new = edit.old, edit.new
    most = max(int(new.max(initial=0)), *(numbers or {0: 0}).values())
    before = np.pad(classes, (0, max(most + 1 - len(classes), 0)))
    after = before.copy()
    if numbers is None:
        for value in np.setdiff1d(new, np.append(new[new == old], 0)):
            n_now = np.count_nonzero(layer.data == value)
            if n_now == np.count_nonzero(old == value):  # none of it stays elsewhere
                after[value] = before[np.bincount(old[new == value]).argmax()]
        return after
    for value, number in numbers.items():
        # An object that others are merged into keeps its class.
        if number and numbers.get(number) != number:
            after[number] = before[value]
    return after


def images_on(layers: Iterable[Layer], labels: Labels) -> dict[str, Any]:
    """Return the channels of all visible images that lie pixel by pixel on labels."""
    found: dict[str, Any] = {}
    shape = tuple(labels.data.shape)
    for layer in layers:
        if not isinstance(layer, Image) or layer.multiscale or not layer.visible:
            continue
        data, given = layer.data, tuple(layer.data.shape)
        if not _same_place(layer, labels):
            continue
        if layer.rgb and given[:-1] == shape:
            for i, colour in enumerate(("red", "green", "blue")):
                found[f"{layer.name} {colour}"] = data[..., i]
        elif given == shape:
            found[layer.name] = data
    return found


def brightness_on(
    layers: Iterable[Layer], labels: Labels
) -> Callable[[tuple[slice, ...]], NDArray[np.float32]]:
    """Return a function of a part: the mean of the images on labels there.

    Raises InputError if there is no image.
    """
    images = images_on(layers, labels)
    if not images:
        raise InputError(
            f"No visible image lies pixel by pixel on “{labels.name}”. Show the image "
            "that it was made from, or separate by shape."
        )

    def mean(index: tuple[slice, ...]) -> NDArray[np.float32]:
        channels = [np.asarray(i[index], np.float32) for i in images.values()]
        brightness: NDArray[np.float32] = np.mean(channels, axis=0)
        return brightness

    return mean


@dataclass(frozen=True)
class Measuring:
    """All that a thread needs to measure a layer."""

    data: Any
    images: dict[str, Any]
    options: dict[str, Any]
    origin: NDArray[np.float64]
    edges: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        layers: Iterable[Layer],
        labels: Labels,
        *,
        volumes: bool,
        confidence: NDArray[np.float32] | None = None,
    ) -> Measuring:
        """Gather what belongs to a layer; refuse one without its data in one piece."""
        if labels.multiscale:
            raise InputError(
                f"“{labels.name}” is multiscale. Measure a layer of one level: "
                "viewer.add_labels(np.asarray(layer.data[0]))."
            )
        origin, edges = _grid(labels)
        axes, sizes = pixel_sizes(labels)
        units = {s.unit for s, a in zip(sizes, axes, strict=True) if s and a in "ZYX"}
        unit = units.pop() if len(units) == 1 else ""
        scaled = any(abs(s) != 1 for s in labels.scale[-2:])
        options: dict[str, Any] = {
            "classes": object_classes(labels),
            "axes": axes,
            "volumes": volumes,
            "unit": unit or ("scaled units" if scaled else "pixels"),
            "spacing": np.linalg.norm(edges, axis=1).tolist(),
        }
        if confidence is not None and confidence.shape == labels.data.shape:
            options["confidence"] = confidence
        return cls(labels.data, images_on(layers, labels), options, origin, edges)

    def measure(self) -> ObjectTable:
        """Measure every label; for a thread."""
        table = measure(self.data, self.images, **self.options)
        names = [name for name in table.columns if name.startswith("centroid_")]
        n = len(names)
        lengths = np.stack([table.columns[name] for name in names], axis=1)
        pixels = lengths / self.options["spacing"][-n:]
        places = self.origin[-n:] + pixels @ self.edges[-n:, -n:]
        world = dict(zip(names, places.T, strict=True))
        return replace(table, columns={**table.columns, **world})


def show_measurements(layer: Labels, table: ObjectTable) -> None:
    """Put measurements into the features of a layer, where napari's table finds them.

    There is a row for every label; of one in several slices the row is that of the
    first. Names stay. Row i is that of label i, since napari's table takes it for that:
    labels without a pixel, and the background, have an empty one. Only where numbers
    have large gaps there are none.
    """
    frame = pd.DataFrame(dict(zip(table.header, table.columns.values(), strict=True)))
    frame = frame.drop_duplicates("label").rename(columns={"label": INDEX})
    most = int(frame[INDEX].max())
    if most <= 2 * len(frame) + _SPLIT:
        kinds = frame.dtypes
        numbers = range(most + 1)
        frame = frame.set_index(INDEX, drop=False).reindex(numbers)
        frame[INDEX] = numbers
        for name, kind in kinds.items():
            if kind.kind in "iub":
                frame[name] = frame[name].fillna(0).astype(kind)
    names = class_names(layer.features)
    if names:
        frame.insert(1, NAME, [names.get(int(i)) for i in frame[INDEX]])
    layer.features = frame.reset_index(drop=True)


def measured_rows(features: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of features that measurements fill."""
    sizes = [c for c in features if str(c).startswith(("area", "volume"))]
    return features.dropna(subset=sizes[:1])


def _grid(layer: Layer) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the place of the first pixel in the world, and its edges, one a row."""
    origin = np.array(layer.data_to_world(np.zeros(layer.ndim)))
    ends = [layer.data_to_world(step) for step in np.eye(layer.ndim)]
    return origin, np.array(ends) - origin


def _same_place(image: Image, labels: Labels) -> bool:
    n = labels.ndim
    if image.ndim != n:
        return False
    corners = np.array([np.zeros(n), np.ones(n) * 100, np.eye(n)[-1] * 100])
    here, there = (
        np.array([layer.data_to_world(corner) for corner in corners])
        for layer in (image, labels)
    )
    tolerance = 1e-3 * float(np.abs(labels.scale).min())
    return bool(np.allclose(here, there, atol=tolerance))
