"""Classes of scribbles: painted by a user instead of found by the networks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from napari_mmtseg.engine.model.confidence import painted_confidence
from napari_mmtseg.engine.model.image_view import ImageView
from napari_mmtseg.engine.model.inference import Hierarchies, Inference, Raw, Steps
from napari_mmtseg.labels.discriminant import Discriminant
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.labels.regions import enlarge, sum_by_label
from napari_mmtseg.labels.ward import brightness_ranks, merge_classes
from napari_mmtseg.settings.fields import SegmentationSettings

READOUTS = ("edges", "regions", "averaged", "pixels")
_ARRAYS = ("values", "channels", "sizes", "means")

_SURE = 0.5
"""Difference in probability from which the networks overrule earlier labels."""


@dataclass(frozen=True)
class PaintedClasses:
    """Classes with label `values` of their own, each made of some response channels.

    `channels` is (k, q); `sizes` (k,) and `means` (k, C) are measured in the normalised
    images that the model was fitted on. `name` says how responses become classes:
    averaged over regions of several sizes (edges; regions if the model had merged
    regions before), over small regions, or pixel by pixel. All except the first are of
    models that found classes before scribbles. With edges, what the networks see is
    looked at by `guess` as well, and averages have the weight `region_weight` against
    the pixel itself.
    """

    values: NDArray[np.int32]
    channels: NDArray[np.bool_]
    sizes: NDArray[np.float64]
    means: NDArray[np.float64]
    name: str = "edges"
    guess: Discriminant | None = None
    region_weight: float = 1.0

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

    def n_labels(self, n_labels: int | None) -> int:
        """Return how many classes a result has when `n_labels` are asked for."""
        return min(n_labels or len(self.values), len(self.values))

    def of(self, clusters: NDArray[Any]) -> NDArray[Any]:
        """Return the class index of every cluster."""
        classes: NDArray[Any] = self.channels.argmax(0)[clusters]
        return classes

    def label_values(self) -> NDArray[np.int32]:
        """Return the labels of all classes from dark to bright."""
        values = np.empty_like(self.values)
        values[self.table[-1]] = self.values
        return values

    @cached_property
    def table(self) -> NDArray[np.int32]:
        """The class, dark to bright, of every one at every number of them."""
        rows = []
        for k in range(len(self.values)):
            group = merge_classes(self.means, self.sizes, k + 1)
            # A class that only another image has still needs a place.
            weights = np.maximum(self.sizes, 1e-6)
            ranks = brightness_ranks(group, self.means[:, 0], weights)
            rows.append(ranks[group].astype(np.int32) - 1)
        return np.stack(rows)

    def hierarchy(
        self,
        inference: Inference,
        image: Raw,
        settings: SegmentationSettings,
        view: ImageView | None = None,
    ) -> Hierarchies:
        """Return the labels of a raw image (C, Y, X) for every number of classes."""
        if self.name == "pixels":
            classes = self.of((yield from inference.clusters(image)))
        else:
            view = view or inference.view(image)
            if self.name == "averaged":
                classes = self.of((yield from inference.averaged_clusters(view)))
            else:
                probabilities = yield from inference.class_probabilities(
                    view, self.channels, by_regions=False
                )
                if self.guess is not None:
                    probabilities += self.guess.probabilities(view.seen)
                    probabilities /= 2
                averaged = view.averaged(probabilities, self.region_weight)
                classes = averaged.argmax(0)
        return self.hierarchy_of(enlarge(classes, image.shape[1:]), settings)

    def correct(
        self,
        inference: Inference,
        view: ImageView,
        settings: SegmentationSettings,
        expected: NDArray[np.int32],
    ) -> Hierarchies:
        """Keep the expected classes (Y, X), unless the networks are sure of another."""
        probabilities = yield from inference.class_probabilities(
            view, self.channels, by_regions=self.name == "regions"
        )
        there = enlarge(expected, view.image.shape[1:])
        own = np.take_along_axis(probabilities, there[np.newaxis].astype(np.intp), 0)[0]
        sure = probabilities.max(0) - own > _SURE
        best = probabilities.argmax(0)
        classes = np.where(
            enlarge(sure, expected.shape), enlarge(best, expected.shape), expected
        )
        return self.hierarchy_of(classes, settings)

    def hierarchy_of(
        self, classes: NDArray[Any], settings: SegmentationSettings
    ) -> LabelHierarchy:
        """Return the labels of a class map (Y, X) for every number of classes."""
        return LabelHierarchy(
            classes.astype(np.uint8),
            self.table,
            self.sizes,
            self.n_labels(settings.n_labels),
            len(self.values),
            min_region_size=settings.min_region_size,
        )

    def confidence(
        self, inference: Inference, image: Raw, settings: SegmentationSettings
    ) -> Steps:
        """Return the confidence in the labels of a raw image, (Y, X)."""
        row = self.table[self.n_labels(settings.n_labels) - 1]
        members = [row == c for c in np.unique(row)]
        groups = np.stack([self.channels[of_class].any(0) for of_class in members])
        view, guess = inference.view(image), None
        if self.guess is not None:
            each = self.guess.probabilities(view.seen)
            guess = np.stack([each[of_class].sum(0) for of_class in members])
        weight = 0.0 if self.name == "pixels" else self.region_weight
        confidence = yield from painted_confidence(
            inference, view, groups, weight, guess
        )
        return enlarge(confidence, image.shape[1:])

    def state(self) -> dict[str, Tensor]:
        """Return all numbers by name."""
        state = {f"given.{n}": torch.from_numpy(getattr(self, n)) for n in _ARRAYS}
        state["given.region_weight"] = torch.tensor(self.region_weight)
        if self.guess is not None:
            state["given.slopes"] = torch.from_numpy(self.guess.slopes)
            state["given.offsets"] = torch.from_numpy(self.guess.offsets)
        return state | {"given.readout": torch.tensor(READOUTS.index(self.name))}

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> PaintedClasses:
        """Restore what :meth:`state` returned."""
        arrays = [state[f"given.{name}"].numpy() for name in _ARRAYS]
        values, channels, sizes, means = arrays
        readout = READOUTS[int(state["given.readout"])]
        guess, weight = None, 1.0
        if "given.slopes" in state:
            slopes, offsets = state["given.slopes"], state["given.offsets"]
            guess = Discriminant(slopes.numpy(), offsets.numpy())
        if "given.region_weight" in state:
            weight = float(state["given.region_weight"])
        return cls(values, channels, sizes, means, readout, guess, weight)


def channels_of_classes(
    clusters: Sequence[NDArray[np.int64]],
    classes: Sequence[NDArray[Any]],
    q: int,
    k: int,
) -> NDArray[np.bool_]:
    """Give every class the response channels that most of its pixels have.

    `clusters` holds the channel of every pixel, 0..q-1, `classes` its class, 0..k-1. In
    the result (k, q) every class has at least one channel, and no channel two classes.
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
