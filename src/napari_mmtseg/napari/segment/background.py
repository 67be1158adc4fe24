"""The box for the class of a result that is background."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from qtpy.QtWidgets import QComboBox

from napari_mmtseg.napari.shared.narrow_box import keep_narrow


class BackgroundBox(QComboBox):
    """A box with the classes of a result, dark to bright, and none of them."""

    def __init__(self) -> None:
        super().__init__()
        keep_narrow(self)

    @property
    def class_index(self) -> int | None:
        """The chosen class, from 0, dark to bright; None for none."""
        return self.currentIndex() - 1 if self.currentIndex() > 0 else None

    def show_classes(self, labels: NDArray[np.int32]) -> None:
        """Offer classes by their labels, dark to bright; that of label 0 is chosen."""
        last = len(labels) - 1
        words = {0: "darkest", last: "brightest"} if last else {}
        names = [
            f"{words.get(i, f'class {i + 1} of {last + 1}')}"
            f"{f' (label {value})' if value else ''}"
            for i, value in enumerate(labels.tolist())
        ]
        chosen = np.flatnonzero(labels == 0)
        self.clear()
        self.addItems(["none", *names])
        self.setCurrentIndex(int(chosen[0]) + 1 if len(chosen) else 0)
