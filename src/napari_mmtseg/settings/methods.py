"""Registry of the methods that Mutual Mean-Teaching is compared with.

A new method is an entry here and a function of the same name in a module of the same
name, with an underscore in front, in :mod:`napari_mmtseg.baselines`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Method:
    """Published defaults of what a method uses besides `n_labels` and `seed`."""

    settings: dict[str, Any] = field(default_factory=dict)
    needs_scikit_learn: bool = False


_NETWORK = {
    "max_labels": 100,
    "min_labels": 3,
    "n_conv_layers": 2,
    "n_steps": 1000,
    "learning_rate": 0.1,
    "momentum": 0.9,
    "working_size": None,
    "device": "auto",
    "precision": "float32",
}

METHODS = {
    "felzenszwalb": Method(),
    "gaussian_mixture": Method(needs_scikit_learn=True),
    "iic": Method({**_NETWORK, "max_labels": 8, "min_labels": 1, "n_steps": 200}),
    "kanezaki": Method(_NETWORK),
    "kim": Method({"continuity_weight": 5.0, **_NETWORK}),
    "kmeans": Method(needs_scikit_learn=True),
    "multi_otsu": Method(),
}
