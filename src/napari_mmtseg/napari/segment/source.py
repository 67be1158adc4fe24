"""Choice of the image to segment: layer, axes, slices and area."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from magicgui.widgets import ComboBox
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari.layers import Image
from napari_mmtseg.errors import InputError
from napari_mmtseg.napari.layers.axes import finest_level
from napari_mmtseg.napari.layers.channels import with_channels
from napari_mmtseg.napari.layers.pixel_measure import slider_point
from napari_mmtseg.napari.layers.source import (
    LayerSelection,
    choose_source,
    possible_axes,
)
from napari_mmtseg.napari.runs.progress import count
from napari_mmtseg.napari.segment.area_choice import AreaChoice
from napari_mmtseg.napari.segment.channel_choice import ChannelChoice
from napari_mmtseg.napari.shared.layer_choice import (
    PLACE_EVENTS,
    LayerChoice,
    LayerWatch,
)
from napari_mmtseg.napari.shared.text_choice import TextChoice
from napari_mmtseg.segmentation.memory import estimate_memory
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari.components import ViewerModel

_ALL, _CURRENT = "all slices", "current slice"
_PAUSE = 100
"""Milliseconds without a change of the layer until it is looked at again."""


class SourceChoice:
    """The choice of an image layer, or a part of it; follows the active layer.

    `changed` is emitted when another layer, other axes, slices or area are chosen.
    """

    changed = Signal()

    def __init__(self, viewer: ViewerModel) -> None:
        self._viewer = viewer
        self._layers = LayerChoice(
            viewer,
            Image,
            label="Image",
            tooltip="The Image layer to segment; follows the active layer.",
        )
        self.layer = self._layers.box
        self.axes = TextChoice(name="axes")
        self.slices = ComboBox(name="slices", choices=[_ALL, _CURRENT])
        self.area = AreaChoice(viewer)
        self.channels = ChannelChoice(viewer)
        self._known_layer: Image | None = None
        self._n_axes = 0
        self._typed: WeakKeyDictionary[Image, str] = WeakKeyDictionary()
        self._timer = QTimer(self.axes.native)
        self._timer.setSingleShot(True)
        self._timer.setInterval(_PAUSE)
        self._timer.timeout.connect(self._on_change)
        self._watch = LayerWatch(
            {
                **dict.fromkeys(PLACE_EVENTS, self._on_place),
                "data": self._on_data,
                "axis_labels": self._on_axis_labels,
            }
        )
        self._layers.changed.connect(self._on_layer)
        self.axes.changed.connect(self._on_axes)
        self.slices.changed.connect(self._on_change)
        self.area.changed.connect(self._on_change)
        self.channels.changed.connect(self._on_change)
        for name in ("point", "ndim", "units"):
            getattr(viewer.dims.events, name).connect(self._on_change)
        self._on_layer()

    @property
    def has_more_axes(self) -> bool:
        """Whether the chosen layer has axes beside height, width and colours."""
        layer = self.layer.value
        return layer is not None and layer.ndim > 2

    @property
    def has_slices(self) -> bool:
        """Whether the chosen layer has more than one slice."""
        layer = self.layer.value
        if layer is None:
            return False
        try:
            axes = self.axes.value
            return choose_source(layer, axes, all_slices=True).is_stack
        except InputError:
            return False

    @property
    def takes_all(self) -> bool:
        """Whether all slices are chosen of a layer that has more than one."""
        return self.has_slices and self.slices.value == _ALL

    def source(self) -> LayerSelection:
        """Return the selection; raise InputError if it cannot be segmented."""
        layer = self.layer.value
        if layer is None:
            raise InputError(self._why_no_layer())
        axes = self.axes.value
        source = self.area.select(
            layer,
            axes,
            point=slider_point(layer, self._viewer.dims),
            all_slices=self.takes_all,
        )
        self.channels.follow(layer, axes)
        channels = self.channels.chosen()
        return source if channels is None else with_channels(source, channels)

    def guesses(self, source: LayerSelection) -> bool:
        """Return whether the axes of slices are guessed, neither named nor typed."""
        return source.is_guessed and self.layer.value not in self._typed

    def whole(self) -> LayerSelection:
        """Return all of the chosen layer; raise InputError if there is none."""
        layer = self.layer.value
        if layer is None:
            raise InputError(self._why_no_layer())
        return choose_source(layer, self.axes.value, all_slices=True)

    def _why_no_layer(self) -> str:
        active = self._viewer.layers.selection.active
        if active is None:
            return (
                "There is no Image layer. Open an image, or a sample from File > Open "
                "Sample."
            )
        return (
            f"“{active.name}” is a {active.__class__.__name__} layer; only Image "
            "layers can be segmented. Open an image."
        )

    def _on_layer(self, _: Any = None) -> None:
        layer = self.layer.value
        if layer != self._known_layer:
            self._known_layer = layer
            self._watch.follow(layer)
            self._guess_axes()
        self._on_change()

    def _guess_axes(self) -> None:
        layer = self._known_layer
        axes = [] if layer is None else possible_axes(layer)
        self._n_axes = 0 if layer is None else finest_level(layer).ndim
        with self.axes.changed.blocked():
            self.axes.offer(axes)
            if layer in self._typed:
                self.axes.value = self._typed[layer]
        self.axes.enabled = layer is not None

    def _on_axes(self, text: str) -> None:
        if self._known_layer is not None:
            self._typed[self._known_layer] = text
        self._on_change()

    def _on_axis_labels(self, _: Any = None) -> None:
        """Replace typed axes by the names that the layer has been given."""
        self._typed.pop(self._known_layer, None)
        self._guess_axes()
        self._on_change()

    def _on_data(self, _: Any = None) -> None:
        if finest_level(self._known_layer).ndim != self._n_axes:
            self._on_axis_labels()
        self._timer.start()

    def _on_place(self, _: Any = None) -> None:
        self._timer.start()

    def _on_change(self, _: Any = None) -> None:
        self.channels.follow(self.layer.value, self.axes.value)
        self.changed.emit()


_MATTERS = 0.1
"""Share of the free memory from which on a run's memory is told."""

_SHARED = {
    "one_model": "one model",
    "slice_by_slice": "a model for each slice, labels matched",
}


def describe_source(
    source: LayerSelection, mode: str, *, is_guessed: bool = False
) -> str:
    """Return the selection in words; empty for a whole 2D image.

    `mode` is the setting `stack`; names of axes that are guessed have a question mark.
    """
    full = source.full_plane
    height, width = source.place.plane
    plane = f"{height} x {width}"
    region = f"area {plane} of {full['Y']} x {full['X']}" if source.crop else ""
    if source.area is not None:
        region = f"{region or 'the part'} {source.area.name}"
    channels = _channels(source)
    if source.is_stack:
        what, shared = _stack(source, mode, "?" * is_guessed)
        parts = [what, region] if region else [f"{what} of {plane}"]
        parts += [channels, shared] if channels else [shared]
    elif channels and not region and not source.slices:
        parts = [f"one image of {plane} with {channels}"]
    else:
        parts = [part for part in (region, channels) if part]
        if source.slices:
            named = source.axes.split()
            at = [
                f"{name} = {i} of 0 to {source.array.shape[named.index(name)] - 1}"
                for name, i in source.slices.items()
            ]
            parts.insert(0, f"the current slice, {', '.join(at)}")
    if not source.is_copied:
        parts = [*(parts or [f"{plane} pixels"]), "read while it runs"]
    text = ", ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _channels(source: LayerSelection) -> str:
    """Return the number of channels in words, colours aside."""
    if source.channel_axis is None:
        return ""
    return f"{count(source.part.shape[source.channel_axis], 'channel')} (C)"


def _stack(source: LayerSelection, mode: str, mark: str) -> tuple[str, str]:
    """Return the slices or volumes, and what they share, in words."""
    stacked = {a: n for a, n in source.lengths.items() if a not in "YX"}
    depth = stacked.get("Z", 1)
    if mode == "volume" and depth > 1:
        del stacked["Z"]
        what = f"{_count(stacked)} volumes" if stacked else "one volume"
        return f"{what}{_named(stacked, mark)} of {depth} slices (Z{mark})", "in 3D"
    shared = _SHARED[mode if mode in _SHARED else "one_model"]
    return f"{_count(stacked)} slices{_named(stacked, mark)}", shared


def _named(stacked: dict[str, int], mark: str) -> str:
    return f" ({', '.join(stacked)}{mark})" if stacked else ""


def _count(stacked: dict[str, int]) -> str:
    return " x ".join(str(n) for n in stacked.values())


def describe_memory(
    source: LayerSelection, settings: SegmentationSettings
) -> tuple[str, bool]:
    """Return the memory of a run in words, and whether that is a warning.

    Empty if it is less than a tenth of what is free.
    """
    stack = source.as_stack(volumes=settings.stack == "volume")
    estimate = estimate_memory(stack, settings)
    is_warning = estimate.on_disk or not estimate.fits
    matters = is_warning or estimate.total > _MATTERS * estimate.free
    return estimate.describe() if matters else "", is_warning
