"""Objects as a display of a result, beside classes and connected regions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.objects.found import Objects
from napari_mmtseg.objects.of_stack import objects_of_stack
from napari_mmtseg.progress import drain
from napari_mmtseg.settings.fields import SegmentationSettings


class FindObjects:
    """A function from the classes of a result to its objects, as a run finds them.

    `found` holds the latest ones.
    """

    def __init__(
        self,
        source: LayerSelection,
        settings: SegmentationSettings,
        changes: dict[str, Any],
        *,
        volumes: bool,
    ) -> None:
        self.found: Objects | None = None
        self._source = source
        self._settings = settings.replace(output="objects", **changes)
        self._volumes = volumes

    def __call__(self, classes: NDArray[Any]) -> NDArray[Any]:
        """Return the objects in the shape of the classes; for a thread."""
        stack = self._source.as_stack(volumes=self._volumes)
        self.found = drain(
            objects_of_stack(
                stack,
                classes.reshape(stack.shape),
                self._settings,
                self._source.spacing,
            )
        )
        objects: NDArray[Any] = np.asarray(self.found.labels).reshape(classes.shape)
        return objects
