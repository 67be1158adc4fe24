"""Copy, save and load the settings."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from napari.utils.notifications import show_info, show_warning
from qtpy.QtWidgets import QApplication, QPushButton, QVBoxLayout, QWidget

from napari.layers import Labels
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.area import Area
from napari_mmtseg.napari.layers.label_area import subscript
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.napari.segment.choices import ScribbleChoice
from napari_mmtseg.napari.shared.settings_form import SettingsFiles, SettingsForm
from napari_mmtseg.settings.fields import SegmentationSettings


class SettingsActions(QWidget):
    """Copy as Python, Save settings, Load settings.

    `choose_source` returns the image to segment, or raises InputError.
    """

    def __init__(
        self,
        form: SettingsForm,
        choose_source: Callable[[], LayerSelection],
        scribbles: ScribbleChoice,
    ) -> None:
        super().__init__()
        self._form = form
        self._choose_source = choose_source
        self._scribbles = scribbles
        self.copy_button = QPushButton("Copy as Python")
        self.copy_button.setToolTip(
            "Copy code for napari's console that gives the same labels"
        )
        self.files = SettingsFiles(form)
        self.copy_button.clicked.connect(self.copy_as_python)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.copy_button)
        layout.addWidget(self.files)

    def copy_as_python(self) -> None:
        """Put the code of this run on the clipboard."""
        scribbles = self._scribbles
        if scribbles.is_edits or (
            scribbles.layer is not None and scribbles.learns_elsewhere
        ):
            show_warning(
                "Edits of a result and paint on other slices are not put into code. "
                "Choose a Labels layer with strokes on this slice, or no scribbles."
            )
            return
        try:
            code = as_python(
                self._choose_source(), self._form.settings(), scribbles.layer
            )
        except InputError as error:
            show_warning(str(error))
            return
        clipboard = QApplication.clipboard()
        assert clipboard is not None
        clipboard.setText(code)
        show_info("The code is on the clipboard. Paste it into napari's console.")


def as_python(
    source: LayerSelection,
    settings: SegmentationSettings,
    scribbles: Labels | None = None,
) -> str:
    """Return code that segments the same image of the open viewer alike."""
    arguments = [f'"{settings.preset}"'] if settings.preset != "default" else []
    arguments += [f"{name}={value!r}" for name, value in settings.changes().items()]
    call = ["image"]
    call += [
        f"{k}={v!r}" for k, v in source.naming_for(settings).items() if v is not None
    ]
    image = _image(source)
    name = source.layer_name or source.name
    is_drawn = source.area is not None and bool(source.area.outlines)
    painted = []
    if source.area is not None:
        call.append("area=area")
        painted += _area(source, source.area)
    if scribbles is not None:
        call.append("scribbles=scribbles")
        painted += [f"scribbles = {_painted(source, scribbles)}"]
    call.append("settings=settings")
    return "\n".join(
        [
            *(["import dask.array as da"] if "da.asarray" in image else []),
            *(["from skimage.draw import polygon2mask"] if is_drawn else []),
            "import napari",
            "import numpy as np",
            "import napari_mmtseg as mm",
            "",
            f"layer = napari.current_viewer().layers[{name!r}]",
            f"image = {image}",
            *painted,
            f"settings = mm.SegmentationSettings({', '.join(arguments)})",
            f"labels = mm.segment({', '.join(call)})",
            "",
        ]
    )


def _image(source: LayerSelection) -> str:
    if source.channels:
        rest = source.index[1:]
        index = "" if all(i == slice(None) for i in rest) else subscript(rest)
        each = ", ".join(f"np.asarray({code}{index})" for code in source.channel_code)
        return f"np.stack([{each}])  # {source.axes}"
    data = "layer.data[0]" if source.multiscale else "layer.data"
    is_whole = all(i == slice(None) for i in source.index)
    part = "" if is_whole else subscript(source.index)
    if source.is_one_image or isinstance(source.array, np.ndarray):
        return f"np.asarray({data}{part})  # {source.axes}"
    # Slices of a dask array are not read before they are needed.
    data = data if is_whole else f"da.asarray({data})"
    return f"{data}{part}  # {source.axes}, read while it is segmented"


def _area(source: LayerSelection, area: Area) -> list[str]:
    if area.outlines:
        inverted = "~" if area.is_outside else ""
        outlines = [
            "outlines = [",
            *(f"    {outline.tolist()}," for outline in area.outlines),
            "]",
        ]
        plane = tuple(int(n) for n in source.place.plane)
        each = f"polygon2mask({plane}, np.array(outline)) for outline in outlines"
        return [*outlines, f"area = {inverted}np.any([{each}], axis=0)"]
    return [f"area = {area.code}"]


def _painted(source: LayerSelection, scribbles: Labels) -> str:
    layer = f"napari.current_viewer().layers[{scribbles.name!r}].data"
    layer += "[0]" * scribbles.multiscale
    kept = [
        (index, int(n))
        for index, n, axis in zip(
            source.index, source.array.shape, source.axes.split(), strict=True
        )
        if axis not in ("C", "RGB")
    ]
    chosen = tuple(source.lengths.values())
    if scribbles.data.shape == tuple(n for _, n in kept) != chosen:
        where = subscript(tuple(index for index, _ in kept))
        return f"np.asarray({layer}{where})"
    return f"np.asarray({layer}).reshape({chosen})"
