"""Showing one class alone."""

from __future__ import annotations

from napari.layers import Labels

__all__ = ["Highlight"]


class Highlight:
    """Lets a layer show its selected label only, and all as before in the end."""

    def __init__(self) -> None:
        self._layer: Labels | None = None
        self._before = False

    def start(self, layer: Labels) -> None:
        """Show the selected label only."""
        self.stop()
        self._layer, self._before = layer, bool(layer.show_selected_label)
        layer.show_selected_label = True

    def stop(self) -> None:
        """Show what was shown before."""
        layer, self._layer = self._layer, None
        if layer is not None:
            layer.show_selected_label = self._before
