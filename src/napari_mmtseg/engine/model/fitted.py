"""A fitted pair of peers: labels for images, save, load."""

from __future__ import annotations

import copy
from collections.abc import Generator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.engine.model import labelling
from napari_mmtseg.engine.model.classes import Readout
from napari_mmtseg.engine.model.image_view import CachedResult, ImageView
from napari_mmtseg.engine.model.inference import Hierarchies, Inference
from napari_mmtseg.engine.model.painted_classes import PaintedClasses
from napari_mmtseg.engine.model.requests import (
    asked_settings,
    check_channels,
    image_stack,
    one_image,
    with_label_values,
)
from napari_mmtseg.engine.model.stack_inference import ClusterPart, stack_clusters
from napari_mmtseg.engine.model.stack_labels import label_window
from napari_mmtseg.engine.model.storage import read_model, write_model
from napari_mmtseg.images.illumination import EVEN
from napari_mmtseg.images.picked_channels import PickedChannels
from napari_mmtseg.images.stack import Frame, ImageStack
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.notices import topics_once
from napari_mmtseg.objects.found import Objects
from napari_mmtseg.objects.of_stack import labels_of
from napari_mmtseg.progress import drain
from napari_mmtseg.settings.fields import SegmentationSettings


class MutualMeanTeachingModel:
    """A fitted pair of networks that labels images with the same classes.

    Made by :func:`napari_mmtseg.fit`, :func:`napari_mmtseg.iter_segment` or
    :func:`load_model`.

    Parameters
    ----------
    readout : Readout
        The networks and the classes that they find.
    settings : SegmentationSettings
        What the model was fitted with.
    label_values : (n_labels,) ndarray of int32, optional
        Label of every class, from dark to bright, if those are not 1, 2, ... It can be
        set at any time.
    channel_names : tuple of str, optional
        Names of the channels, if known. They can be set at any time.
    picked_channels : PickedChannels, optional
        Numbers of the channels that the model was fitted on, and how many the image
        had, if it had more: of an image with that many these are taken. It can be set
        at any time.
    """

    def __init__(
        self,
        readout: Readout,
        settings: SegmentationSettings,
        label_values: NDArray[np.int32] | None = None,
        channel_names: tuple[str, ...] = (),
        picked_channels: PickedChannels | None = None,
    ) -> None:
        self._readout = readout
        self.channel_names = channel_names
        self.picked_channels = picked_channels
        self.memory: CachedResult | None = None
        self.settings = settings
        self.label_values = label_values
        if readout.painted is not None and label_values is None:
            self.label_values = readout.painted.label_values()

    @property
    def n_labels(self) -> int:
        """Number of classes."""
        asked = self.settings.n_labels
        return self._readout.fitted(asked).n_labels(asked)

    @property
    def n_channels(self) -> int:
        """Number of channels that an image must have."""
        return self.inference.normalization.n_channels

    @property
    def n_dims(self) -> int:
        """Number of spatial dimensions of the networks: 2, or 3 for volumes."""
        return self.inference.consensus.n_dims

    @property
    def readout(self) -> str:
        """Name of the readout, as in :class:`PaintedClasses`."""
        return self._readout.fitted(self.settings.n_labels).name

    @property
    def inference(self) -> Inference:
        """The networks and what they see of an image."""
        return self._readout.inference

    @property
    def painted(self) -> PaintedClasses | None:
        """The classes of scribbles, if the model was trained on scribbles."""
        return self._readout.painted

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__}: {self.n_labels} classes, {self.n_channels} "
            f"channels, preset {self.settings.preset!r}>"
        )

    def labels(
        self,
        image: Any,
        n_labels: int | None = None,
        *,
        axes: str | None = None,
        channel_axis: int | None = None,
        output: str | None = None,
        merging: str | None = None,
        spacing: Sequence[float] | None = None,
        out: Any = None,
    ) -> Any:
        """Label an image with any number of classes, without another training.

        A stack is labelled slice by slice, and an image of more than 16 megapixels
        tile by tile, every pixel by its own response; neither is read as a whole.

        Parameters
        ----------
        image : array-like
            Image or stack with as many channels as the model was fitted on, or as the
            image had of which it was fitted on some (`picked_channels`).
        n_labels : int, optional
            Number of classes; as fitted without it. For the image that the model was
            fitted on, ``labels(image, n)`` is ``segment(image, n_labels=n)``.
        axes, channel_axis : str, int, optional
            Which axes are which; see :func:`napari_mmtseg.segment`.
        output, merging : str, optional
            As in the settings, which decide without them.
        spacing : sequence of float, optional
            Distance of pixels along every axis of the labels, for objects; see
            :func:`napari_mmtseg.find_objects`.
        out : array-like, optional
            Receives the labels part by part: anything with their shape that takes
            slices, such as a memmap or a zarr array.

        Returns
        -------
        ndarray of int32, or `out`
            Labels 1..k in the shape of the image without its channels, from dark to
            bright, 0 for the class that was background in the fit; `k` is less than
            `n_labels` if the model distinguishes fewer. A memmap of a temporary file if
            they take more than `memory_share` of the free memory.

        Raises
        ------
        InputError
            If the image does not fit the model, or a value is not accepted.
        """
        steps = self.iter_labels(
            image,
            n_labels,
            axes=axes,
            channel_axis=channel_axis,
            output=output,
            merging=merging,
            spacing=spacing,
            out=out,
        )
        return drain(steps)

    @topics_once
    def iter_labels(
        self,
        image: Any,
        n_labels: int | None = None,
        *,
        axes: str | None = None,
        channel_axis: int | None = None,
        output: str | None = None,
        merging: str | None = None,
        spacing: Sequence[float] | None = None,
        out: Any = None,
    ) -> Generator[float, None, Any]:
        """Do the same as :meth:`labels`, yielding the finished fraction."""
        stack = self._image_stack(image, axes, channel_axis)
        settings = self._asked(stack.first, n_labels, merging, output)
        about = self._readout, stack, settings, self.label_values
        if settings.output == "objects":
            return labels_of(labelling.objects(*about, spacing, out))
        return labelling.class_labels(*about, out)

    @topics_once
    def iter_objects(
        self,
        image: Any,
        n_labels: int | None = None,
        *,
        axes: str | None = None,
        channel_axis: int | None = None,
        spacing: Sequence[float] | None = None,
        out: Any = None,
    ) -> Generator[float, None, Objects]:
        """Find objects, with the class of each; yields the finished fraction.

        Parameters are those of :meth:`labels`.
        """
        stack = self._image_stack(image, axes, channel_axis)
        settings = self._asked(stack.first, n_labels, None, "objects")
        about = self._readout, stack, settings, self.label_values
        return labelling.objects(*about, spacing, out)

    def predict(
        self,
        image: Any,
        *,
        axes: str | None = None,
        channel_axis: int | None = None,
        output: str | None = None,
        out: Any = None,
    ) -> Any:
        """Label an image with the classes of this model.

        The same as :meth:`labels` with as many classes as fitted; their numbers mean
        the same in every image.
        """
        return self.labels(
            image, axes=axes, channel_axis=channel_axis, output=output, out=out
        )

    def predict_window(
        self, frame: Frame, window: tuple[slice, ...]
    ) -> NDArray[np.int32]:
        """Label a part of a large image, for tasks that share one.

        The labels are those that :meth:`predict` gives there to an image of more than
        16 megapixels.

        Parameters
        ----------
        frame : Frame
            The image, from ``ImageStack.of(image).frame()``; the part is read, and a
            halo around it.
        window : tuple of slice
            The part: start and stop for every axis except the channels.

        Raises
        ------
        InputError
            If the image does not fit the model, the window does not lie in it, or the
            settings ask for regions or clean-up, which depend on more than the part.
        """
        if self.picked_channels is not None:
            frame = self.picked_channels.of_frame(frame)
        self.check_channels(frame)
        return label_window(
            self._readout, frame, window, self.settings, self.label_values
        )

    def iter_clusters(
        self, stack: ImageStack, out: Any = None
    ) -> tuple[LabelHierarchy, Generator[ClusterPart | float, None, None]]:
        """Return how the clusters of a stack merge, and a generator that finds them.

        The generator is that of
        :func:`~napari_mmtseg.engine.model.stack_inference.stack_clusters`; its parts
        end where the chunks of `out` do, to which the labels will go.
        """
        if self.picked_channels is not None:
            stack = self.picked_channels.of_stack(stack)
        settings = self._asked(stack.first)
        merge_tree = self._readout.merge_tree(
            settings, stack.first.is_large, self.label_values
        )
        return merge_tree, stack_clusters(self._readout, stack, settings, out)

    @topics_once
    def iter_hierarchy(
        self,
        image: Any,
        n_labels: int | None = None,
        *,
        channel_axis: int | None = None,
        merging: str | None = None,
    ) -> Hierarchies:
        """Return the labels of an image for every number of classes.

        Parameters are those of :meth:`labels`. Yields the finished fraction.
        """
        channels = self._one_image(image, channel_axis)
        settings = self._asked(channels, n_labels, merging)
        found = self._readout.for_image(channels).find(channels, settings)
        return with_label_values(found, self.label_values)

    def iter_painted(
        self,
        channels: NDArray[Any],
        view: ImageView,
        expected: NDArray[np.int32] | None = None,
    ) -> Hierarchies:
        """Return all classes of scribbles in a raw image (C, Y, X) and its view.

        A pixel of `expected` (Y, X) keeps its class, 0..k-1, unless the networks are
        sure of another.
        """
        assert self.painted is not None
        settings = self.settings.replace(n_labels=None)  # all of them
        if expected is not None:
            found = self.painted.correct(self.inference, view, settings, expected)
        else:
            inference = self._readout.for_image(channels).inference
            found = self.painted.hierarchy(inference, channels, settings, view)
        return with_label_values(found, self.label_values)

    def recalled(self, channels: NDArray[Any]) -> CachedResult | None:
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
        """Return the confidence in the class of every pixel.

        The probability that the less sure teacher gives to the class that
        :meth:`labels` returns for the same arguments, before small regions are
        absorbed. See :func:`~napari_mmtseg.engine.model.confidence.agreement` and, if
        regions merge, :func:`~napari_mmtseg.engine.model.confidence.region_agreement`.

        Parameters
        ----------
        image, n_labels, channel_axis, merging
            As for :meth:`labels`.

        Returns
        -------
        ndarray of float32
            From 0, a teacher rules the class out, to 1, both are sure of it; in the
            shape of the image without its channels.
        """
        steps = self.iter_confidence(
            image, n_labels, channel_axis=channel_axis, merging=merging
        )
        return drain(steps)

    @topics_once
    def iter_confidence(
        self,
        image: Any,
        n_labels: int | None = None,
        *,
        channel_axis: int | None = None,
        merging: str | None = None,
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Do the same as :meth:`confidence`, yielding the finished fraction."""
        channels = self._one_image(image, channel_axis)
        settings = self._asked(channels, n_labels, merging)
        return self._readout.for_image(channels).confidence(channels, settings)

    def with_n_labels(
        self, hierarchy: LabelHierarchy, n_labels: int
    ) -> MutualMeanTeachingModel:
        """Return the same model with another number of classes.

        Parameters
        ----------
        hierarchy : LabelHierarchy
            Of an image that this model has labelled; classes keep their labels there.
        n_labels : int
            Number of classes.
        """
        model = copy.copy(self)
        model.label_values = hierarchy.label_of_class(n_labels)
        background = self.settings.background
        if isinstance(background, int) and background > n_labels:
            background = "auto"  # the values of the labels tell which class it is
        model.settings = self.settings.replace(
            n_labels=n_labels, merging=hierarchy.merging, background=background
        )
        return model

    def under_even_light(self) -> MutualMeanTeachingModel:
        """Return the same model for images whose uneven light is taken out already."""
        model = copy.copy(self)
        even = replace(self.inference, illumination=EVEN)
        model._readout, model.memory = replace(self._readout, inference=even), None
        return model

    def check_channels(self, channels: NDArray[Any] | Frame) -> None:
        """Refuse an image (C, Y, X) with another number of channels."""
        names, picked = self.channel_names, self.picked_channels
        check_channels(channels.shape[0], self.n_channels, names, picked)

    def _image_stack(
        self, image: Any, axes: str | None, channel_axis: int | None
    ) -> ImageStack:
        return image_stack(image, axes, channel_axis, self.n_dims, self.picked_channels)

    def _one_image(self, image: Any, channel_axis: int | None) -> NDArray[Any]:
        return one_image(image, channel_axis, self.n_dims, self.picked_channels)

    def _asked(
        self,
        image: NDArray[Any] | Frame,
        n_labels: int | None = None,
        merging: str | None = None,
        output: str | None = None,
    ) -> SegmentationSettings:
        """Check the number of channels; return the settings with what is asked for."""
        self.check_channels(image)
        has_regions = self._readout.regions is not None
        return asked_settings(self.settings, n_labels, merging, output, has_regions)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Write the model to one safetensors file.

        Raises
        ------
        InputError
            If the name does not end in ``.safetensors``, the file cannot be written, or
            it exists and `overwrite` is not set.
        """
        write_model(
            path,
            self._readout,
            self.settings,
            self.label_values,
            self.channel_names,
            self.picked_channels,
            overwrite=overwrite,
        )


def load_model(path: str | Path) -> MutualMeanTeachingModel:
    """Read a model that :meth:`MutualMeanTeachingModel.save` wrote.

    Nothing in the file is executed: it holds numbers and JSON.

    Returns
    -------
    MutualMeanTeachingModel
        On the device of its settings if this machine has it, else on the CPU.

    Raises
    ------
    InputError
        If the file does not exist or is not a model of this version.
    """
    return MutualMeanTeachingModel(*read_model(path))
