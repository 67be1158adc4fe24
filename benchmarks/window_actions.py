"""Everything that a pair of hands can do to a window of napari and its panels."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any
from unittest.mock import patch

import imageio.v3 as iio
import numpy as np
from magicgui.backends._qtpy.widgets import QFILE_DIALOG_MODES
from magicgui.types import FileDialogMode
from qtpy.QtCore import QItemSelectionModel, QPoint, Qt
from qtpy.QtTest import QTest
from qtpy.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QLineEdit,
    QMessageBox,
    QPushButton,
    QSpinBox,
    QWidget,
)

import napari
from napari.layers import Image, Labels

QUICK = {"n_steps": 6, "warm_start_steps": 3, "max_labels": 8, "working_size": 64}
"""Settings of runs that take a fraction of a second."""

PANELS = ("Segment", "Edit labels", "Batch")

_KEYS = (
    Qt.Key.Key_Return, Qt.Key.Key_Escape, Qt.Key.Key_Tab, Qt.Key.Key_Space,
    Qt.Key.Key_Delete, Qt.Key.Key_1, Qt.Key.Key_2, Qt.Key.Key_Down, Qt.Key.Key_M,
)  # fmt: skip


class Hands:
    """Hands that do one random thing after the other; `log` tells what they did.

    `folder` has tiny images in it and takes what is saved. Without panels they do only
    what napari itself offers.
    """

    def __init__(
        self, rng: np.random.Generator, folder: Path, *, has_panels: bool = True
    ) -> None:
        self._rng = rng
        self._folder = folder
        self.log: list[str] = []
        self.panels: dict[str, Any] = {}
        for name in ("a", "b"):
            iio.imwrite(folder / f"{name}.png", self._pixels((20, 24)))
        self.viewer = self._opened()
        self._actions: dict[Callable[[], str], float] = {
            self._use_widget: 30, self._use_canvas: 8, self._press_key: 4,
            self._open_panel: 5, self._close_panel: 1.5, self._run: 8,
            self._cancel: 1.5, self._stop: 1.5, self._wait: 5, self._select_rows: 5,
            self._add_image: 4, self._add_labels: 2, self._add_other: 1,
            self._remove: 2.5, self._clear: 0.3, self._rename: 1, self._move: 2,
            self._duplicate: 0.7, self._activate: 4, self._edit: 4, self._undo: 2,
            self._place: 1, self._replace_data: 1, self._scroll: 3, self._turn: 1,
            self._choose_folder: 0.5, self._change_theme: 0.4, self._choose_menu: 1.5,
            self._reopen: 0.3,
        }  # fmt: skip
        if not has_panels:
            for action in (
                self._use_widget, self._press_key, self._open_panel, self._close_panel,
                self._run, self._cancel, self._stop, self._select_rows,
                self._choose_folder, self._choose_menu,
            ):  # fmt: skip
                del self._actions[action]

    def act(self) -> None:
        """Do something, and let the window answer."""
        actions = list(self._actions)
        weights = np.array(list(self._actions.values()))
        action = actions[self._rng.choice(len(actions), p=weights / weights.sum())]
        name = action.__name__.strip("_")
        self.log.append(f"{name}…")
        self.log[-1] = f"{name} {action()}"
        self._settle(self._rng.choice([0, 0, 0.005, 0.03]))

    def close(self) -> None:
        """Close the window in the middle of whatever is under way."""
        self.panels.clear()
        self.viewer.close()
        self._settle(0.05)

    def _settle(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        QApplication.processEvents()
        while time.monotonic() < end:
            time.sleep(0.002)
            QApplication.processEvents()

    def _pixels(self, shape: tuple[int, ...]) -> np.ndarray:
        image = self._rng.integers(0, 8, shape)
        image[..., shape[-2] // 4 : shape[-2] // 2, shape[-1] // 4 :] += 120
        return image.astype(np.uint8)

    def _any(self, things: Any) -> Any:
        things = list(things)
        return things[self._rng.integers(len(things))] if things else None

    def _layer(self, kind: type = object) -> Any:
        return self._any(x for x in self.viewer.layers if isinstance(x, kind))

    # Panels

    def _open_panel(self) -> str:
        title = self._any(PANELS)
        if title not in self.panels:
            dock, panel = self.viewer.window.add_plugin_dock_widget(
                "napari-mmtseg", title
            )
            self.panels[title] = dock, panel
        return title

    def _close_panel(self) -> str:
        title = self._any(self.panels)
        if title is not None:
            dock, _ = self.panels.pop(title)
            dock.destroyOnClose()
        return str(title)

    def _panel(self) -> tuple[str, Any]:
        title = self._any(self.panels)
        panel = None if title is None else self.panels[title][1]
        return str(title), getattr(panel, "native", panel)

    def _use_widget(self) -> str:
        title, panel = self._panel()
        if panel is None:
            return self._open_panel()
        kinds = (
            QAbstractButton,
            QComboBox,
            QAbstractSpinBox,
            QAbstractSlider,
            QLineEdit,
        )
        usable = [
            widget
            for widget in panel.findChildren(QWidget)
            if isinstance(widget, kinds) and widget.isEnabled() and widget.isVisible()
        ]
        widget = self._any(usable)
        if widget is None:
            return title
        about = widget.text() if hasattr(widget, "text") else ""
        return f"{title}: {type(widget).__name__} {about!r} {self._use(widget)}"

    def _use(self, widget: QWidget) -> str:
        rng = self._rng
        if isinstance(widget, QPushButton) and widget.menu() is not None:
            return self._trigger(widget.menu())
        if isinstance(widget, QAbstractButton):
            widget.click()
            return ""
        if isinstance(widget, QComboBox):
            if widget.count():
                widget.setCurrentIndex(rng.integers(widget.count()))
                widget.activated.emit(widget.currentIndex())
            return widget.currentText()
        if isinstance(widget, QSpinBox | QDoubleSpinBox):
            low, high = widget.minimum(), widget.maximum()
            near = widget.value() + rng.integers(-3, 4) * widget.singleStep()
            value = self._any((low, near, near, near, min(high, 64)))
            widget.setValue(type(low)(value))
            return str(value)
        if isinstance(widget, QAbstractSpinBox):
            widget.stepBy(rng.integers(-3, 4))
            return ""
        if isinstance(widget, QAbstractSlider):
            widget.setValue(rng.integers(widget.minimum(), widget.maximum() + 1))
            return str(widget.value())
        assert isinstance(widget, QLineEdit)
        text = self._any(("", "2", "-1", "nonsense", "ZYX", "*.png", "1e9", "µm"))
        widget.setText(text)
        widget.editingFinished.emit()
        return text

    def _trigger(self, menu: Any) -> str:
        menu.aboutToShow.emit()
        action = self._any(a for a in menu.actions() if a.isEnabled() and a.text())
        if action is None:
            return "nothing"
        text = action.text()
        action.trigger()
        return text

    def _select_rows(self) -> str:
        title, panel = self._panel()
        table = None if panel is None else panel.findChild(QAbstractItemView)
        model = None if table is None else table.model()
        if model is None or not model.rowCount() or table.selectionModel() is None:
            return "no table"
        row = self._rng.integers(model.rowCount())
        how = QItemSelectionModel.SelectionFlag
        flag = self._any((how.Toggle, how.ClearAndSelect))
        table.selectionModel().select(model.index(row, 0), flag | how.Rows)
        if self._rng.random() < 0.2:
            table.activated.emit(model.index(row, 0))
            table.doubleClicked.emit(model.index(row, 0))
        return f"{title} {row}"

    def _press_key(self) -> str:
        title, panel = self._panel()
        key = self._any(_KEYS)
        target = panel
        if panel is None or self._rng.random() < 0.3:
            target = self.viewer.window._qt_viewer.canvas.native
        QTest.keyClick(target, key)
        return f"{title} {key}"

    def _run(self) -> str:
        title, panel = self._any(self.panels.items()) or ("", (None, None))
        panel = panel[1]
        if title not in ("Segment", "Batch"):
            return "nothing"
        form = panel.form if title == "Segment" else panel.form.settings
        if self._rng.random() < 0.8:
            for name, value in QUICK.items():
                form.widgets[name].value = value
        if panel.run_button.isEnabled() and panel.run_button.isVisible():
            panel.run_button.click()
        return title

    def _cancel(self) -> str:
        for title in ("Segment", "Batch"):
            if title in self.panels:
                self.panels[title][1].cancel()
        return ""

    def _stop(self) -> str:
        if "Segment" in self.panels:
            button = self.panels["Segment"][1].stop_button
            if button.isVisible():
                button.click()
        return ""

    def _wait(self) -> str:
        self._settle(0.4)
        return ""

    def _choose_folder(self) -> str:
        if "Batch" in self.panels:
            folder = self._any((self._folder, self._folder / "none"))
            self.panels["Batch"][1].form.source.value = folder
            return folder.name
        return ""

    # Layers

    def _add_image(self) -> str:
        rng, add = self._rng, self.viewer.add_image
        kinds: dict[str, Callable[[], Any]] = {
            "grey": lambda: add(self._pixels((24, 32))),
            "RGB": lambda: add(self._pixels((3, 24, 32)).transpose(1, 2, 0)),
            "float with NaN": lambda: add(
                np.where(rng.random((24, 32)) < 0.1, np.nan, self._pixels((24, 32)))
            ),
            "constant": lambda: add(np.full((16, 16), 7.0)),
            "too small": lambda: add(self._pixels((4, 4))),
            "one pixel": lambda: add(np.ones((1, 1))),
            "bool": lambda: add(self._pixels((24, 32)) > 60),
            "stack": lambda: add(self._pixels((3, 20, 24)), scale=(2, 0.5, 0.5)),
            "5D": lambda: add(self._pixels((2, 2, 3, 16, 20))),
            "channels": lambda: add(self._pixels((2, 24, 32)), channel_axis=0),
            "rotated": lambda: add(self._pixels((24, 32)), rotate=30, shear=[0.2]),
            "pyramid": lambda: add(
                [self._pixels((64, 64)), self._pixels((32, 32))], multiscale=True
            ),
        }
        name = self._any(kinds)
        kinds[name]()
        return name

    def _add_labels(self) -> str:
        layer = self._layer(Image)
        shapes = [(24, 32), (3, 20, 24)]
        if layer is not None and not layer.multiscale:
            shapes.append(layer.data.shape[: layer.ndim])
        shape, n = self._any(shapes), self._any((1, 3, 40))
        self.viewer.add_labels(self._rng.integers(0, n, shape).astype(np.int32))
        return str(shape)

    def _add_other(self) -> str:
        if self._rng.random() < 0.5:
            self.viewer.add_shapes([np.array([[2, 2], [2, 14], [14, 14], [14, 2]])])
            return "shapes"
        self.viewer.add_points(self._rng.random((3, 2)) * 20)
        return "points"

    def _remove(self) -> str:
        layer = self._layer()
        if layer is not None:
            self.viewer.layers.remove(layer)
        return str(layer)

    def _clear(self) -> str:
        self.viewer.layers.clear()
        return ""

    def _rename(self) -> str:
        layer = self._layer()
        if layer is not None:
            layer.name = self._any(("", "image", "ä/b\\c", "x" * 300))
        return str(layer)

    def _move(self) -> str:
        n = len(self.viewer.layers)
        if n > 1:
            self.viewer.layers.move(*self._rng.integers(0, n, 2).tolist())
        return ""

    def _duplicate(self) -> str:
        from napari.layers._layer_actions import _duplicate_layer

        layer = self._layer()
        if layer is not None:
            self.viewer.layers.selection.active = layer
            _duplicate_layer(self.viewer.layers)
        return str(layer)

    def _activate(self) -> str:
        layer = self._layer()
        selection = self.viewer.layers.selection
        if layer is None:
            return "none"
        how = self._rng.integers(4)
        if how == 0:
            selection.toggle(layer)
        elif how == 1:
            layer.visible = not layer.visible
        elif how == 2:
            selection.clear()
        else:
            selection.active = layer
        return f"{layer} {how}"

    def _edit(self) -> str:
        layer = self._layer(Labels)
        if layer is None or not layer.editable:
            return "none"
        at = [int(self._rng.integers(0, n)) for n in layer.data.shape]
        how = self._any(("paint", "fill", "polygon", "mode", "label", "colormap"))
        if how == "paint":
            layer.paint(at, int(self._rng.integers(0, 5)))
        elif how == "fill":
            layer.fill(at, int(self._rng.integers(0, 5)))
        elif how == "mode":
            layer.mode = self._any(("pan_zoom", "paint", "erase", "pick", "fill"))
        elif how == "label":
            layer.selected_label = int(self._rng.integers(0, 8))
        elif how == "colormap":
            layer.new_colormap()
        return f"{layer} {how}"

    def _undo(self) -> str:
        layer = self._layer(Labels)
        if layer is not None:
            getattr(layer, self._any(("undo", "redo")))()
        return str(layer)

    def _place(self) -> str:
        layer = self._layer()
        if layer is not None:
            if self._rng.random() < 0.5:
                layer.scale = self._any((1.0, 0.25, 3.0)) * np.ones(layer.ndim)
            else:
                layer.translate = self._rng.integers(-9, 9, layer.ndim)
        return str(layer)

    def _replace_data(self) -> str:
        layer = self._any(
            x for x in self.viewer.layers
            if isinstance(x, Image | Labels) and not x.multiscale
            and not getattr(x, "rgb", False) and x.ndim == 2
        )  # fmt: skip
        if layer is not None:
            shape = self._any((layer.data.shape, (30, 20)))
            layer.data = self._pixels(shape).astype(layer.data.dtype)
        return str(layer)

    def _use_canvas(self) -> str:
        native = self.viewer.window._qt_viewer.canvas.native
        size = native.size()

        def point() -> QPoint:
            return QPoint(
                int(self._rng.integers(1, max(size.width(), 2))),
                int(self._rng.integers(1, max(size.height(), 2))),
            )

        left, none = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
        begin = point()
        if self._rng.random() < 0.2:
            QTest.mouseDClick(native, left, none, begin)
            return "double click"
        QTest.mousePress(native, left, none, begin)
        for _ in range(3):
            QTest.mouseMove(native, point())
        QTest.mouseRelease(native, left, none, point())
        return "drag"

    def _scroll(self) -> str:
        dims = self.viewer.dims
        for axis in dims.not_displayed:
            dims.set_current_step(axis, int(self._rng.integers(0, dims.nsteps[axis])))
        return str(dims.current_step)

    def _turn(self) -> str:
        how = self._any(("3D", "roll", "transpose", "zoom"))
        if how == "3D":
            self.viewer.dims.ndisplay = 5 - self.viewer.dims.ndisplay
        elif how == "roll":
            self.viewer.dims.roll()
        elif how == "transpose":
            self.viewer.dims.transpose()
        else:
            self.viewer.camera.zoom *= self._any((0.5, 2))
        return how

    def _change_theme(self) -> str:
        self.viewer.theme = self._any(("light", "dark"))
        return self.viewer.theme

    def _choose_menu(self) -> str:
        if "Segment" not in self.panels:
            return ""
        menus = self.panels["Segment"][1].model_actions.menus
        return self._trigger(menus[self._any(menus)])

    def _reopen(self) -> str:
        self.close()
        self.viewer = self._opened()
        return ""

    @staticmethod
    def _opened() -> napari.Viewer:
        """Open a small window: 3D in software takes minutes in a large one."""
        viewer = napari.Viewer()
        viewer.window.resize(640, 480)
        return viewer


def answer_dialogs(rng: np.random.Generator, folder: Path) -> Callable[[], None]:
    """Answer every question and every request for a file; return how to end that."""
    buttons = QMessageBox.StandardButton
    names = (
        "", "out.csv", "out.ome.tif", "out.png", "out", "none/out.csv", "a.png",
        "out.zarr", "out.zip", "out.geojson", "model.safetensors", "settings.json",
    )  # fmt: skip

    def chosen(*_: Any, **__: Any) -> tuple[str, str]:
        name = names[rng.integers(len(names))]
        return (str(folder / "saved" / name) if name else "", "Table (*.csv)")

    def clicked(*_: Any, **__: Any) -> Any:
        return (buttons.Yes, buttons.No)[rng.integers(2)]

    (folder / "saved").mkdir(exist_ok=True)

    def directory(*_: Any, **__: Any) -> str:
        return str(folder)

    ways = dict.fromkeys(QFILE_DIALOG_MODES, chosen)
    ways[FileDialogMode.EXISTING_DIRECTORY] = directory
    answered = ExitStack()
    for change in (
        patch.object(QMessageBox, "question", clicked),
        patch.object(QFileDialog, "getOpenFileName", chosen),
        patch.object(QFileDialog, "getSaveFileName", chosen),
        patch.object(QFileDialog, "getExistingDirectory", directory),
        patch.dict(QFILE_DIALOG_MODES, ways),  # magicgui's copies of the same
    ):
        answered.enter_context(change)
    return answered.close


def close_popups() -> None:
    """Close menus and dialogs that are open."""
    for find in (QApplication.activePopupWidget, QApplication.activeModalWidget):
        with suppress(RuntimeError):
            if (popup := find()) is not None:
                popup.close()
