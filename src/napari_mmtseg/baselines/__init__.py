"""The methods that Mutual Mean-Teaching is compared with, on the interface of segment.

Each is a function ``f(image, *, channel_axis=None, seed=0, n_labels=None, ...)`` that
returns labels. They are loaded on first use: importing this package imports neither
torch nor scikit-learn.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from napari_mmtseg.baselines._felzenszwalb import felzenszwalb
    from napari_mmtseg.baselines._gaussian_mixture import gaussian_mixture
    from napari_mmtseg.baselines._iic import iic
    from napari_mmtseg.baselines._kanezaki import kanezaki
    from napari_mmtseg.baselines._kim import kim
    from napari_mmtseg.baselines._kmeans import kmeans
    from napari_mmtseg.baselines._multi_otsu import multi_otsu

__all__ = [
    "felzenszwalb",
    "gaussian_mixture",
    "iic",
    "kanezaki",
    "kim",
    "kmeans",
    "multi_otsu",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}._{name}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
