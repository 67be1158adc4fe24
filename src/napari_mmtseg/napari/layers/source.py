"""Selection of a napari layer to segment: an image, a stack, or a part of them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari.layers import Image, Layer
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.pixel_size import UNITS
from napari_mmtseg.images.arrays import check_shape
from napari_mmtseg.images.lazy import ArrayPart
from napari_mmtseg.images.picked_channels import PickedChannels
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.labels.store import free_memory
from napari_mmtseg.napari.layers.area import Area
from napari_mmtseg.napari.layers.axes import (
    candidate_axes,
    finest_level,
    parse_layer_axes,
)
from napari_mmtseg.napari.layers.pixel_measure import pixel_measure
from napari_mmtseg.napari.layers.placement import Placement, place_of
from napari_mmtseg.settings.fields import SegmentationSettings

_COPIED_SHARE = 0.1
"""Data in memory is copied before a run unless it takes more of what is free."""

_CHANNELS = ("C", "RGB")

_UNUSUAL = "QPMNRUVWABDEFGHIJKLO"
"""Letters for an axis whose own has a meaning in the core; more than a layer has."""


@dataclass(frozen=True)
class LayerSelection:
    """An image layer, and the part of it to segment; fixed when it is chosen.

    `array` is the data of the layer, of several levels the finest, and may be lazy;
    `axes` are its names, separated by spaces. `index` has one position along axes of
    which one slice is taken, those in `slices`, a slice with start and stop along Y and
    X in a crop, colours without alpha, and all else whole. `channel_axis` is that of
    :func:`napari_mmtseg.segment`. `place` is the placement of the labels, and `spacing`
    the distance between their pixels along every axis; None if unknown. `channels` are
    the names of the chosen channels unless these are all of the layer, and `picked`
    their numbers, if these are of an axis, `channel_code`
    is Python code for the pixels of each, and `layer_name` the first layer then. Only
    the `area` of the part is segmented, if there is one.
    """

    name: str
    array: Any
    index: tuple[int | slice, ...]
    axes: str
    slices: dict[str, int]
    channel_axis: int | None
    multiscale: bool
    place: Placement
    spacing: tuple[float, ...] | None = None
    channels: tuple[str, ...] = ()
    channel_code: tuple[str, ...] = ()
    layer_name: str = ""
    area: Area | None = None
    picked: PickedChannels | None = None

    @property
    def image_axes(self) -> str:
        """A letter for every axis of the image, S for RGB and for nothing else."""
        free = next(letter for letter in _UNUSUAL if letter not in self.axes.split())
        letters = {"RGB": "S", "S": free}
        return "".join(letters.get(name, name) for name in self._kept)

    @property
    def _kept(self) -> list[str]:
        """Names of the axes of the image."""
        names = zip(self.axes.split(), self.index, strict=True)
        return [name for name, index in names if isinstance(index, slice)]

    @cached_property
    def part(self) -> ArrayPart:
        """The image, read when it is converted to an array."""
        return ArrayPart(self.array, self.index)

    def as_stack(self, *, volumes: bool = False) -> ImageStack:
        """Return slices, or volumes; raise InputError if there are no volumes."""
        return self._volumes if volumes else self._slices

    @cached_property
    def _slices(self) -> ImageStack:
        return ImageStack.of(self.part, axes=self.image_axes)

    @cached_property
    def _volumes(self) -> ImageStack:
        return ImageStack.of(self.part, axes=self.image_axes, volumes=True)

    @property
    def is_stack(self) -> bool:
        """Whether more than one slice is segmented."""
        return self.as_stack().n_frames > 1

    @property
    def is_one_image(self) -> bool:
        """Whether this is a single slice that is read and looked at as a whole."""
        return self.as_stack().is_one_image

    @property
    def naming(self) -> dict[str, Any]:
        """The arguments of :func:`napari_mmtseg.segment` that name the axes."""
        if self.is_one_image:
            return {"channel_axis": self.channel_axis}
        return {"axes": self.image_axes, "spacing": self.spacing}

    def naming_for(self, settings: SegmentationSettings) -> dict[str, Any]:
        """Return the same, and the size of pixels where settings are lengths."""
        if settings.output == "objects":
            return {**self.naming, "spacing": self.spacing}
        return self.naming

    @property
    def is_guessed(self) -> bool:
        """Whether the layer does not name the axes that are stacked."""
        given = self.place.others["axis_labels"]
        named = {str(name).strip().upper()[:1] for name in given}
        return not {name for name in self.lengths if name not in "YX"} <= named

    @property
    def lengths(self) -> dict[str, int]:
        """Length of every axis of the labels, by name."""
        names = [name for name in self._kept if name not in _CHANNELS]
        return dict(zip(names, self.as_stack().shape, strict=True))

    @property
    def crop(self) -> dict[str, tuple[int, int]]:
        """First and last position, exclusive, along Y and X if that is not all."""
        shown = zip(self.axes.split(), self.index, self.array.shape, strict=True)
        found = {
            name: index.indices(int(n))[:2]
            for name, index, n in shown
            if name in ("Y", "X") and isinstance(index, slice)
        }
        whole = {name: (0, n) for name, n in self.full_plane.items()}
        return {} if found == whole else found

    @property
    def full_plane(self) -> dict[str, int]:
        """Lengths of Y and X in the layer."""
        named = dict(zip(self.axes.split(), self.array.shape, strict=True))
        return {name: int(named[name]) for name in ("Y", "X")}

    @property
    def is_copied(self) -> bool:
        """Whether a run works on a copy; else it reads the data while it runs."""
        if self.is_one_image:
            return True
        in_memory = isinstance(self.array, np.ndarray) and not isinstance(
            self.array, np.memmap
        )
        n_bytes = math.prod(self.part.shape) * self.part.dtype.itemsize
        return in_memory and n_bytes < _COPIED_SHARE * free_memory()

    def area_mask(self) -> NDArray[np.bool_] | None:
        """Return the pixels to segment, (Y, X) or in the shape of the labels."""
        return None if self.area is None else self.area.mask(self.place.plane)

    def read(self) -> NDArray[Any]:
        """Return a copy of the image; lazy data is read here, this image alone."""
        return np.array(self.part)

    def image(self) -> Any:
        """Return the image to segment: a copy unless it is too large for one."""
        return self.read() if self.is_copied else self.part


def possible_axes(layer: Image) -> list[str]:
    """Return possible axes of an image layer, the best guess first."""
    candidates = candidate_axes(layer)
    possible = []
    for candidate in candidates:
        try:
            choose_source(layer, candidate)
        except InputError:
            continue
        possible.append(candidate)
    return possible or candidates[:1]


def choose_source(
    layer: Layer,
    axes: str,
    point: ArrayLike | None = None,
    *,
    all_slices: bool = False,
    crop: tuple[slice, slice] | None = None,
    area: Area | None = None,
) -> LayerSelection:
    """Select a layer, or a part of it, to segment; only Image layers are accepted.

    `axes` names every axis of the data, as in ``"Z Y X"``: Y and X are segmented, C or
    RGB holds channels, all others are slices. Without `all_slices` the slice at `point`
    is taken, the position of the sliders as from :func:`slider_point`; the first along
    each axis without it. `crop` is the part in Y and X, by default that of the `area`.
    Raises InputError if the layer or its axes cannot be segmented, or nothing of it
    lies there.
    """
    if not isinstance(layer, Image):
        raise InputError(
            f"“{layer.name}” is a {layer.__class__.__name__} layer; only Image layers "
            "can be segmented."
        )
    array = finest_level(layer)
    shape = tuple(int(n) for n in array.shape)
    names = parse_layer_axes(axes, layer)
    index: list[int | slice] = [slice(None)] * len(names)
    stacked = [i for i, name in enumerate(names) if name not in ("Y", "X", *_CHANNELS)]
    cut = [] if all_slices else stacked
    if cut:
        position = np.zeros(layer.ndim)
        if point is not None:
            position = np.asarray(layer.world_to_data(point))
        for i in cut:
            index[i] = _position(layer, names[i], float(position[i]), shape[i])
    if crop is None and area is not None:
        crop = area.crop
    for name, part in zip("YX", crop or (), strict=False):
        index[names.index(name)] = part
    if names[-1] == "RGB" and shape[-1] == 4:
        index[-1] = slice(0, 3)  # without alpha
    kept = [i for i in range(len(names)) if i not in cut]
    channel_axis = kept.index(names.index("C")) if "C" in names else None
    plane = [i for i in kept if i not in stacked]
    lengths = [
        len(range(*index[i].indices(shape[i])))  # type: ignore[union-attr]
        for i in plane
    ]
    in_plane = plane.index(names.index("C")) if "C" in names else None
    check_shape(lengths, array.dtype, in_plane)
    return LayerSelection(
        name=layer.name,
        array=array,
        index=tuple(index),
        axes=" ".join(names),
        slices={names[i]: int(index[i]) for i in cut},  # type: ignore[arg-type]
        channel_axis=channel_axis,
        multiscale=layer.multiscale,
        place=place_of(layer, names, shape, index),
        spacing=_spacing(layer, names, kept),
        area=area,
    )


def _position(layer: Image, name: str, position: float, n: int) -> int:
    nearest = int(np.round(position))
    if not 0 <= nearest < n:
        raise InputError(
            f"The viewer is at {name} = {nearest}, outside “{layer.name}” "
            f"({name} = 0 to {n - 1}). Move the {name} slider."
        )
    return nearest


def _spacing(
    layer: Image, names: Sequence[str], kept: Sequence[int]
) -> tuple[float, ...] | None:
    """Return the distance of pixels in micrometres, or in the scale of the layer."""
    labelled = [i for i in kept if names[i] not in _CHANNELS]
    measure = pixel_measure(layer, [i for i in labelled if names[i] in "ZYX"])
    if measure is None:
        return None
    unit = UNITS.get(measure.length_unit)
    micrometres = 1.0 if unit is None else unit.size
    is_length = [names[i] in "ZYX" for i in labelled]
    return tuple(
        measure.edges[i] * (micrometres if known else 1.0)
        for i, known in zip(labelled, is_length, strict=True)
    )
