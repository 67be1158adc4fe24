"""Buttons that take a fitted model elsewhere: to a file, to another image."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from napari.utils.notifications import show_info, show_warning
from qtpy.QtWidgets import QFileDialog, QHBoxLayout, QMenu, QPushButton, QWidget

from napari_mmtseg._layers import Source
from napari_mmtseg._widgets.apply_job import ApplyJob
from napari_mmtseg._widgets.jobs import Job
from napari_mmtseg._widgets.layer_result import LayerResult, result_of
from napari_mmtseg.errors import InputError

if TYPE_CHECKING:
    from napari.components import ViewerModel

__all__ = ["ModelActions"]

_FILES = "Models (*.safetensors)"


class ModelActions(QWidget):
    """Save model, Apply model.

    Parameters
    ----------
    viewer : napari.Viewer
        Whose layers have models.
    choose_source : callable
        Returns the image that a model shall label; may raise InputError.
    start : callable
        Starts a job.

    Attributes
    ----------
    save_button, apply_button : QPushButton
        Both open a menu of models.
    """

    def __init__(
        self,
        viewer: ViewerModel,
        choose_source: Callable[[], Source],
        start: Callable[[Job], None],
    ) -> None:
        super().__init__()
        self._viewer = viewer
        self._choose_source = choose_source
        self._start = start
        self.save_button = QPushButton("Save model")
        self.save_button.setToolTip("Write the model of a layer to a file")
        self.apply_button = QPushButton("Apply model")
        self.apply_button.setToolTip(
            "Label the chosen image with the classes of another; takes seconds"
        )
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        self.menus: dict[str, QMenu] = {}
        for name, button in (("save", self.save_button), ("apply", self.apply_button)):
            menu = QMenu(button)
            button.setMenu(menu)
            menu.aboutToShow.connect(self._fill_menus)
            self.menus[name] = menu
            layout.addWidget(button)
        self._fill_menus()

    def apply_layer(self, layer: Labels) -> None:
        """Label the chosen image with the model and the classes of a layer."""
        result = result_of(layer)
        if result is None or result.model is None:
            show_warning(f"“{layer.name}” has no model.")
            return
        like = shape = None
        if result.can_show(layer.data):
            shaper = result.shaper(layer.data)
            like, shape = shaper.hierarchy, shaper.shape(layer.data)
        appearance = {"colormap": layer.colormap, "features": layer.features.copy()}
        self._apply(result.model, f"“{layer.name}”", like, shape, appearance)

    def apply_file(self) -> None:
        """Ask for a model file and label the chosen image with it."""
        name, _ = QFileDialog.getOpenFileName(self, "Apply model", "", _FILES)
        if not name:
            return
        self._apply(Path(name), Path(name).name)

    def save(self, layer: Labels) -> None:
        """Ask for a file name and write the model of a layer."""
        result = result_of(layer)
        model = None if result is None else result.shown_model(layer.data)
        if model is None:
            show_warning(f"“{layer.name}” has no model.")
            return
        name, _ = QFileDialog.getSaveFileName(
            self, "Save model", f"{layer.name}.safetensors", _FILES
        )
        if not name:
            return
        path = Path(name)
        if not path.suffix:
            path = path.with_suffix(".safetensors")
        try:
            # The dialog has asked whether to replace a file that is there.
            model.save(path, overwrite=True)
        except InputError as error:
            show_warning(str(error))
            return
        show_info(f"{path.name}: the model of “{layer.name}”")

    def _apply(self, *what: Any) -> None:
        try:
            source = self._choose_source()
        except InputError as error:
            show_warning(str(error))
            return
        self._start(ApplyJob(source, *what))

    def _fill_menus(self) -> None:
        layers = [
            layer
            for layer in self._viewer.layers
            if isinstance(layer, Labels) and _model(result_of(layer))
        ]
        for menu, act in (
            (self.menus["save"], self.save),
            (self.menus["apply"], self.apply_layer),
        ):
            menu.clear()
            for layer in layers:
                action = menu.addAction(f"of “{layer.name}”")
                assert action is not None
                action.triggered.connect(lambda _, a=act, of=layer: a(of))
        if not layers:
            nothing = self.menus["save"].addAction("Segment an image first")
            assert nothing is not None
            nothing.setEnabled(False)
        from_file = self.menus["apply"].addAction("from a file…")
        assert from_file is not None
        from_file.triggered.connect(lambda _: self.apply_file())


def _model(result: LayerResult | None) -> bool:
    return result is not None and result.model is not None
