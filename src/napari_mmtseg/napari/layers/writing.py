"""Labels layers as files: TIFF, OME-Zarr, ImageJ ROIs, QuPath, a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.outlines import ClassStyle, ObjectClasses
from napari_mmtseg.files.write import write_labels
from napari_mmtseg.files.write_geojson import write_geojson
from napari_mmtseg.files.write_rois import write_rois
from napari_mmtseg.files.write_table import write_table
from napari_mmtseg.napari.layers.class_names import INDEX, class_names
from napari_mmtseg.napari.layers.objects import object_classes
from napari_mmtseg.napari.layers.pixel_measure import pixel_sizes


def write_layer(path: str | Path, layer: Labels) -> None:
    """Write a Labels layer; the ending of the name decides the format.

    An existing file is replaced: dialogs have asked before. Raises InputError if the
    labels do not fit in the format, or the file cannot be written.
    """
    path = Path(path)
    ending = path.suffix.lower()
    data: Any = layer.data[0] if layer.multiscale else layer.data
    axes, sizes = pixel_sizes(layer)
    if ending == ".csv":
        features = layer.features
        if not len(features):
            raise InputError(
                f"“{layer.name}” has no measurements yet. Measure it in Edit labels."
            )
        header = ["label" if c == INDEX else str(c) for c in features.columns]
        rows = features.itertuples(index=False, name=None)
        write_table(path, header, rows, overwrite=True)
    elif ending in (".zip", ".geojson"):
        if ending == ".zip":
            write_rois(path, data, axes=axes, classes=styles(layer), overwrite=True)
            return
        write_geojson(
            path,
            data,
            axes=axes,
            classes=styles(layer),
            measurements=_measurements(layer),
            overwrite=True,
        )
    else:
        write_labels(
            path,
            np.asarray(data),
            axes=axes,
            pixel_sizes=sizes,
            classes=styles(layer) if ending == ".zarr" else None,
            overwrite=True,
        )


def styles(layer: Labels) -> ObjectClasses:
    """Return the class of every object, and names and colours of all classes.

    Of a layer of objects the classes have the colours of a new Labels layer; of others
    labels are the classes, with names and colours as shown.
    """
    classes, names = object_classes(layer), class_names(layer.features)
    if classes is not None:
        colours = Labels(np.zeros((1, 1), int)).colormap
        found = {
            int(c): ClassStyle(f"class {c}", _colour(colours, int(c)))
            for c in np.unique(classes)
            if c
        }
        return ObjectClasses(classes, found)
    values = [int(v) for v in np.unique(np.asarray(layer.data)) if v]
    return ObjectClasses(
        None,
        {
            v: ClassStyle(names.get(v, f"label {v}"), _colour(layer.colormap, v))
            for v in values
        },
    )


def _colour(colormap: Any, value: int) -> tuple[int, int, int]:
    red, green, blue = (round(255 * float(c)) for c in colormap.map(value)[:3])
    return red, green, blue


def _measurements(layer: Labels) -> dict[int, dict[str, float]]:
    features = layer.features
    if INDEX not in features:
        return {}
    numbers = features.select_dtypes("number")
    return {
        int(label): {
            str(name): float(row[name]) for name in numbers.columns if name != INDEX
        }
        for label, row in zip(features[INDEX], numbers.to_dict("records"), strict=True)
    }
