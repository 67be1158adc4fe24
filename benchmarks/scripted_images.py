"""Images with truth that scripts make, and changes of images that keep their truth.

The coins of scikit-image are divided by the watershed of their gradient, from markers
below 30 and above 150. Texture composites are made of its brick, grass and gravel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage import data
from skimage.filters import sobel
from skimage.segmentation import watershed
from skimage.transform import rescale

from benchmarks.datasets import ImageWithTruth
from benchmarks.stability import as_before, with_noise

Layout = Callable[[NDArray[Any], NDArray[Any]], NDArray[np.uint8]]

_SIDE = 384
"""Pixels on each side of a texture composite."""

_LAYOUTS: dict[str, Layout] = {
    "halves": lambda y, x: (x > 0).astype(np.uint8),
    "slanted": lambda y, x: (y + 0.4 * x > 0.1).astype(np.uint8),
    "disc": lambda y, x: (y**2 + x**2 < 0.55**2).astype(np.uint8),
    "wave": lambda y, x: (y > 0.3 * np.sin(4 * x)).astype(np.uint8),
    "thirds": lambda y, x: (x > -1 / 3).astype(np.uint8) + (x > 1 / 3),
    "disc on halves": lambda y, x: np.where(y**2 + x**2 < 0.5**2, 2, x > 0).astype(
        np.uint8
    ),
}

_TEXTURES = ("brick", "grass", "gravel")


@dataclass(frozen=True)
class ScriptedImage:
    """An image of scikit-image or a composite of its textures, made when it is read."""

    collection: str
    name: str

    def read_image(self) -> NDArray[Any]:
        """Return the image (Y, X), uint8."""
        if self.name == "coins":
            return data.coins()
        truth, textures = self._composite()
        return np.choose(truth, textures).astype(np.uint8)

    def read_truths(self) -> list[NDArray[Any]]:
        """Return the true classes (Y, X) in a list."""
        return [_coins() if self.name == "coins" else self._composite()[0]]

    def true_number(self) -> int:
        """Return the number of true classes."""
        return len(np.unique(self.read_truths()[0]))

    def _composite(self) -> tuple[NDArray[Any], list[NDArray[Any]]]:
        layout, textures = self.name.split(" of ")
        y, x = np.mgrid[-1 : 1 : _SIDE * 1j, -1 : 1 : _SIDE * 1j]
        truth = _LAYOUTS[layout](y, x)
        return truth, [_texture(name) for name in textures.split(", ")]


@cache
def _coins() -> NDArray[Any]:
    coins = data.coins()
    markers = np.where(coins < 30, 1, np.where(coins > 150, 2, 0))
    return watershed(sobel(coins), markers) - 1


@cache
def _texture(name: str) -> NDArray[Any]:
    """Return a texture; with "fine " before its name at 0.75 times its size."""
    image = getattr(data, name.removeprefix("fine "))()
    if name.startswith("fine "):
        image = rescale(image, 0.75, preserve_range=True, anti_aliasing=True)
    return image[:_SIDE, :_SIDE]


def scripted_images() -> list[ScriptedImage]:
    """Return the coins and twelve texture composites, of two and of three textures."""
    a, b, c = _TEXTURES
    names = [
        *(f"halves of {p}, {q}" for p, q in ((a, b), (b, c), (a, c))),
        *(f"disc of {p}, {q}" for p, q in ((b, a), (c, b), (c, a))),
        f"slanted of {b}, fine {c}",
        f"wave of fine {a}, {c}",
        f"thirds of {a}, {b}, {c}",
        f"thirds of {c}, {a}, {b}",
        f"disc on halves of {a}, {c}, {b}",
        f"disc on halves of {b}, {c}, fine {a}",
    ]
    composites = [ScriptedImage("textures", name) for name in names]
    return [ScriptedImage("coins", "coins"), *composites]


def uneven_light(image: NDArray[Any]) -> NDArray[Any]:
    """Multiply by 0.5 in one corner up to 1.5 in the opposite one, clipped."""
    y, x = (np.linspace(0, 1, n) for n in image.shape[:2])
    factor = 0.5 + (y[:, np.newaxis] + x) / 2
    if image.ndim == 3:
        factor = factor[..., np.newaxis]
    return as_before(image * factor, image)


def strong_noise(image: NDArray[Any]) -> NDArray[Any]:
    """Add Gaussian noise with a deviation of 5 % of the image's range, clipped."""
    return with_noise(image, 0.05)


CHANGES: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    "uneven light": uneven_light,
    "noise": strong_noise,
}


@dataclass(frozen=True)
class ChangedImage:
    """An image that a function of :data:`CHANGES` has changed; its truth stays."""

    image: ImageWithTruth
    change: str

    @property
    def collection(self) -> str:
        """The set of the image."""
        return self.image.collection

    @property
    def name(self) -> str:
        """Name of the image and of the change."""
        return f"{self.image.name}, {self.change}"

    def read_image(self) -> NDArray[Any]:
        """Return the changed image."""
        return CHANGES[self.change](self.image.read_image())

    def read_truths(self) -> list[NDArray[Any]]:
        """Return the truth of the image."""
        return self.image.read_truths()

    def true_number(self) -> int | None:
        """Return the number of true classes."""
        return self.image.true_number()
