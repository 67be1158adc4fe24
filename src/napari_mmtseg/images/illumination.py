"""Uneven light of images: found without a setting, and taken out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.images.colours import is_photograph
from napari_mmtseg.images.light_field import Field, Part
from napari_mmtseg.images.light_fit import find_light


@dataclass(frozen=True)
class Illumination:
    """Uneven light of an image, or of all slices of a stack; part of a fitted model.

    `fields` has one entry for every channel, None where the light is even; an RGB image
    has one for all its channels. `asked` is the setting `illumination`. With `each`,
    every image is looked at for itself, see :meth:`of`.

    The slopes of brightness between neighbouring blocks of pixels vote: within any
    object or background they are those of the light, and at edges they differ from it
    (as in retinex theory, J. Opt. Soc. Am. 61, 1971). A polynomial is fitted to them by
    iteratively reweighted least squares, so that objects may be large, and edges count
    little. The light is taken for real if the
    image is simpler without it: if the entropy of its values falls (Likar et al., J.
    Microsc. 197, 2000). Then it is refined until that is lowest.
    """

    asked: str = "off"
    fields: tuple[Field | None, ...] = ()
    each: bool = False

    @classmethod
    def fit(cls, parts: Sequence[Part], asked: str, each: bool = False) -> Illumination:
        """Find the light of an image, or of several under the same light, by parts.

        `asked` is "auto", "off", "divide" or "subtract".
        """
        if asked == "off" or not parts:
            return cls(asked, each=each)
        n_channels = len(parts[0].pixels)
        # The channels of an RGB image are under the same light.
        groups = [slice(None)] if n_channels == 3 else range(n_channels)
        found = cls(asked, tuple(find_light(parts, g, asked) for g in groups), each)
        if asked == "auto" and n_channels == 3 and found.kind != "none":
            even = [found.apply(*part) for part in parts]
            # In photographs light that varies belongs to what is seen: sky, shade.
            return cls(asked, each=each) if is_photograph(*even) else found
        return found

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Illumination:
        """Restore an illumination from ``dataclasses.asdict``, also after JSON."""
        fields = tuple(
            None
            if field is None
            else Field(**{**field, "coefficients": tuple(field["coefficients"])})
            for field in values["fields"]
        )
        return cls(str(values["asked"]), fields, bool(values["each"]))

    @property
    def kind(self) -> str:
        """Kind of correction: "none", "divide" or "subtract"."""
        kinds = [field.kind for field in self.fields if field is not None]
        return kinds[0] if kinds else "none"

    def of(self, *parts: Part) -> Illumination:
        """Return the illumination of an image, from some parts of it."""
        return Illumination.fit(parts, self.asked, each=True) if self.each else self

    def apply(
        self,
        pixels: NDArray[Any],
        corner: Sequence[int] = (0, 0),
        shape: Sequence[int] | None = None,
    ) -> NDArray[Any]:
        """Return pixels (C, [Z,] Y, X) under even light, in float32 if it was not.

        They lie at `corner` of a whole of `shape` (Y, X), and are all of it without.
        """
        if self.kind == "none":
            return pixels
        values = pixels.astype(np.float32)
        whole_shape = pixels.shape[-2:] if shape is None else shape
        fields = self.fields * (len(values) if len(self.fields) == 1 else 1)
        for channel, field in zip(values, fields, strict=True):
            if field is not None:
                channel[...] = field.taken_out(channel, corner, whole_shape)
        return values


EVEN = Illumination()
"""Light that is left as it is."""
