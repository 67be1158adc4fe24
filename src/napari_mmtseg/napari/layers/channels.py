"""Channels of an image: several layers of one shape and place, or some of an axis."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari.layers import Image, Layer
from napari_mmtseg.images.lazy import ArrayPart
from napari_mmtseg.images.picked_channels import PickedChannels
from napari_mmtseg.napari.layers.axes import finest_level
from napari_mmtseg.napari.layers.placement import spatial_attributes
from napari_mmtseg.napari.layers.source import LayerSelection

_NAMED = 3
"""Number of layers that the name of a result names."""


@dataclass(frozen=True)
class Channel:
    """One channel: name, pixels, Python code that gives them, and number on an axis."""

    name: str
    array: Any = field(repr=False, compare=False)
    code: str
    number: int | None = None


@dataclass(frozen=True, eq=False)
class ChannelStack:
    """Arrays of one shape as the channels of one array, read when it is indexed."""

    arrays: tuple[Any, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of channels, and the shape of each."""
        return len(self.arrays), *(int(n) for n in self.arrays[0].shape)

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type that holds the values of all channels."""
        return np.result_type(*(np.dtype(array.dtype) for array in self.arrays))

    def __getitem__(self, index: tuple[int | slice, ...]) -> NDArray[Any]:
        """Read a part: an entry for every axis."""
        first, *rest = index
        if not isinstance(first, slice):
            return np.asarray(self.arrays[first][tuple(rest)], self.dtype)
        channels = [np.asarray(a[tuple(rest)]) for a in self.arrays[first]]
        return np.stack(channels).astype(self.dtype, copy=False)

    def is_of(self, arrays: Sequence[Any]) -> bool:
        """Return whether the channels are these very arrays."""
        pairs = zip(self.arrays, arrays, strict=False)
        same = all(_is_same(mine, other) for mine, other in pairs)
        return same and len(self.arrays) == len(arrays)


def _is_same(array: Any, other: Any) -> bool:
    if isinstance(array, ArrayPart) and isinstance(other, ArrayPart):
        return array.array is other.array and array.index == other.index
    return array is other


def is_same_image(source: LayerSelection, other: LayerSelection) -> bool:
    """Return whether two selections are of the same pixels."""
    array, there = source.array, other.array
    if source.area is not other.area and (
        source.area is None or not source.area.is_same(other.area)
    ):
        return False
    if isinstance(array, ChannelStack) and isinstance(there, ChannelStack):
        return array.is_of(there.arrays) and source.index == other.index
    return array is there and source.index == other.index


def is_overlapping(source: LayerSelection, other: LayerSelection) -> bool:
    """Return whether two selections have pixels of an image in common."""
    arrays = [_arrays(selection) for selection in (source, other)]
    if not any(array is there for array in arrays[0] for there in arrays[1]):
        return False
    areas = source.area, other.area
    if areas[0] is not None and areas[1] is not None and areas[0].excludes(areas[1]):
        return False
    taken, there = _taken(source), _taken(other)
    return all(
        max(taken[name].start, there[name].start)
        < min(taken[name].stop, there[name].stop)
        for name in taken.keys() & there.keys()
    )


def _arrays(source: LayerSelection) -> list[Any]:
    """Return the arrays of the layers that a selection is of."""
    array = source.array
    channels = array.arrays if isinstance(array, ChannelStack) else (array,)
    return [c.array if isinstance(c, ArrayPart) else c for c in channels]


def _taken(source: LayerSelection) -> dict[str, range]:
    """Return the positions along every axis but that of the channels."""
    axes = zip(source.axes.split(), source.index, source.array.shape, strict=True)
    return {
        name: range(*index.indices(n))
        if isinstance(index, slice)
        else range(index, index + 1)
        for name, index, n in axes
        if name not in ("C", "RGB")
    }


def layer_channels(layer: Image, layers: Iterable[Layer]) -> list[Channel]:
    """Return a grey image layer, and those of its shape and place, as channels."""
    return [
        Channel(
            other.name,
            finest_level(other),
            f"napari.current_viewer().layers[{other.name!r}].data"
            + "[0]" * other.multiscale,
        )
        for other in layers
        if isinstance(other, Image) and (other == layer or _goes_with(layer, other))
    ]


def axis_channels(layer: Image, at: int) -> list[Channel]:
    """Return the entries of an axis of a layer as channels."""
    array = finest_level(layer)
    data = "layer.data" + "[0]" * layer.multiscale
    return [
        Channel(
            f"channel {i}",
            ArrayPart(
                array, tuple(i if a == at else slice(None) for a in range(array.ndim))
            ),
            f"{data}[{':, ' * at}{i}]",
            i,
        )
        for i in range(int(array.shape[at]))
    ]


def _goes_with(layer: Image, other: Image) -> bool:
    if other.rgb or finest_level(other).shape != finest_level(layer).shape:
        return False
    mine, others = spatial_attributes(layer), spatial_attributes(other)
    return mine.keys() == others.keys() and all(
        np.array_equal(np.asarray(mine[name]), np.asarray(others[name]))
        for name in mine.keys() - {"axis_labels"}
    )


def with_channels(
    source: LayerSelection, channels: Sequence[Channel]
) -> LayerSelection:
    """Return the selection with these channels instead of those that it has."""
    names, index = source.axes.split(), list(source.index)
    name, picked = source.name, None
    if "C" in names:
        at = names.index("C")
        numbers = tuple(c.number for c in channels if c.number is not None)
        n_all = int(source.array.shape[at])
        picked = PickedChannels(numbers, n_all) if len(numbers) < n_all else None
        del names[at], index[at]
    elif len(channels) > _NAMED:
        name = f"{name} + {len(channels) - 1} more"
    else:
        name = " + ".join(channel.name for channel in channels)
    return replace(
        source,
        name=name,
        array=ChannelStack(tuple(channel.array for channel in channels)),
        index=(slice(None), *index),
        axes=" ".join(["C", *names]),
        channel_axis=0,
        channels=tuple(channel.name for channel in channels),
        channel_code=tuple(channel.code for channel in channels),
        layer_name=source.name,
        picked=picked,
    )
