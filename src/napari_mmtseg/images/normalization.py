"""Normalisation of raw pixels: standardised channels, colours as CIE Lab or stains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.color import rgb2lab

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.arrays import NO_DATA
from napari_mmtseg.images.stains import (
    absorbs_light,
    field_light,
    has_brown_stain,
    stain_amounts,
    stain_spectra,
)
from napari_mmtseg.images.value_range import value_range
from napari_mmtseg.notices import warn

Range = tuple[float | None, float | None]
"""Values that become 0 and 1; None for those that the image decides."""

_FAINT = 0.1
"""Deviation of the sum of two stains: enough to order classes from dark to bright."""


@dataclass(frozen=True)
class Normalization:
    """Conversion of raw pixels to the input of the networks; part of a fitted model.

    In color space "lab" three channels are taken for RGB and converted to CIE Lab, and
    every channel is then standardised; in "channels" values are only scaled to 0-1.
    `low` and `high` are raw values that become 0 and 1, one pair for RGB, else one per
    channel; `mean` and `std` standardise afterwards. In "stains" RGB becomes minus the
    amounts of two stains, by their `spectra` (2, 3), after their faint sum; `high` is
    then the light of the empty field, (3,). With `each` every image is
    normalised by its own values, see :meth:`of`; the numbers are those of all images of
    the fit together. `fixed` are values that are black and white whatever the image
    holds, None for those that it decides.
    """

    color_space: str
    low: tuple[float, ...]
    high: tuple[float, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    each: bool = False
    spectra: tuple[tuple[float, ...], ...] = ()
    fixed: Range = (None, None)

    @property
    def n_channels(self) -> int:
        """Number of channels that an image must have."""
        return 3 if self.spectra else len(self.mean)

    @property
    def n_outputs(self) -> int:
        """Number of channels of a normalised image."""
        return len(self.mean)

    @classmethod
    def fit(
        cls,
        images: Sequence[NDArray[Any]],
        color_space: str,
        fixed: Range = (None, None),
    ) -> Normalization:
        """Find the normalisation of raw images (C, Y, X).

        `color_space` "auto" is "stains" for tissue with a brown and another stain, else
        "lab". Raises InputError if images differ in their number of channels.
        """
        counts = sorted({len(image) for image in images})
        if len(counts) != 1:
            raise InputError(
                "All images of one model need the same number of channels; these have "
                f"{counts}."
            )
        n_channels = counts[0]
        if color_space == "auto":
            brown = all(_is_brown_stained(image) for image in images)
            color_space = "stains" if brown else "lab"
        if color_space == "stains" and n_channels == 3:
            return cls._of_stains(images)
        # Channels of an RGB image share one range: their balance is the colour.
        joint = color_space == "channels" or n_channels == 3
        groups = (
            [slice(None)] if joint else [slice(c, c + 1) for c in range(n_channels)]
        )
        ranges = [
            _value_range([image[group] for image in images], color_space, fixed)
            for group in groups
        ]
        low, high = (tuple(float(r[i]) for r in ranges) for i in (0, 1))
        zeros, ones = (0.0,) * n_channels, (1.0,) * n_channels
        start = cls(color_space, low, high, zeros, ones, fixed=fixed)
        if color_space == "channels":
            return start
        seen = np.concatenate(
            [start.apply(image).reshape(n_channels, -1) for image in images], axis=1
        )
        mean = seen.mean(axis=1, dtype=np.float64)
        std = seen.std(axis=1, dtype=np.float64)
        if n_channels == 3:
            # One scale for L, a and b keeps colour differences comparable.
            std = np.full(3, np.sqrt((std**2).sum()))
        std[std < 1e-6] = 1.0
        return replace(start, mean=tuple(mean.tolist()), std=tuple(std.tolist()))

    @classmethod
    def _of_stains(cls, images: Sequence[NDArray[Any]]) -> Normalization:
        pixels = np.concatenate([image.reshape(3, -1) for image in images], axis=1)
        light, spectra = field_light(pixels), stain_spectra(pixels)
        start = cls(
            "stains",
            (0.0,),
            tuple(light.tolist()),
            (0.0, 0.0, 0.0),
            (1.0, 1.0, 1.0),
            spectra=tuple(tuple(s) for s in spectra.tolist()),
        )
        seen = start.apply(pixels)
        mean, std = seen.mean(1, dtype=np.float64), seen.std(1, dtype=np.float64)
        std[std < 1e-6] = 1.0
        std[0] /= _FAINT
        return replace(start, mean=tuple(mean.tolist()), std=tuple(std.tolist()))

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Normalization:
        """Restore a normalisation from ``dataclasses.asdict``, also after JSON."""
        numbers = ("low", "high", "mean", "std")
        low, high, mean, std = (tuple(map(float, values[name])) for name in numbers)
        each = bool(values.get("each", False))
        spectra = tuple(tuple(map(float, s)) for s in values.get("spectra", ()))
        darkest, brightest = values.get("fixed", (None, None))
        fixed = _number(darkest), _number(brightest)
        return cls(
            str(values["color_space"]), low, high, mean, std, each, spectra, fixed
        )

    def of(self, *parts: NDArray[Any]) -> Normalization:
        """Return the normalisation of an image, from some parts (C, Y, X) of it.

        Normalised by its own values, a brighter image or one with less contrast shows
        the same things in the same way as others.
        """
        if not self.each or not any(_holds_values(part) for part in parts):
            return self  # an empty slice
        return Normalization.fit(parts, self.color_space, self.fixed)

    def apply(self, image: NDArray[Any]) -> NDArray[np.float32]:
        """Return a raw image (C, [Z,] Y, X) normalised, in float32."""
        alone = self.color_space == "channels" or len(image) != 3
        every = _all_values(image.dtype)
        if alone and 0 < 4 * len(every) < image[0].size:
            # Convert every possible value once instead of every pixel.
            table = self._apply(np.broadcast_to(every, (len(image), len(every))))
            places = image.astype(np.intp) - np.iinfo(image.dtype).min
            return np.stack([t[p] for t, p in zip(table, places, strict=True)])
        return self._apply(image)

    def _apply(self, image: NDArray[Any]) -> NDArray[np.float32]:
        of_channels = (-1, *[1] * (image.ndim - 1))
        if self.spectra:
            light, spectra = np.array(self.high), np.array(self.spectra)
            bright = -stain_amounts(image, light, spectra).astype(np.float32)
            both = bright.sum(axis=0, keepdims=True)
            return self._standardized(np.concatenate([both, bright]))
        low, high = (
            np.asarray(v, np.float64).reshape(of_channels)
            for v in (self.low, self.high)
        )
        # Halved, because the range of float64 may itself not fit in float64.
        half_range = np.where(high > low, high / 2 - low / 2, 1.0)
        clipped = np.clip(_finite(image, low), low, high)
        unit = ((clipped / 2 - low / 2) / half_range).astype(np.float32)
        if self.color_space == "lab" and len(unit) == 3:
            unit = np.moveaxis(rgb2lab(np.moveaxis(unit, 0, -1)), -1, 0)
            unit = (unit / 100).astype(np.float32)
        return self._standardized(unit)

    def _standardized(self, unit: NDArray[np.float32]) -> NDArray[np.float32]:
        of_channels = (-1, *[1] * (unit.ndim - 1))
        mean = np.asarray(self.mean, np.float32).reshape(of_channels)
        std = np.asarray(self.std, np.float32).reshape(of_channels)
        normalized: NDArray[np.float32] = np.ascontiguousarray((unit - mean) / std)
        return normalized


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def _is_brown_stained(image: NDArray[Any]) -> bool:
    return len(image) == 3 and absorbs_light(image) and has_brown_stain(image)


def check_finite(*parts: NDArray[Any]) -> None:
    """Raise InputError if an image, whole or in parts, has no finite value."""
    if not any(_holds_values(part) for part in parts):
        raise InputError(
            "The image has no finite value: every pixel is NaN or infinite."
        )


def _holds_values(part: NDArray[Any]) -> bool:
    return bool(part.size) and (part.dtype.kind != "f" or bool(np.isfinite(part).any()))


def _all_values(dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return every value of a small data type, none of a large one."""
    if dtype.kind not in "iu" or dtype.itemsize > 2:
        return np.zeros(0, dtype)
    info = np.iinfo(dtype)
    return np.arange(info.min, info.max + 1).astype(dtype)


def _finite(image: NDArray[Any], low: NDArray[np.float64]) -> NDArray[np.float64]:
    values = image.astype(np.float64)
    if image.dtype.kind == "f":
        np.copyto(values, low, where=~np.isfinite(values))
    return values


def _value_range(
    images: Sequence[NDArray[Any]], color_space: str, fixed: Range
) -> tuple[float, float]:
    dtype = images[0].dtype
    low, high = fixed
    if dtype == np.uint8 and len(images[0]) == 3:
        found = 0.0, 255.0
    elif low is None or high is None:
        found = _range_of(images, color_space)
    else:
        _finite_values(images)
        found = low, high
    return found[0] if low is None else low, found[1] if high is None else high


def _range_of(images: Sequence[NDArray[Any]], color_space: str) -> tuple[float, float]:
    values = np.concatenate(_finite_values(images))
    if color_space == "channels":
        return float(values.min()), float(values.max())
    low, high = value_range(images, values.astype(np.float64))
    if low == high:
        low, high = values.min(), values.max()
    return float(low), float(high)


def _finite_values(images: Sequence[NDArray[Any]]) -> list[NDArray[Any]]:
    """Return the finite values of each image; raises InputError without any."""
    check_finite(*images)
    finite = []
    for image in images:
        mask = np.isfinite(image) if image.dtype.kind == "f" else np.True_
        values = image[mask] if not mask.all() else image.ravel()
        if values.size < image.size:
            warn(
                f"{image.size - values.size} pixels that are NaN or infinite are "
                "treated as the lowest finite value.",
                topic=NO_DATA,
            )
        finite.append(values)
    return finite
