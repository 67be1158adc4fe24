"""What happens to one layer after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari.layers import Layer

__all__ = ["PLACE_EVENTS", "LayerWatch"]

PLACE_EVENTS = ("scale", "translate", "rotate", "shear", "affine", "units")
"""Events of a layer that then lies elsewhere."""


class LayerWatch:
    """Passes on events of a layer, and of no earlier one.

    Parameters
    ----------
    slots : mapping of str to callable
        What is to be called, by the name of the event.
    """

    def __init__(self, slots: Mapping[str, Callable[..., Any]]) -> None:
        self._slots = dict(slots)
        self._layer: Layer | None = None

    def follow(self, layer: Layer | None) -> None:
        """Watch another layer, or none."""
        if layer == self._layer:
            return
        for name, slot in self._slots.items():
            if self._layer is not None:
                getattr(self._layer.events, name).disconnect(slot)
            if layer is not None:
                getattr(layer.events, name).connect(slot)
        self._layer = layer
