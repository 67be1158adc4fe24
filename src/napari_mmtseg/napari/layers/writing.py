"""Labels layers as files: TIFF, OME-Zarr, ImageJ ROIs, QuPath, a table."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from napari.utils.colormaps import DirectLabelColormap
from numpy.typing import NDArray

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.outlines import ClassStyle, ObjectClasses
from napari_mmtseg.files.pixel_size import Places
from napari_mmtseg.files.write import write_labels
from napari_mmtseg.files.write_geojson import write_geojson
from napari_mmtseg.files.write_rois import write_rois
from napari_mmtseg.files.write_table import write_table
from napari_mmtseg.napari.layers.class_names import INDEX, class_names
from napari_mmtseg.napari.layers.objects import measured_rows, object_classes
from napari_mmtseg.napari.layers.pixel_measure import is_turned, pixel_sizes, places
from napari_mmtseg.notices import warn


@dataclass(frozen=True)
class LayerFile:
    """All of a Labels layer that goes to a file, for a thread."""

    name: str
    data: Any
    axes: str
    places: Places
    is_turned: bool
    features: Any
    colormap: Any
    classes: NDArray[np.int64] | None

    @classmethod
    def of(cls, layer: Labels) -> LayerFile:
        """Gather what belongs to a layer."""
        data = layer.data[0] if layer.multiscale else layer.data
        classes = object_classes(layer)
        features = layer.features.copy()
        colours = Labels(np.zeros((1, 1), int)) if classes is not None else layer
        axes, _ = pixel_sizes(layer)
        return cls(
            layer.name,
            data,
            axes,
            places(layer),
            is_turned(layer),
            features,
            colours.colormap,
            classes,
        )

    def write(self, path: str | Path) -> None:
        """Write the layer; the ending of the name decides the format.

        An existing file is replaced: dialogs have asked before. Raises InputError if
        the labels do not fit in the format, or the file cannot be written.
        """
        path = Path(path)
        ending = path.suffix.lower()
        if ending == ".csv":
            self._write_features(path)
        elif ending == ".zip":
            write_rois(
                path, self.data, axes=self.axes, classes=self.styles(), overwrite=True
            )
        elif ending == ".geojson":
            write_geojson(
                path,
                self.data,
                axes=self.axes,
                classes=self.styles(),
                measurements=_measurements(self.features),
                overwrite=True,
            )
        else:
            is_styled = ending == ".zarr" or self.has_styles
            write_labels(
                path,
                np.asarray(self.data),
                axes=self.axes,
                pixel_sizes=self.places.sizes,
                positions=self.places.positions,
                classes=self.styles() if is_styled else None,
                overwrite=True,
            )
            if self.is_turned:
                warn(
                    f"{path} holds pixel size and position, but not how “{self.name}” "
                    "is rotated, sheared or mirrored."
                )

    @property
    def has_styles(self) -> bool:
        """Whether classes have names, colours or objects that somebody gave them."""
        chosen = isinstance(self.colormap, DirectLabelColormap)
        return self.classes is not None or chosen or bool(class_names(self.features))

    def styles(self) -> ObjectClasses:
        """Return the class of every object, and names and colours of all classes.

        Classes of objects have the colours of a new Labels layer; other labels are
        their own classes, with names and colours as shown.
        """
        names = class_names(self.features)
        values = np.unique(self.data if self.classes is None else self.classes)
        word = "label" if self.classes is None else "class"
        if self.classes is not None:
            names = {}
        styles = {
            int(v): ClassStyle(
                names.get(int(v), f"{word} {v}"), _colour(self.colormap, int(v))
            )
            for v in values
            if v
        }
        return ObjectClasses(self.classes, styles)

    def _write_features(self, path: Path) -> None:
        if not len(self.features):
            raise InputError(
                f"“{self.name}” has no measurements yet. Measure it in Edit labels."
            )
        header = ["label" if c == INDEX else str(c) for c in self.features.columns]
        rows = measured_rows(self.features).itertuples(index=False, name=None)
        write_table(path, header, rows, overwrite=True)


def _colour(colormap: Any, value: int) -> tuple[int, int, int]:
    red, green, blue = (round(255 * float(c)) for c in colormap.map(value)[:3])
    return red, green, blue


def _measurements(features: Any) -> dict[int, dict[str, float]]:
    if INDEX not in features:
        return {}
    features = measured_rows(features)
    numbers = features.select_dtypes("number").drop(columns=INDEX)
    records = numbers.to_dict("records")
    return {
        int(label): {str(name): float(value) for name, value in row.items()}
        for label, row in zip(features[INDEX], records, strict=True)
    }
