"""Objects as regions of interest: a zip file for the ROI Manager of ImageJ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from napari_mmtseg.errors import import_extra
from napari_mmtseg.files.atomic import check_output, written_whole
from napari_mmtseg.files.outlines import (
    ObjectClasses,
    Outline,
    axis_position,
    iter_outlines,
)

SUFFIX = ".zip"


def write_rois(
    path: str | Path,
    labels: Any,
    *,
    axes: str,
    classes: ObjectClasses | None = None,
    overwrite: bool = False,
) -> None:
    """Write the outline of every object as a polygon.

    The names are those of object and class, ``0007 nuclei``; the stroke has the colour
    and the group the number of the class. Pieces of an object are polygons of their
    own; ImageJ polygons have no holes.

    Raises
    ------
    InputError
        If there are no objects, roifile is missing or the file cannot be written.
    """
    roifile = import_extra("roifile")
    path = check_output(path, suffixes=(SUFFIX,), overwrite=overwrite)
    known = classes or ObjectClasses()
    rois = [
        roi
        for outline in iter_outlines(labels)
        for roi in _rois(roifile, outline, axes, known)
    ]
    with written_whole(path, overwrite=overwrite) as partial:
        roifile.roiwrite(partial, rois, name=[f"{roi.name}.roi" for roi in rois])


def _rois(
    roifile: Any, outline: Outline, axes: str, classes: ObjectClasses
) -> list[Any]:
    style, label = classes.style(outline.label), outline.label
    stacked = len(axes) > 2
    place = {a.lower(): axis_position(axes, outline.index, a) for a in "CZT"}
    found = []
    for number, (outer, *_) in enumerate(outline.pieces, start=1):
        name = f"{label:04d}"
        if stacked:
            name += "-" + "-".join(str(i + 1) for i in outline.index)
        if len(outline.pieces) > 1:
            name += f".{number}"
        if style is not None:
            name += f" {style.name}".replace("/", "_")
        roi = roifile.ImagejRoi.frompoints(
            outer[:-1], name=name, **(place if stacked else {})
        )
        roi.roitype = roifile.ROI_TYPE.POLYGON
        if stacked and len(axes) == 3:
            roi.position = outline.index[0] + 1
        if style is not None and style.color is not None:
            roi.stroke_color = bytes((255, *style.color))
        if 0 < classes.of(label) < 256 and classes.classes is not None:
            roi.group = classes.of(label)
        found.append(roi)
    return found
