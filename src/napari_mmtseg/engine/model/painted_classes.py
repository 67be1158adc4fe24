"""Classes that were given to the networks instead of found by them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from napari_mmtseg.labels.regions import sum_by_label
from napari_mmtseg.labels.ward import brightness_ranks, merge_classes

__all__ = ["PaintedClasses", "channels_of_classes"]

READOUTS = ("edges", "regions", "averaged", "pixels")
_ARRAYS = ("values", "channels", "sizes", "means")


@dataclass(frozen=True)
class PaintedClasses:
    """Classes with label values of their own, each made of some response channels.

    Attributes
    ----------
    values : (k,) ndarray of int32
        Label of every class.
    channels : (k, q) ndarray of bool
        The response channels of every class.
    sizes : (k,) ndarray
        Pixels of every class in the images that the model was fitted on.
    means : (k, C) ndarray
        Their mean in the normalised images.
    readout : {"edges", "regions", "averaged", "pixels"}
        How responses become classes: averaged over regions of several sizes (edges, and
        regions for a model that once divided an image into regions), over small
        regions, or pixel by pixel. All but the first are of models that found their
        classes before some pixels were painted.
    """

    values: NDArray[np.int32]
    channels: NDArray[np.bool_]
    sizes: NDArray[np.float64]
    means: NDArray[np.float64]
    readout: str = "edges"

    @classmethod
    def measure(
        cls,
        values: NDArray[np.int32],
        channels: NDArray[np.bool_],
        classes: Sequence[NDArray[Any]],
        images: Sequence[NDArray[np.float32]],
        readout: str,
    ) -> PaintedClasses:
        """Measure class maps (Y, X), 0..k-1, of normalised images (C, Y, X)."""
        k = len(values)
        measured = [
            sum_by_label(c, image, k) for c, image in zip(classes, images, strict=True)
        ]
        sizes, sums = (np.sum(parts, axis=0) for parts in zip(*measured, strict=True))
        means = sums / np.maximum(sizes, 1)[:, np.newaxis]
        return cls(values, channels, sizes, means, readout)

    def table(self) -> NDArray[np.int32]:
        """Return the class, dark to bright, of every one at every number of them."""
        rows = []
        for k in range(len(self.values)):
            group = merge_classes(self.means, self.sizes, k + 1)
            # A class that only another image has still needs a place.
            weights = np.maximum(self.sizes, 1e-6)
            ranks = brightness_ranks(group, self.means[:, 0], weights)
            rows.append(ranks[group].astype(np.int32) - 1)
        return np.stack(rows)

    def label_values(self) -> NDArray[np.int32]:
        """Return the labels of all classes from dark to bright."""
        values = np.empty_like(self.values)
        values[self.table()[-1]] = self.values
        return values

    def state(self) -> dict[str, Tensor]:
        """Return all numbers by name."""
        state = {f"given.{n}": torch.from_numpy(getattr(self, n)) for n in _ARRAYS}
        return state | {"given.readout": torch.tensor(READOUTS.index(self.readout))}

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> PaintedClasses:
        """Restore what :meth:`state` returned."""
        arrays = [state[f"given.{name}"].numpy() for name in _ARRAYS]
        values, channels, sizes, means = arrays
        readout = READOUTS[int(state["given.readout"])]
        return cls(values, channels, sizes, means, readout)


def channels_of_classes(
    clusters: Sequence[NDArray[np.int64]],
    classes: Sequence[NDArray[Any]],
    q: int,
    k: int,
) -> NDArray[np.bool_]:
    """Give every class the response channels that most of its pixels have.

    Parameters
    ----------
    clusters : sequence of (Y, X) ndarray of int64
        Channel of every pixel, 0..q-1.
    classes : sequence of (Y, X) ndarray of int
        Class of every pixel, 0..k-1; `k` is at most `q`.
    q, k : int
        Number of channels and of classes.

    Returns
    -------
    (k, q) ndarray of bool
        Every class has one channel at least, no channel two classes.
    """
    counts = np.zeros((k, q))
    for cluster_map, class_map in zip(clusters, classes, strict=True):
        pairs = class_map.astype(np.int64).ravel() * q + cluster_map.ravel()
        counts += np.bincount(pairs, minlength=k * q).reshape(k, q)
    class_of = np.where(counts.any(0), counts.argmax(0), -1)
    # By share of the class, so that a small one gets a channel of its own.
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    own, channels = linear_sum_assignment(shares, maximize=True)
    class_of[channels] = own
    owned: NDArray[np.bool_] = class_of == np.arange(k)[:, np.newaxis]
    return owned
