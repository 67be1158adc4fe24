"""An image with any axes and of any size, read frame by frame and part by part."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.area import fill_outside, laid_area
from napari_mmtseg.images.arrays import (
    check_shape,
    masked_as_nan,
    plain_values,
    say_masked,
)
from napari_mmtseg.images.axes import check_channel_letter, guess_axes, parse_axes
from napari_mmtseg.images.illumination import EVEN, Illumination
from napari_mmtseg.images.lazy import ArrayPart
from napari_mmtseg.notices import warn


@dataclass(frozen=True)
class Location:
    """The `window` of the frame at `index` along the stacked axes."""

    index: tuple[int, ...]
    window: tuple[slice, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of the window along every axis of the frame."""
        return tuple(part.stop - part.start for part in self.window)

    @property
    def n_pixels(self) -> int:
        """Number of pixels."""
        return int(np.prod(self.shape, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class ImageStack:
    """An image with named axes; a single 2D image is a stack of one frame.

    `array` has ``shape``, ``dtype`` and slicing: numpy, memmap, dask, zarr. `axes` has
    a letter for each: Y and X, C for channels or S for RGB colours, others for stacked
    axes. With `volumes` a frame is a volume (Z, Y, X), else a slice (Y, X). Parts are
    read under even light, if `illumination` is that of the stack. Outside `area`, in
    the shape of the labels, is no data: there the inside is read, mirrored.
    """

    array: Any
    axes: str
    volumes: bool = False
    illumination: Illumination = EVEN
    area: NDArray[np.bool_] | None = None

    @classmethod
    def of(
        cls,
        image: Any,
        *,
        axes: str | None = None,
        channel_axis: int | None = None,
        volumes: bool = False,
        area: Any = None,
    ) -> ImageStack:
        """Name the axes of an image of bool, integers or floats, without reading it.

        Without `axes` (see :func:`~napari_mmtseg.images.axes.parse_axes`) the last two
        are Y and X, before a last one with 3 or 4 entries (RGB or RGBA), and those
        before are stacked: Z, or T and Z. `area` has the shape of the labels, or of a
        plane. Raises InputError if axes, shape, data type or area cannot be segmented.
        """
        given, image = image, masked_as_nan(image)
        array = image
        known = all(hasattr(image, name) for name in ("shape", "dtype", "__getitem__"))
        if not known or not _is_numpy_type(image.dtype):
            array = np.asarray(image)
        if any(n != n for n in array.shape):
            raise InputError(
                f"An image of shape {tuple(array.shape)}: not all lengths are known. "
                "Of a dask array, call compute_chunk_sizes() first."
            )
        shape = tuple(int(n) for n in array.shape)
        if axes is None:
            letters = guess_axes(shape, channel_axis)
        else:
            letters = parse_axes(axes, len(shape))
            check_channel_letter(letters, shape, channel_axis, axes)
        stack = cls(array, letters)
        if volumes and stack.n_frames > 1:
            if "Z" not in letters:
                raise InputError(
                    f"A volume (stack=volume) needs an axis Z; the axes {letters} have "
                    "none. Name one of them Z, or take one model (stack=one_model) or "
                    "a model for each slice (stack=slice_by_slice)."
                )
            if shape[letters.index("Z")] > 1:
                stack = cls(array, letters, volumes=True)
        if 0 in shape:
            raise InputError(f"An image of shape {shape} has no pixels.")
        first = stack.first
        check_shape(first.shape[:1] + first.shape[-2:], first.dtype, 0)
        say_masked(given)
        if "S" in letters and shape[letters.index("S")] == 4:
            warn(
                "The alpha channel of an RGBA image is ignored. Pass channel_axis, or "
                "axes with C, to use all four channels.",
            )
        if area is not None:
            laid = laid_area(area, stack.label_axes, stack.shape)
            return replace(stack, area=laid)
        return stack

    @property
    def label_axes(self) -> str:
        """The axes without channels or colours: those of the labels."""
        return "".join(a for a in self.axes if a not in "CS")

    @property
    def frame_axes(self) -> str:
        """The axes of a frame in the labels, such as "YX"."""
        return "ZYX" if self.volumes else "YX"

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the labels."""
        return tuple(
            int(n)
            for a, n in zip(self.axes, self.array.shape, strict=True)
            if a not in "CS"
        )

    @property
    def lead(self) -> tuple[int, ...]:
        """Lengths of the axes that are stacked, in the order of the labels."""
        return tuple(
            n
            for a, n in zip(self.label_axes, self.shape, strict=True)
            if a not in self.frame_axes
        )

    @property
    def first(self) -> Frame:
        """The first frame; all others have its shape."""
        return self.frame((0,) * len(self.lead))

    @property
    def is_one_image(self) -> bool:
        """Whether this is a single 2D image that is segmented as a whole."""
        return self.n_frames == 1 and not self.volumes and not self.first.is_large

    @property
    def n_frames(self) -> int:
        """Number of frames."""
        return int(np.prod(self.lead, dtype=np.int64))

    def indices(self) -> Iterator[tuple[int, ...]]:
        """Yield the position of every frame along the stacked axes."""
        yield from np.ndindex(self.lead)

    def frame(self, index: Sequence[int] = ()) -> Frame:
        """Return the frame at a position along the stacked axes."""
        position = iter(index)
        whole = slice(None)
        kept = self.frame_axes + "CS"
        chosen = tuple(whole if a in kept else int(next(position)) for a in self.axes)
        left = [a for a in self.axes if a in kept]
        channels = [a for a in left if a in "CS"]
        order = tuple(left.index(a) for a in [*channels, *self.frame_axes])
        n_channels = 0
        if channels:
            n_channels = int(self.array.shape[self.axes.index(channels[0])])
            if channels == ["S"]:
                n_channels = min(n_channels, 3)  # without alpha
        area = None
        if self.area is not None:
            area = self.area[self.place(self.whole(index))]
        return Frame(self.array, chosen, order, n_channels, self.illumination, area)

    def whole(self, index: Sequence[int] = ()) -> Location:
        """Return the location of a whole frame."""
        lengths = dict(zip(self.axes, self.array.shape, strict=True))
        window = tuple(slice(0, int(lengths[a])) for a in self.frame_axes)
        return Location(tuple(index), window)

    def read(self, location: Location) -> NDArray[Any]:
        """Read the pixels of a part, (C, Y, X) or (C, Z, Y, X)."""
        return self.frame(location.index)[(slice(None), *location.window)]

    def shows(self, location: Location) -> bool:
        """Return whether any of the area lies in a part."""
        return self.area is None or bool(self.area[self.place(location)].any())

    def place(self, location: Location) -> tuple[int | slice, ...]:
        """Return the index of a part in the labels of the stack."""
        position, parts = iter(location.index), iter(location.window)
        return tuple(
            next(parts) if a in self.frame_axes else int(next(position))
            for a in self.label_axes
        )


def check_spacing(spacing: Sequence[float] | None, stack: ImageStack) -> float:
    """Return how many times farther slices of a volume are apart than its pixels.

    `spacing` is the distance between neighbouring pixels along every axis of the
    labels. Raises InputError if there is not one positive number for every axis.
    """
    if spacing is None:
        return 1.0
    axes = stack.label_axes
    try:
        sizes = np.asarray(spacing, np.float64)
    except (TypeError, ValueError):
        sizes = np.empty(0)  # which is refused
    if sizes.shape != (len(axes),) or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise InputError(
            f"spacing={spacing!r} does not fit an image whose labels have the axes "
            f"{axes}. Give {len(axes)} positive numbers, one for each."
        )
    if "Z" not in axes:
        return 1.0
    of = dict(zip(axes, sizes.tolist(), strict=True))
    return float(2 * of["Z"] / (of["Y"] + of["X"]))


def _is_numpy_type(dtype: Any) -> bool:
    try:
        np.dtype(dtype)
    except TypeError:  # of another library, which may still convert its arrays
        return False
    return True


LARGE = 2**24
"""Pixels up to which a frame is segmented as a whole."""


@dataclass(frozen=True, eq=False)
class Frame:
    """One slice, or one volume, of a stack; read only when it is indexed.

    `index` is its place in the array of the stack, and `order` that of the remaining
    axes, channels first. Of the channels `n_channels` are used; it is 0 without such an
    axis. Outside `area` the inside is mirrored.
    """

    array: Any
    index: tuple[int | slice, ...]
    order: tuple[int, ...]
    n_channels: int
    illumination: Illumination = EVEN
    area: NDArray[np.bool_] | None = None

    @property
    def _part(self) -> ArrayPart:
        return ArrayPart(self.array, self.index, self.order)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Data type of the pixels."""
        if self.illumination.kind != "none":
            return np.dtype(np.float32)
        return plain_values(np.empty(0, self._part.dtype)).dtype

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of every axis, (C, Y, X) or (C, Z, Y, X)."""
        shape = self._part.shape
        return (self.n_channels, *shape[1:]) if self.n_channels else (1, *shape)

    @property
    def n_pixels(self) -> int:
        """Number of pixels, whatever the channels."""
        return int(np.prod(self.shape[1:], dtype=np.int64))

    @property
    def is_large(self) -> bool:
        """Whether it is labelled in tiles, every pixel by its own response."""
        return self.n_pixels > LARGE

    def __getitem__(self, window: tuple[slice, ...]) -> NDArray[Any]:
        """Read a part, with a slice for every axis of :attr:`shape`.

        Raises InputError if it cannot be read.
        """
        channels, *spatial = window
        if self.n_channels:
            first, last, _ = channels.indices(self.n_channels)
            spatial = [slice(first, last), *spatial]
        try:
            pixels = plain_values(self._part[tuple(spatial)])
        except (MemoryError, InputError):
            raise
        except Exception as error:  # every format has its own
            at = [i for i in self.index if not isinstance(i, slice)]
            slice_ = f"The slice {', '.join(map(str, at))}" if at else "A part"
            raise InputError(
                f"{slice_} of the image cannot be read "
                f"({type(error).__name__}: {error})."
            ) from error
        pixels = pixels if self.n_channels else pixels[np.newaxis][channels]
        if self.illumination.kind != "none":
            shape = self.shape[-2:]
            ranges = (w.indices(n) for w, n in zip(window[-2:], shape, strict=True))
            corner = [start for start, *_ in ranges]
            pixels = self.illumination.apply(pixels, corner, shape)
        if self.area is None:
            return pixels
        return fill_outside(pixels, self.area[tuple(window[1:])])

    def read(self) -> NDArray[Any]:
        """Read all of it, (C, Y, X) or (C, Z, Y, X)."""
        return self[(slice(None),) * len(self.shape)]
