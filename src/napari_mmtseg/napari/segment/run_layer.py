"""Labels layer of a run: preview first, result in the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray

from napari.layers import Labels
from napari_mmtseg.napari.layers.channels import is_overlapping
from napari_mmtseg.napari.layers.colours import (
    OPACITY,
    class_colormap,
    colour_by_output,
)
from napari_mmtseg.napari.layers.result import (
    METADATA,
    confidence_layers,
    keep_result,
    result_of,
)
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.napari.segment.job import Segmented
from napari_mmtseg.napari.segment.stack_preview import preview_stride

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari.layers import Layer


class RunLayer:
    """The Labels layer of a run, from the first preview to the result.

    The user may delete the layer at any time: previews end then, and the result comes
    as a new layer. `below` stays on top and selected, as the user is painting there.
    Earlier results of the same pixels are hidden below it, so that the image stays
    visible through one.
    """

    def __init__(
        self, viewer: ViewerModel, source: LayerSelection, below: Labels | None = None
    ) -> None:
        self._viewer = viewer
        self._source = source
        self._below = below
        self.layer: Labels | None = None
        self._preview: NDArray[Any] | None = None
        self._active_before: Layer | None = None
        self._hidden: list[Layer] = []

    def show_preview(self, labels: NDArray[Any]) -> None:
        """Show a preview; the first one adds the layer.

        The preview of a stack is the same array every time, with more in it.
        """
        if self.layer is None:
            self._active_before = self._viewer.layers.selection.active
            self._add(labels, preview_stride(self._source.place.plane))
        elif self._is_there and labels is self._preview:
            self.layer.refresh(extent=False)
        elif self._is_there:
            self.layer.data = labels
        self._preview = labels
        # Not editable means: no edits that the next preview overwrites, and no undo
        # history of data that is gone. napari resets this whenever data is set.
        assert self.layer is not None
        self.layer.editable = False

    def show_result(self, result: Segmented) -> None:
        """Turn the preview into the result, and keep what belongs to it."""
        labels = result.labels
        if self.layer is None or not self._is_there:
            self._add(labels)
        else:
            self._preview = None
            attributes = self._source.place.attributes()
            # Before the data, while the layer is still small.
            self.layer.scale = attributes["scale"]
            self.layer.translate = attributes["translate"]
            self.layer.data = labels
            self.layer.editable = True
        assert self.layer is not None
        colour_by_output(self.layer, result.output)
        for name, value in result.appearance.items():
            setattr(self.layer, name, value)
        self.layer.metadata[METADATA] = result.provenance
        keep_result(self.layer, result.kept)

    def remove(self) -> None:
        """Leave the viewer as it was before the first preview."""
        for layer in self._hidden:
            layer.visible = True
        if self.layer is None or not self._is_there:
            return
        layers = self._viewer.layers
        was_active = layers.selection.active == self.layer
        layers.remove(self.layer)
        if was_active and self._active_before in layers:
            layers.selection.active = self._active_before

    @property
    def _is_there(self) -> bool:
        return self.layer in self._viewer.layers

    def _add(self, labels: NDArray[Any], pixel_step: int = 1) -> None:
        self.layer = Labels(
            labels,
            name=f"{self._source.name} labels",
            colormap=class_colormap(),
            opacity=OPACITY,
            **self._source.place.attributes(pixel_step),
        )
        layers = self._viewer.layers
        self._hide_earlier()
        if self._below is None or self._below not in layers:
            self._viewer.add_layer(self.layer)
            return
        active = layers.selection.active
        layers.insert(layers.index(self._below), self.layer)
        if active is not None:
            layers.selection.active = active

    def _hide_earlier(self) -> None:
        """Hide results of the same pixels, edited ones too, and their confidence."""
        earlier = []
        for layer in self._viewer.layers:
            result = None if layer == self._below else result_of(layer)
            if result is not None and is_overlapping(result.source, self._source):
                earlier.append(layer)
                earlier += confidence_layers(self._viewer, result)
        self._hidden = [layer for layer in earlier if layer.visible]
        for layer in self._hidden:
            layer.visible = False
