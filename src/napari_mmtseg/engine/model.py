"""A fitted pair of peers: predict, save, load."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_mmtseg.arrays import Normalization, as_channels_first
from napari_mmtseg.engine.classes import choose_classes
from napari_mmtseg.engine.consensus import Consensus
from napari_mmtseg.engine.device import choose_device
from napari_mmtseg.engine.examples import to_working_size
from napari_mmtseg.engine.model_file import read_model_file, write_model_file
from napari_mmtseg.engine.network import ResponseNetwork
from napari_mmtseg.engine.training import Trained
from napari_mmtseg.errors import InputError
from napari_mmtseg.features import Texture
from napari_mmtseg.region_labels import label_regions, region_means
from napari_mmtseg.regions import absorb_small_regions, connected_regions, enlarge
from napari_mmtseg.settings import SegmentationSettings

__all__ = ["MutualMeanTeachingModel", "load_model"]

_REGIONS_SIZE = 1024
"""Long side in pixels of the image on which regions are merged."""


class MutualMeanTeachingModel:
    """A fitted pair of networks that labels images with the same classes.

    Made by :func:`napari_mmtseg.fit`, :func:`napari_mmtseg.iter_segment` or
    :func:`load_model`.

    Parameters
    ----------
    consensus : Consensus
        The networks whose mean response decides.
    class_map : (q,) int ndarray
        Class, from 1, of every aligned response channel.
    normalization : Normalization
        How raw pixel values become normalised ones.
    texture : Texture
        How those become network input.
    settings : SegmentationSettings
        What the model was fitted with.
    region_profiles : (k, q) ndarray, optional
        Mean response of every class, where neighbouring regions merge before they are
        given a class.
    averages_regions : bool
        Whether responses are averaged over small regions before classes are read off.
    """

    def __init__(
        self,
        consensus: Consensus,
        class_map: NDArray[np.int32],
        normalization: Normalization,
        texture: Texture,
        settings: SegmentationSettings,
        region_profiles: NDArray[np.float64] | None = None,
        averages_regions: bool = False,
    ) -> None:
        self._consensus = consensus
        self._class_map = np.asarray(class_map, np.int32)
        self._normalization = normalization
        self._texture = texture
        self._region_profiles = region_profiles
        self._averages_regions = averages_regions
        self.settings = settings

    @property
    def n_labels(self) -> int:
        """Number of classes."""
        if self._region_profiles is not None:
            return len(self._region_profiles)
        return int(self._class_map.max())

    @property
    def n_channels(self) -> int:
        """Number of channels that an image must have."""
        return self._normalization.n_channels

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__}: {self.n_labels} classes, {self.n_channels} "
            f"channels, preset {self.settings.preset!r}>"
        )

    @classmethod
    def from_training(
        cls,
        trained: Trained,
        images: Sequence[Tensor],
        normalization: Normalization,
        texture: Texture,
        settings: SegmentationSettings,
        plain: Sequence[NDArray[np.float32]],
    ) -> MutualMeanTeachingModel:
        """Freeze trained peers into a model.

        Parameters
        ----------
        trained : Trained
            What training ended with.
        images : sequence of Tensor, (1, C, Y, X)
            The images that it was trained on.
        normalization, texture : Normalization, Texture
            How they were made.
        settings : SegmentationSettings
            `n_labels` decides how many classes are kept.
        plain : sequence of (C, Y, X) ndarray
            The normalised images without texture.
        """
        q = settings.max_labels
        consensus = Consensus.freeze(trained.networks, images, q)
        model = cls(consensus, np.ones(q, np.int32), normalization, texture, settings)
        seen = [image[0].cpu().numpy() for image in images]
        clusters = [consensus.cluster_map(image) for image in images]
        if texture.weight:
            averaged = [
                region_means(image, consensus.probabilities(view), view)
                for image, view in zip(plain, seen, strict=True)
            ]
            coarse = [response.argmax(0) for response, _ in averaged]
            # Regions may be too few for the number of classes that is asked for.
            used = np.unique(np.concatenate([c.ravel() for c in coarse]))
            if len(used) >= (settings.n_labels or 1):
                model._averages_regions = True
                clusters, seen = coarse, [view for _, view in averaged]
        model._class_map = choose_classes(clusters, seen, settings)
        return model

    def predict(
        self,
        image: Any,
        *,
        channel_axis: int | None = None,
        output: str | None = None,
    ) -> NDArray[np.int32]:
        """Label an image with the classes of this model.

        Parameters
        ----------
        image : array-like
            Image with as many channels as the one that the model was fitted on.
        channel_axis : int, optional
            Axis of the channels; see :func:`napari_mmtseg.segment`.
        output : {"classes", "regions"}, optional
            As in the settings, which decide without it.

        Returns
        -------
        ndarray of int32
            Labels 1..k in the shape of the image without its channels; class numbers
            mean the same in every image.

        Raises
        ------
        InputError
            If the image does not fit the model.
        """
        steps = self.iter_predict(image, channel_axis=channel_axis, output=output)
        while True:
            try:
                next(steps)
            except StopIteration as end:
                labels: NDArray[np.int32] = end.value
                return labels

    def iter_predict(
        self,
        image: Any,
        *,
        channel_axis: int | None = None,
        output: str | None = None,
    ) -> Generator[float, None, NDArray[np.int32]]:
        """Do the same as :meth:`predict`, yielding the finished fraction by tiles."""
        output = self.settings.replace(output=output or self.settings.output).output
        channels = as_channels_first(image, channel_axis)
        if len(channels) != self.n_channels:
            raise InputError(
                f"An image with {len(channels)} channels does not fit this model, "
                f"which was fitted on {self.n_channels}. Pass an image with "
                f"{self.n_channels} channels, or name its channels with channel_axis."
            )
        if self._region_profiles is not None or self._averages_regions:
            return (yield from self._predict_regions(channels, output))
        labels = np.empty(channels.shape[1:], np.int32)
        pieces = self._consensus.tiles(labels.shape, self._texture.halo)
        for i, tile in enumerate(pieces):
            part = channels[:, tile.around[0], tile.around[1]]
            seen = self._texture.apply(self._normalization.apply(part))
            clusters = self._consensus.cluster_map(seen)
            labels[tile.core] = self._class_map[clusters[tile.inner]]
            yield (i + 1) / len(pieces)
        labels = absorb_small_regions(labels, self.settings.min_region_size)
        return connected_regions(labels) if output == "regions" else labels

    def iter_fit_regions(
        self, channels: NDArray[Any]
    ) -> Generator[float, None, NDArray[np.int32]]:
        """Let neighbouring regions of an image merge and keep the classes they form.

        From then on every image is labelled so: its regions merge in the same way, and
        each takes the class with the nearest mean response.

        Parameters
        ----------
        channels : (C, Y, X) ndarray
            The raw image that the model was fitted on.

        Yields
        ------
        float
            Finished fraction.

        Returns
        -------
        (Y, X) ndarray of int32
            Its labels.
        """
        output = self.settings.output
        return (yield from self._predict_regions(channels, output, find=True))

    def _predict_regions(
        self, channels: NDArray[Any], output: str, find: bool = False
    ) -> Generator[float, None, NDArray[np.int32]]:
        normalized = self._normalization.apply(channels)
        image = to_working_size(normalized, _REGIONS_SIZE)
        seen = to_working_size(self._texture.apply(normalized), _REGIONS_SIZE)
        del normalized
        response = np.empty((self.settings.max_labels, *seen.shape[1:]), np.float32)
        pieces = self._consensus.tiles(seen.shape[1:])
        for i, tile in enumerate(pieces):
            part = seen[:, tile.around[0], tile.around[1]]
            answer = self._consensus.probabilities(part)
            inner = answer[:, tile.inner[0], tile.inner[1]]
            response[:, tile.core[0], tile.core[1]] = inner
            yield (i + 1) / (len(pieces) + 1)
        if find or self._region_profiles is not None:
            found = label_regions(
                image,
                response,
                self.settings.region_threshold,
                self.settings.n_labels if find else None,
                None if find else self._region_profiles,
            )
            self._region_profiles = found.profiles
            labels = found.regions if output == "regions" else found.classes
        else:
            (averaged,) = region_means(image, response)
            labels = self._class_map[averaged.argmax(0)]
            if len(np.unique(labels)) < (self.settings.n_labels or 1):
                # The regions are too coarse for so many classes.
                labels = self._class_map[response.argmax(0)]
            if output == "regions":
                labels = connected_regions(labels)
        labels = enlarge(labels, channels.shape[1:])
        return absorb_small_regions(labels, self.settings.min_region_size)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model to one safetensors file.

        Parameters
        ----------
        path : path-like
            File name, ending in ``.safetensors``.
        overwrite : bool
            Replace a file that is there.

        Raises
        ------
        InputError
            If the name does not end in ``.safetensors``, the file exists or cannot be
            written.
        """
        about = {
            "settings": self.settings.to_dict(),
            "normalization": asdict(self._normalization),
            "texture": asdict(self._texture),
            "averages_regions": self._averages_regions,
            "class_map": self._class_map.tolist(),
            "region_profiles": (
                None
                if self._region_profiles is None
                else self._region_profiles.tolist()
            ),
            "channel_orders": [o.tolist() for o in self._consensus.channel_orders],
        }
        write_model_file(path, about, self._consensus.state(), overwrite=overwrite)


def load_model(path: str | Path) -> MutualMeanTeachingModel:
    """Read a model that :meth:`MutualMeanTeachingModel.save` wrote.

    Nothing in the file is executed: it holds numbers and JSON.

    Parameters
    ----------
    path : path-like
        The ``.safetensors`` file.

    Returns
    -------
    MutualMeanTeachingModel
        On the device of its settings if that is there, else on the CPU.

    Raises
    ------
    InputError
        If the file does not exist or is not a model of this version.
    """
    about, tensors = read_model_file(path)
    try:
        settings = SegmentationSettings(**about["settings"])
        normalization = Normalization.from_dict(about["normalization"])
        texture = Texture(**about["texture"])
        profiles = about["region_profiles"]
        empty = (
            ResponseNetwork(
                normalization.n_channels + (texture.weight > 0),
                settings.max_labels,
                settings.n_conv_layers,
            )
            for _ in about["channel_orders"]
        )
        consensus = Consensus.from_state(tensors, about["channel_orders"], empty)
        averages_regions = bool(about["averages_regions"])
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} is a damaged model file: {error}") from error
    try:
        device = choose_device(settings.device)
    except InputError:
        device = torch.device("cpu")
    return MutualMeanTeachingModel(
        consensus.to(device),
        about["class_map"],
        normalization,
        texture,
        settings,
        None if profiles is None else np.asarray(profiles),
        averages_regions,
    )
