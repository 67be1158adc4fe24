"""Methods that Mutual Mean-Teaching is compared with, on the interface of segment.

Each is a function ``f(image, *, channel_axis=None, seed=0, n_labels=None, ...)`` that
returns labels. They are loaded on first use: importing this package imports neither
torch nor scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from napari_mmtseg.settings.methods import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    felzenszwalb: Callable[..., NDArray[np.int32]]
    gaussian_mixture: Callable[..., NDArray[np.int32]]
    iic: Callable[..., NDArray[np.int32]]
    kanezaki: Callable[..., NDArray[np.int32]]
    kim: Callable[..., NDArray[np.int32]]
    kmeans: Callable[..., NDArray[np.int32]]
    multi_otsu: Callable[..., NDArray[np.int32]]

__all__ = list(METHODS)


def __getattr__(name: str) -> Any:
    if name not in METHODS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}._{name}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(METHODS)
