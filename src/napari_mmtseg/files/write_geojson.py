"""Objects as GeoJSON for QuPath: detections with class, colour and measurements."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from napari_mmtseg.files.atomic import check_output, write_atomically
from napari_mmtseg.files.outlines import (
    ObjectClasses,
    Outline,
    axis_position,
    iter_outlines,
)

SUFFIX = ".geojson"


def write_geojson(
    path: str | Path,
    labels: Any,
    *,
    axes: str,
    classes: ObjectClasses | None = None,
    measurements: Mapping[int, Mapping[str, float]] | None = None,
    overwrite: bool = False,
) -> None:
    """Write a feature for every object of every plane, in pixels.

    Parameters
    ----------
    path : path-like
        Ending in .geojson.
    labels : (..., Y, X) array of int
        Objects from 1.
    axes : str
        A letter for each axis; Z and T become the plane in QuPath.
    classes : ObjectClasses, optional
        Class of every object, with names and colours.
    measurements : mapping, optional
        Numbers by label and name.
    overwrite : bool
        Replace an existing file.

    Raises
    ------
    InputError
        If there are no objects, or the file cannot be written.
    """
    path = check_output(path, suffixes=(SUFFIX,), overwrite=overwrite)
    known, measured = classes or ObjectClasses(), measurements or {}
    features = [
        _feature(outline, axes, known, measured.get(outline.label, {}))
        for outline in iter_outlines(labels)
    ]
    collection = {"type": "FeatureCollection", "features": features}
    content = json.dumps(collection, ensure_ascii=False, allow_nan=False).encode()
    write_atomically(path, content, suffixes=(SUFFIX,), overwrite=overwrite)


def _feature(
    outline: Outline, axes: str, classes: ObjectClasses, measured: Mapping[str, float]
) -> dict[str, Any]:
    polygons = [[ring.tolist() for ring in piece] for piece in outline.pieces]
    geometry: dict[str, Any] = {"type": "Polygon", "coordinates": polygons[0]}
    if len(polygons) > 1:
        geometry = {"type": "MultiPolygon", "coordinates": polygons}
    if len(axes) > 2:
        z, t = (axis_position(axes, outline.index, a) for a in "ZT")
        geometry["plane"] = {"c": -1, "z": z, "t": t}
    properties: dict[str, Any] = {
        "objectType": "detection",
        "name": str(outline.label),
        "measurements": {
            name: float(value)
            for name, value in measured.items()
            if math.isfinite(value)
        },
    }
    style = classes.style(outline.label)
    if style is not None:
        properties["classification"] = {"name": style.name}
        if style.color is not None:
            properties["classification"]["color"] = [int(c) for c in style.color]
    return {"type": "Feature", "geometry": geometry, "properties": properties}
