"""A fitted pair of peers: labels for images, save, load."""

from __future__ import annotations

import copy
from collections.abc import Generator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_mmtseg.arrays import Normalization, as_channels_first
from napari_mmtseg.engine.classes import ChannelClasses
from napari_mmtseg.engine.confidence import (
    averaged_confidence,
    class_confidence,
    given_confidence,
    region_confidence,
)
from napari_mmtseg.engine.consensus import Consensus
from napari_mmtseg.engine.device import choose_device
from napari_mmtseg.engine.given_classes import GivenClasses
from napari_mmtseg.engine.model_file import read_model_file, write_model_file
from napari_mmtseg.engine.network import ResponseNetwork
from napari_mmtseg.engine.sight import Sight
from napari_mmtseg.engine.training import Trained
from napari_mmtseg.engine.view import Memory, View
from napari_mmtseg.errors import InputError
from napari_mmtseg.feature_bank import FeatureBank
from napari_mmtseg.features import Texture
from napari_mmtseg.label_hierarchy import LabelHierarchy
from napari_mmtseg.region_classes import RegionClasses
from napari_mmtseg.region_labels import region_means
from napari_mmtseg.regions import enlarge
from napari_mmtseg.settings import SegmentationSettings

_T = TypeVar("_T", bound=np.generic)

__all__ = ["MutualMeanTeachingModel", "load_model"]

_SURE = 0.5
"""Difference in probability from which the networks overrule labels as they were."""


class MutualMeanTeachingModel:
    """A fitted pair of networks that labels images with the same classes.

    Made by :func:`napari_mmtseg.fit`, :func:`napari_mmtseg.iter_segment` or
    :func:`load_model`.

    Parameters
    ----------
    sight : Sight
        The networks whose mean response decides, and what they see of an image.
    settings : SegmentationSettings
        What the model was fitted with.
    classes : ChannelClasses
        The classes that the networks' response channels form.
    averaged_classes : ChannelClasses, optional
        The same where responses are averaged over small regions first.
    region_classes : RegionClasses, optional
        The regions of the image that the model was fitted on, where neighbouring
        regions merge before they are given a class.
    given : GivenClasses, optional
        The classes where those were painted.
    label_values : (n_labels,) ndarray of int32, optional
        Label of every class, from dark to bright, where those are not 1, 2, ... It can
        be set at any time.
    """

    def __init__(
        self,
        sight: Sight,
        settings: SegmentationSettings,
        classes: ChannelClasses,
        averaged_classes: ChannelClasses | None = None,
        region_classes: RegionClasses | None = None,
        given: GivenClasses | None = None,
        label_values: NDArray[np.int32] | None = None,
    ) -> None:
        self._sight = sight
        self._classes = classes
        self._averaged_classes = averaged_classes
        self._region_classes = region_classes
        self._given = given
        self.memory: Memory | None = None
        self.settings = settings
        self.label_values = label_values
        if given is not None and label_values is None:
            self.label_values = given.label_values()

    @property
    def n_labels(self) -> int:
        """Number of classes."""
        if self._given is not None:
            return len(self._given.values)
        n_labels = self.settings.n_labels
        if self._region_classes is not None:
            regions = self._region_classes
            return min(n_labels or regions.automatic, regions.n_regions)
        classes = self._channel_classes(n_labels)
        return min(n_labels or classes.automatic, classes.finest)

    @property
    def n_channels(self) -> int:
        """Number of channels that an image must have."""
        return self._sight.normalization.n_channels

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
            `min_labels` and `merge_threshold` decide how many classes are kept.
        plain : sequence of (C, Y, X) ndarray
            The normalised images without texture.
        """
        consensus = Consensus.freeze(trained.networks, images, settings.max_labels)
        seen = [image[0].cpu().numpy() for image in images]
        clusters = [consensus.cluster_map(image) for image in images]
        averaged_classes = None
        if texture.weight:
            averaged = [
                region_means(image, consensus.probabilities(view), view)
                for image, view in zip(plain, seen, strict=True)
            ]
            averaged_classes = ChannelClasses.measure(
                [response.argmax(0) for response, _ in averaged],
                [view for _, view in averaged],
                settings,
            )
        return cls(
            Sight(consensus, normalization, texture),
            settings,
            ChannelClasses.measure(clusters, seen, settings),
            averaged_classes,
        )

    def labels(
        self,
        image: Any,
        n_labels: int | None = None,
        *,
        channel_axis: int | None = None,
        output: str | None = None,
        merging: str | None = None,
    ) -> NDArray[np.int32]:
        """Label an image with any number of classes, without training anew.

        Parameters
        ----------
        image : array-like
            Image with as many channels as the one that the model was fitted on.
        n_labels : int, optional
            Number of classes; as fitted without it. For the image that the model was
            fitted on, ``labels(image, n)`` is ``segment(image, n_labels=n)``.
        channel_axis : int, optional
            Axis of the channels; see :func:`napari_mmtseg.segment`.
        output : {"classes", "regions"}, optional
            As in the settings, which decide without it.
        merging : {"classes", "regions"}, optional
            As in the settings, which decide without it.

        Returns
        -------
        ndarray of int32
            Labels 1..k in the shape of the image without its channels, from dark to
            bright; `k` is less than `n_labels` where the model does not tell so many
            apart.

        Raises
        ------
        InputError
            If the image does not fit the model, or a value is not accepted.
        """
        steps = self.iter_labels(
            image,
            n_labels,
            channel_axis=channel_axis,
            output=output,
            merging=merging,
        )
        return _drain(steps)

    def iter_labels(
        self,
        image: Any,
        n_labels: int | None = None,
        *,
        channel_axis: int | None = None,
        output: str | None = None,
        merging: str | None = None,
    ) -> Generator[float, None, NDArray[np.int32]]:
        """Do the same as :meth:`labels`, yielding the finished fraction by tiles."""
        output = self.settings.replace(output=output or self.settings.output).output
        hierarchy = yield from self.iter_hierarchy(
            image, n_labels, channel_axis=channel_axis, merging=merging
        )
        if self.label_values is not None and output == "classes":
            return hierarchy.shown()
        return hierarchy.labels(output=output)

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
        return self.labels(image, channel_axis=channel_axis, output=output)

    def iter_hierarchy(
        self,
        image: Any,
        n_labels: int | None = None,
        *,
        channel_axis: int | None = None,
        merging: str | None = None,
    ) -> Generator[float, None, LabelHierarchy]:
        """Return the labels of an image for every number of classes.

        Parameters
        ----------
        image, n_labels, channel_axis, merging
            As for :meth:`labels`; the parameters are checked at once.

        Yields
        ------
        float
            Finished fraction.

        Returns
        -------
        LabelHierarchy
            Its result has `n_labels` classes.
        """
        channels, settings = self._asked(image, n_labels, channel_axis, merging)
        if settings.merging == "regions":
            return self._named(self._merge_regions(channels, settings))
        if self._given is not None:
            return self._named(self._read_given(channels, n_labels))
        return self._named(self._merge_classes(channels, settings))

    def _given_confidence(
        self, channels: NDArray[Any], n_labels: int | None
    ) -> Generator[float, None, NDArray[np.float32]]:
        given = self._given
        assert given is not None
        view = self._sight.view(channels)
        k = len(given.values)
        row = given.table()[min(n_labels or k, k) - 1]
        groups = np.stack([given.channels[row == c].any(0) for c in np.unique(row)])
        confidence = yield from given_confidence(
            self._sight, view, groups, given.readout != "pixels"
        )
        return enlarge(confidence, channels.shape[1:])

    @property
    def readout(self) -> str:
        """How responses become classes, as in :class:`GivenClasses`."""
        if self._given is not None:
            return self._given.readout
        if self._region_classes is not None:
            return "regions"
        averaged = self._channel_classes(self.settings.n_labels)
        return "averaged" if averaged is self._averaged_classes else "pixels"

    def check_channels(self, channels: NDArray[Any]) -> None:
        """Refuse an image (C, Y, X) with another number of channels.

        Raises
        ------
        InputError
            If the image does not fit the model.
        """
        if len(channels) != self.n_channels:
            raise InputError(
                f"An image with {len(channels)} channels does not fit this model, "
                f"which was fitted on {self.n_channels}. Pass an image with "
                f"{self.n_channels} channels, or name its channels with channel_axis."
            )

    def _named(
        self, found: Generator[float, None, LabelHierarchy]
    ) -> Generator[float, None, LabelHierarchy]:
        hierarchy = yield from found
        if self.label_values is None:
            return hierarchy
        return hierarchy.with_values(self.label_values)

    def iter_given(
        self,
        channels: NDArray[Any],
        view: View,
        expected: NDArray[np.int32] | None = None,
    ) -> Generator[float, None, LabelHierarchy]:
        """Do the same as :meth:`iter_hierarchy` for an image that was looked at.

        Parameters
        ----------
        channels : (C, Y, X) ndarray
            Raw image.
        view : View
            Of it.
        expected : (Y, X) ndarray of int32, optional
            Class of every pixel, 0..k-1, that stays unless the networks are sure that
            it is another.
        """
        if expected is None:
            return self._named(self._read_given(channels, None, view))
        return self._named(self._correct(view, expected))

    def _correct(
        self, view: View, expected: NDArray[np.int32]
    ) -> Generator[float, None, LabelHierarchy]:
        given = self._given
        assert given is not None
        by_regions = given.readout == "regions"
        probabilities = yield from self._sight.given_probabilities(
            view, given.channels, by_regions
        )
        there = enlarge(expected, view.image.shape[1:])
        own = np.take_along_axis(probabilities, there[np.newaxis].astype(np.intp), 0)[0]
        sure = probabilities.max(0) - own > _SURE
        best = probabilities.argmax(0)
        leaves = np.where(
            enlarge(sure, expected.shape), enlarge(best, expected.shape), expected
        )
        return self._given_hierarchy(leaves, None)

    def _read_given(
        self, channels: NDArray[Any], n_labels: int | None, view: View | None = None
    ) -> Generator[float, None, LabelHierarchy]:
        given = self._given
        assert given is not None
        class_of = given.channels.argmax(0)
        if given.readout == "pixels":
            classes = class_of[(yield from self._sight.clusters(channels))]
        elif given.readout == "averaged":
            coarse, fine = yield from self._sight.averaged_clusters(channels)
            classes = class_of[coarse]
            # Regions may be too coarse for all classes.
            if len(np.unique(classes)) < len(given.values):
                classes = class_of[fine]
        else:
            view = view or self._sight.view(channels)
            classes = yield from self._sight.given_classes(view, given.channels)
        return self._given_hierarchy(enlarge(classes, channels.shape[1:]), n_labels)

    def _given_hierarchy(
        self, classes: NDArray[Any], n_labels: int | None
    ) -> LabelHierarchy:
        given = self._given
        assert given is not None
        k = len(given.values)
        return LabelHierarchy(
            classes.astype(np.uint8),
            given.table(),
            given.sizes,
            min(n_labels or k, k),
            k,
            min_region_size=self.settings.min_region_size,
        )

    @property
    def sight(self) -> Sight:
        """The networks and what they see of an image."""
        return self._sight

    @property
    def given(self) -> GivenClasses | None:
        """The classes where those were painted."""
        return self._given

    def recalled(self, channels: NDArray[Any]) -> Memory | None:
        """Return what is remembered of a raw image (C, Y, X)."""
        known = self.memory is not None and self.memory.is_of(channels)
        return self.memory if known else None

    def confidence(
        self,
        image: Any,
        n_labels: int | None = None,
        *,
        channel_axis: int | None = None,
        merging: str | None = None,
    ) -> NDArray[np.float32]:
        """Return how sure the less sure of the two teachers is of every pixel's class.

        Of the classes that :meth:`labels` returns for the same arguments, before small
        regions are absorbed. How it is computed is in
        :func:`~napari_mmtseg.engine.confidence.agreement` and, where regions merge, in
        :func:`~napari_mmtseg.engine.confidence.region_agreement`.

        Parameters
        ----------
        image, n_labels, channel_axis, merging
            As for :meth:`labels`.

        Returns
        -------
        ndarray of float32
            From 0, a teacher rules the class out, to 1, both are sure of it; in the
            shape of the image without its channels.

        Raises
        ------
        InputError
            If the image does not fit the model, or a value is not accepted.
        """
        steps = self.iter_confidence(
            image, n_labels, channel_axis=channel_axis, merging=merging
        )
        return _drain(steps)

    def iter_confidence(
        self,
        image: Any,
        n_labels: int | None = None,
        *,
        channel_axis: int | None = None,
        merging: str | None = None,
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Do the same as :meth:`confidence`, yielding the finished fraction."""
        channels, settings = self._asked(image, n_labels, channel_axis, merging)
        at_least = settings.n_labels or 1
        if settings.merging == "regions":
            return region_confidence(
                self._sight,
                channels,
                settings.region_threshold,
                at_least,
                lambda here: self._known_regions(here, at_least).assign(
                    here, settings.n_labels
                ),
            )
        if self._given is not None:
            return self._given_confidence(channels, n_labels)
        classes = self._channel_classes(settings.n_labels)
        fitted = min(settings.n_labels or classes.automatic, classes.finest)
        groups = classes.numbers(fitted) - 1
        if classes is self._averaged_classes:
            return averaged_confidence(self._sight, channels, groups, at_least)
        return class_confidence(self._sight, channels, groups)

    def shaped(
        self, hierarchy: LabelHierarchy, n_labels: int
    ) -> MutualMeanTeachingModel:
        """Return the same model with another number of classes and their labels.

        Parameters
        ----------
        hierarchy : LabelHierarchy
            Of an image that this model has labelled.
        n_labels : int
            Number of classes; they keep the labels that they have in the hierarchy.
        """
        model = copy.copy(self)
        model.label_values = hierarchy.class_values(n_labels)
        model.settings = self.settings.replace(
            n_labels=n_labels, merging=hierarchy.merging
        )
        return model

    def iter_fit_regions(
        self, channels: NDArray[Any]
    ) -> Generator[float, None, LabelHierarchy]:
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
        LabelHierarchy
            Of the image.
        """
        return (yield from self._merge_regions(channels, self.settings, keep=True))

    def _asked(
        self,
        image: Any,
        n_labels: int | None,
        channel_axis: int | None,
        merging: str | None,
    ) -> tuple[NDArray[Any], SegmentationSettings]:
        """Return the channels of an image, and settings that say what merges."""
        settings = self.settings
        if n_labels is not None:
            settings = settings.replace(n_labels=n_labels)
        if merging is not None:
            settings = settings.replace(merging=merging)
        channels = as_channels_first(image, channel_axis)
        self.check_channels(channels)
        if settings.merging == "auto":
            # Who gives a number of classes thinks of classes, not of places.
            by_regions = self._region_classes is not None and n_labels is None
            settings = settings.replace(merging="regions" if by_regions else "classes")
        return channels, settings

    def _channel_classes(self, n_labels: int | None) -> ChannelClasses:
        averaged = self._averaged_classes
        # Regions may be too few for the number of classes that is asked for.
        if averaged is not None and averaged.finest >= (n_labels or 1):
            return averaged
        return self._classes

    def _known_regions(self, here: RegionClasses, at_least: int) -> RegionClasses:
        known = self._region_classes
        return here if known is None or known.n_regions < at_least else known

    def _merge_classes(
        self, channels: NDArray[Any], settings: SegmentationSettings
    ) -> Generator[float, None, LabelHierarchy]:
        classes = self._channel_classes(settings.n_labels)
        fitted = min(settings.n_labels or classes.automatic, classes.finest)
        table = classes.table()
        if classes is self._averaged_classes:
            coarse, fine = yield from self._sight.averaged_clusters(channels)
            found = len(np.unique(table[fitted - 1][coarse]))
            leaves = fine if found < (settings.n_labels or 1) else coarse
        else:
            leaves = yield from self._sight.clusters(channels)
        return LabelHierarchy(
            leaves,
            table,
            classes.statistics.sizes,
            fitted,
            min(classes.automatic, classes.finest),
            min_region_size=settings.min_region_size,
        )

    def _merge_regions(
        self,
        channels: NDArray[Any],
        settings: SegmentationSettings,
        keep: bool = False,
    ) -> Generator[float, None, LabelHierarchy]:
        at_least = settings.n_labels or 1
        regions, here = yield from self._sight.regions(
            channels, settings.region_threshold, at_least
        )
        if keep:
            self._region_classes = here
        known = self._known_regions(here, at_least)
        if known is here:
            table = here.table(at_least)
        else:
            table = np.stack(
                [known.nearest(here, k + 1) for k in range(known.n_levels(at_least))]
            )
        fitted = min(settings.n_labels or known.automatic, known.n_regions)
        return LabelHierarchy(
            regions,
            table,
            here.sizes,
            fitted,
            known.automatic,
            regions=regions,
            min_region_size=settings.min_region_size,
            merging="regions",
        )

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
        sight = self._sight
        about = {
            "settings": self.settings.to_dict(),
            "normalization": asdict(sight.normalization),
            "texture": asdict(sight.texture),
            "channel_orders": [o.tolist() for o in sight.consensus.channel_orders],
        }
        if isinstance(sight.texture, FeatureBank):
            about["feature_bank"] = about.pop("texture")
        if self.label_values is not None:
            about["label_values"] = self.label_values.tolist()
        tensors = sight.consensus.state() | self._classes.state("classes")
        if self._given is not None:
            tensors |= self._given.state()
        if self._averaged_classes is not None:
            tensors |= self._averaged_classes.state("averaged_classes")
        if self._region_classes is not None:
            tensors |= {
                f"region_classes.{name}": torch.as_tensor(value)
                for name, value in asdict(self._region_classes).items()
            }
        write_model_file(path, about, tensors, overwrite=overwrite)


def _drain(steps: Generator[float, None, NDArray[_T]]) -> NDArray[_T]:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: NDArray[_T] = end.value
            return result


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
        texture: Texture | FeatureBank
        if "feature_bank" in about:
            texture = FeatureBank.from_dict(about["feature_bank"])
        else:
            texture = Texture(**about["texture"])
        empty = (
            ResponseNetwork(
                texture.n_features(normalization.n_channels),
                settings.max_labels,
                settings.n_conv_layers,
            )
            for _ in about["channel_orders"]
        )
        consensus = Consensus.from_state(tensors, about["channel_orders"], empty)
        averaged = regions = None
        if "averaged_classes.sizes" in tensors:
            averaged = ChannelClasses.from_state(tensors, "averaged_classes")
        if "region_classes.sizes" in tensors:
            means, sizes, lightness, variance = (
                tensors[f"region_classes.{name}"].numpy()
                for name in ("means", "sizes", "lightness", "variance")
            )
            regions = RegionClasses(means, sizes, lightness, float(variance))
        classes = ChannelClasses.from_state(tensors, "classes")
        given = GivenClasses.from_state(tensors) if "given.values" in tensors else None
        label_values = about.get("label_values")
        if label_values is not None:
            label_values = np.asarray(label_values, np.int32)
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        raise InputError(f"{path} is a damaged model file: {error}") from error
    try:
        device = choose_device(settings.device)
    except InputError:
        device = torch.device("cpu")
    sight = Sight(consensus.to(device), normalization, texture)
    return MutualMeanTeachingModel(
        sight, settings, classes, averaged, regions, given, label_values
    )
