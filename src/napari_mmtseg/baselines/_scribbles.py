"""Scribbles for Kim's network."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from napari_mmtseg.baselines._pixels import Pixels, number_clusters
from napari_mmtseg.engine.losses import Losses
from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.regions import sum_by_label
from napari_mmtseg.labels.scribbles import read_scribbles
from napari_mmtseg.settings.fields import SegmentationSettings


@dataclass(frozen=True)
class Scribbles:
    """Scribbles whose classes are the first channels of a network.

    `values` (n,) is the label of every channel, ascending; `channels` (Y, X) the
    channel of every painted pixel, -1 elsewhere.
    """

    values: NDArray[np.int32]
    channels: NDArray[np.int64]

    @classmethod
    def read(
        cls,
        scribbles: ArrayLike,
        shape: tuple[int, ...],
        settings: SegmentationSettings,
    ) -> Scribbles:
        """Read scribbles.

        Raises :class:`InputError` if they are not whole numbers from 0 in the shape of
        the image, or more classes are painted than `max_labels` or `n_labels` allow.
        """
        painted = read_scribbles(scribbles, shape)
        values = np.unique(painted[painted > 0])
        for name in ("n_labels", "max_labels"):
            most = getattr(settings, name)
            if most is not None and len(values) > most:
                raise InputError(
                    f"{len(values)} classes are painted, more than {name}={most}. "
                    f"Raise {name}."
                )
        channels = np.where(painted > 0, np.searchsorted(values, painted), -1)
        return cls(values, channels.astype(np.int64))

    def shrunk(self, shape: tuple[int, int]) -> NDArray[np.int64]:
        """Return `channels` in a smaller shape that keeps thin lines."""
        small = np.full(shape, -1, np.int64)
        rows, columns = np.nonzero(self.channels >= 0)
        height, width = self.channels.shape
        small[rows * shape[0] // height, columns * shape[1] // width] = self.channels[
            rows, columns
        ]
        return small

    def number(
        self, clusters: NDArray[np.int64], pixels: Pixels, n_labels: int | None
    ) -> NDArray[np.int32]:
        """Give painted classes their labels and all other clusters (Y, X) free labels.

        Channels that are not painted are merged until `n_labels` classes are left or,
        if none may be left, each goes to the painted class of the nearest colour.
        """
        n_painted = len(self.values)
        painted = self.shrunk(pixels.shape)
        if n_labels == n_painted:
            clusters = self._nearest(clusters, painted, pixels)[clusters]
        known = clusters < n_painted
        labels = np.zeros(clusters.shape, np.int32)
        labels[known] = self.values[clusters[known]]
        if not known.all():
            rest = Pixels(
                pixels.values[:, np.newaxis, ~known],
                pixels.colours[:, np.newaxis, ~known],
            )
            n_rest = n_labels - n_painted if n_labels is not None else None
            numbers = number_clusters(clusters[np.newaxis, ~known], rest, n_rest)[0]
            upwards = np.arange(1, n_painted + numbers.max() + 1)
            labels[~known] = np.setdiff1d(upwards, self.values)[numbers - 1]
        labels[painted >= 0] = self.values[painted[painted >= 0]]
        return labels

    def _nearest(
        self, clusters: NDArray[np.int64], painted: NDArray[np.int64], pixels: Pixels
    ) -> NDArray[np.intp]:
        """Return for every channel the painted class of the nearest colour."""
        n_painted = len(self.values)
        q = max(int(clusters.max()) + 1, n_painted)
        means, painted_means = (
            sums / np.maximum(sizes, 1)[:, np.newaxis]
            for sizes, sums in (
                sum_by_label(clusters, pixels.colours, q),
                sum_by_label(
                    painted[painted >= 0], pixels.colours[:, painted >= 0], n_painted
                ),
            )
        )
        distance = ((means[:, np.newaxis] - painted_means[np.newaxis]) ** 2).sum(2)
        nearest: NDArray[np.intp] = distance.argmin(1)
        nearest[:n_painted] = np.arange(n_painted)
        return nearest


def scribble_loss(
    response: Tensor, clusters: Tensor, painted: Tensor, beta: float, weight: float
) -> Losses:
    """Kim's loss with scribbles: L_sim (unpainted) + weight * L_scr + beta * L_con.

    `response` is (1, q, Y, X), `clusters` (Y, X) its argmax, and `painted` (Y, X) the
    channel of every painted pixel, -1 elsewhere.
    """
    y = response[0].permute(1, 2, 0)
    is_painted = painted >= 0
    targets = torch.where(is_painted, painted, clusters)
    entropy = F.cross_entropy(
        y.flatten(0, 1), targets.flatten(), reduction="none"
    ).view_as(targets)
    n_painted = is_painted.sum()
    unpainted = torch.where(is_painted, 0, entropy).sum() / (
        is_painted.numel() - n_painted
    ).clamp_min(1)
    scribbled = torch.where(is_painted, entropy, 0).sum() / n_painted.clamp_min(1)
    similarity = unpainted + weight * scribbled
    continuity = sum(
        (y.diff(dim=axis).abs().mean() for axis in (0, 1) if y.shape[axis] > 1),
        start=y.new_zeros(()),
    )
    total = similarity + beta * continuity
    return Losses(total, similarity.detach(), continuity.detach())
