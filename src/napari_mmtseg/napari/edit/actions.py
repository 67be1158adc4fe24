"""The one table of what the Edit labels panel does, with its keyboard shortcuts.

Buttons, tooltips, shortcuts and the documentation are made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qtpy.QtCore import Qt
from qtpy.QtGui import QKeySequence
from qtpy.QtWidgets import QAbstractButton, QMainWindow, QPushButton, QShortcut, QWidget

if TYPE_CHECKING:
    pass

__all__ = ["ACTIONS", "EditAction", "EditShortcuts"]


@dataclass(frozen=True)
class EditAction:
    """A button of the panel.

    Attributes
    ----------
    title : str
        Text of the button.
    shortcut : str
        Keys that press it, as Qt writes them.
    description : str
        What it does, in one or two sentences.
    least, most : int
        How many classes may be selected in the table for it.
    """

    title: str
    shortcut: str
    description: str
    least: int = 0
    most: int | None = None

    def accepts(self, n_selected: int) -> bool:
        """Whether the action can be taken with that many classes selected."""
        return n_selected >= self.least and (
            self.most is None or n_selected <= self.most
        )

    @property
    def tooltip(self) -> str:
        """Description and shortcut; rich text, so that it wraps."""
        return f"<qt>{self.description}<br><i>{self.shortcut}</i></qt>"


_CHOSEN = "the selected classes, or all where none is selected"

ACTIONS = {
    "merge": EditAction(
        "Merge",
        "Shift+M",
        "Give all selected classes the label of the largest of them.",
        least=2,
    ),
    "swap": EditAction(
        "Swap",
        "Shift+X",
        "Exchange the labels of the two selected classes.",
        least=2,
        most=2,
    ),
    "background": EditAction(
        "To background",
        "Shift+B",
        "Give the selected classes the label 0, which is background.",
        least=1,
    ),
    "rename": EditAction(
        "Rename",
        "F2",
        "Name the selected class. The name is shown where the mouse is and is kept in "
        "the layer's features.",
        least=1,
        most=1,
    ),
    "relabel": EditAction(
        "Relabel 1…k",
        "Shift+N",
        "Close the gaps between labels, in all slices. Names follow their classes.",
    ),
    "split": EditAction(
        "Split",
        "Shift+S",
        "Give every connected region of the selected classes a label of its own. The "
        "largest keeps the label of its class.",
        least=1,
    ),
    "split_region": EditAction(
        "Split off clicked",
        "Shift+D",
        "Give the region that was clicked last, with Pick in image on, a label of its "
        "own.",
    ),
    "remove_islands": EditAction(
        "Remove islands",
        "Shift+I",
        "Give connected regions below the size the label of what is nearest to them: "
        f"{_CHOSEN}. Background is an island only where it is selected.",
    ),
    "fill_holes": EditAction(
        "Fill holes",
        "Shift+F",
        "Fill what the selected classes enclose, whatever it is; where none is "
        "selected, background that one class encloses.",
    ),
    "smooth": EditAction(
        "Smooth",
        "Shift+G",
        "Even out the boundaries of "
        f"{_CHOSEN}: a pixel goes to the class that prevails within the radius.",
    ),
    "pick": EditAction(
        "Pick in image",
        "Shift+C",
        "While on, a click in the image selects a class, or takes it out again.",
    ),
    "highlight": EditAction(
        "Highlight",
        "Shift+H",
        "While on, show nothing but the class that was selected last.",
    ),
    "preview": EditAction(
        "Preview",
        "Shift+W",
        "While on, an operation first shows what it would change, to be applied or "
        "cancelled.",
    ),
    "apply": EditAction(
        "Apply", "Shift+Return", "Make the change that is shown as a preview."
    ),
}
"""By the name of the button in the panel's ``buttons``."""


class EditShortcuts:
    """The shortcuts of one panel.

    They belong to napari's window, so that they work wherever the focus is and also
    when the panel floats. A field in which text is typed keeps its keys.

    Parameters
    ----------
    buttons : mapping of str to QAbstractButton
        By the names in :data:`ACTIONS`.
    """

    def __init__(self, buttons: Mapping[str, QAbstractButton]) -> None:
        self._buttons = buttons
        self._shortcuts: list[QShortcut] = []

    @property
    def keys(self) -> list[str]:
        """The keys that are bound now."""
        return [shortcut.key().toString() for shortcut in self._shortcuts]

    def bind(self, panel: QWidget) -> None:
        """Bind all keys in the window of a panel; without effect if they are bound."""
        window = _main_window(panel)
        if self._shortcuts or window is None:
            return
        for name, action in ACTIONS.items():
            shortcut = QShortcut(QKeySequence(action.shortcut), window)
            shortcut.setContext(Qt.ShortcutContext.WindowShortcut)
            shortcut.activated.connect(self._buttons[name].click)
            self._shortcuts.append(shortcut)

    def release(self) -> None:
        """Give the keys back."""
        for shortcut in self._shortcuts:
            shortcut.setEnabled(False)
            shortcut.deleteLater()
        self._shortcuts = []


def _main_window(widget: QWidget) -> QWidget | None:
    parent = widget.parentWidget()
    while parent is not None and not isinstance(parent, QMainWindow):
        parent = parent.parentWidget()
    return parent


_TOGGLES = ("pick", "highlight", "preview")


_HAND_MADE = {
    "undo": ("Undo", "Take the last change of the layer back (napari: Ctrl+Z)"),
    "redo": ("Redo", "Make it again (napari: Ctrl+Shift+Z)"),
    "cancel": ("Cancel", "Leave the labels as they are"),
    "save_table": ("Save table…", "Write the table, names included, to a CSV file"),
    "save_labels": (
        "Save labels…",
        "Write all labels, with their pixel size, to a file",
    ),
}


def _make_buttons() -> dict[str, QPushButton]:
    texts = {name: (a.title, a.tooltip) for name, a in ACTIONS.items()} | _HAND_MADE
    buttons = {}
    for name, (title, tooltip) in texts.items():
        buttons[name] = QPushButton(title)
        buttons[name].setToolTip(tooltip)
        buttons[name].setCheckable(name in _TOGGLES)
    return buttons
