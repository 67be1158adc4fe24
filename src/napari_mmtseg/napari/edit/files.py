"""Saving the class table and the labels."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path

from napari.utils.notifications import show_info, show_warning
from qtpy.QtWidgets import QFileDialog, QWidget

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import write_atomically
from napari_mmtseg.napari.edit.table import ClassTableModel
from napari_mmtseg.napari.layers.writing import LayerFile
from napari_mmtseg.notices import collected_notices
from napari_mmtseg.objects.measure import ObjectTable
from napari_mmtseg.objects.of_file import write_measurements

_TABLES = "Table (*.csv)"
_LABELS = (
    "OME-TIFF (*.ome.tif);;TIFF (*.tif *.tiff);;PNG (*.png);;OME-Zarr (*.zarr);;"
    "ImageJ ROIs (*.zip);;QuPath (*.geojson)"
)


def save_table(parent: QWidget, layer: Labels, classes: ClassTableModel) -> None:
    """Ask for a file name and write the table as it is shown, names included."""
    path = _ask(parent, "Save table", f"{layer.name}.csv", _TABLES)
    if path is None:
        return
    text = io.StringIO()
    csv.writer(text).writerows(classes.records())
    try:
        # The dialog has asked before it returned the name of an existing file.
        write_atomically(path, text.getvalue().encode(), overwrite=True)
    except InputError as error:
        show_warning(str(error))
    else:
        show_info(f"{len(classes.records()) - 1} classes are saved in {path}.")


def save_measurements(parent: QWidget, layer: Labels, table: ObjectTable) -> None:
    """Ask for a file name and write a table of objects, with units in its header."""
    path = _ask(parent, "Save measurements", f"{layer.name} objects.csv", _TABLES)
    if path is None:
        return
    try:
        write_measurements(path, table, overwrite=True)
    except InputError as error:
        show_warning(str(error))
    else:
        show_info(f"{len(table)} objects are saved in {path}.")


def save_labels(parent: QWidget, layer: Labels) -> Callable[[], str] | None:
    """Ask for a file name; return a function that writes all labels of a layer.

    It is for a thread, and returns a sentence. None if no name is given.
    """
    path = _ask(parent, "Save labels", f"{layer.name}.ome.tif", _LABELS)
    if path is None:
        return None
    content = LayerFile.of(layer)

    def write() -> str:
        with collected_notices() as notices:
            content.write(path)
        return " ".join((f"The labels are saved in {path}.", *notices))

    return write


def _ask(parent: QWidget, title: str, name: str, kinds: str) -> Path | None:
    safe = name.replace("/", "-").replace("\\", "-")
    chosen, kind = QFileDialog.getSaveFileName(parent, title, safe, kinds)
    if not chosen:
        return None
    path = Path(chosen)
    return path if path.suffix else Path(f"{path}{kind.rpartition('*')[2][:-1]}")
