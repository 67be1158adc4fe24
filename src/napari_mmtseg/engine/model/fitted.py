"""A fitted pair of peers: labels for images, save, load."""

from __future__ import annotations

import copy
from collections.abc import Generator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.engine.model.classes import Readout
from napari_mmtseg.engine.model.image_view import CachedResult, ImageView
from napari_mmtseg.engine.model.inference import Inference
from napari_mmtseg.engine.model.painted_classes import PaintedClasses
from napari_mmtseg.engine.model.stack_inference import ClusterPart, stack_clusters
from napari_mmtseg.engine.model.stack_labels import label_window, stack_labels
from napari_mmtseg.engine.model.storage import read_model, write_model
from napari_mmtseg.errors import InputError
from napari_mmtseg.images.arrays import as_channels_first
from napari_mmtseg.images.normalization import check_finite
from napari_mmtseg.images.stack import Frame, ImageStack
from napari_mmtseg.labels.hierarchy import LabelHierarchy
from napari_mmtseg.labels.store import check_store, store_labels
from napari_mmtseg.progress import drain
from napari_mmtseg.settings.fields import SegmentationSettings

__all__ = ["MutualMeanTeachingModel", "load_model"]


class MutualMeanTeachingModel:
    """A fitted pair of networks that labels images with the same classes.

    Made by :func:`napari_mmtseg.fit`, :func:`napari_mmtseg.iter_segment` or
    :func:`load_model`.

    Parameters
    ----------
    known : Readout
        The networks, and the classes that they find.
    settings : SegmentationSettings
        What the model was fitted with.
    label_values : (n_labels,) ndarray of int32, optional
        Label of every class, from dark to bright, where those are not 1, 2, ... It can
        be set at any time.
    """

    def __init__(
        self,
        known: Readout,
        settings: SegmentationSettings,
        label_values: NDArray[np.int32] | None = None,
    ) -> None:
        self._known = known
        self.memory: CachedResult | None = None
        self.settings = settings
        self.label_values = label_values
        if known.given is not None and label_values is None:
            self.label_values = known.given.label_values()

    @property
    def n_labels(self) -> int:
        """Number of classes."""
        return self._known.n_labels(self.settings.n_labels)

    @property
    def n_channels(self) -> int:
        """Number of channels that an image must have."""
        return self.inference.normalization.n_channels

    @property
    def n_dims(self) -> int:
        """Number of spatial dimensions of what the model sees: 2, or 3 for volumes."""
        return self.inference.consensus.n_dims

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
        out: Any = None,
    ) -> Any:
        """Label an image with any number of classes, without training anew.

        A stack is labelled slice by slice, and an image of more than 16 megapixels
        tile by tile, every pixel by its own response; neither is read as a whole.

        Parameters
        ----------
        image : array-like
            Image or stack with as many channels as what the model was fitted on.
        n_labels : int, optional
            Number of classes; as fitted without it. For the image that the model was
            fitted on, ``labels(image, n)`` is ``segment(image, n_labels=n)``.
        axes, channel_axis : str, int, optional
            Which axes are which; see :func:`napari_mmtseg.segment`.
        output : {"classes", "regions"}, optional
            As in the settings, which decide without it.
        merging : {"classes", "regions"}, optional
            As in the settings, which decide without it.
        out : array-like, optional
            Where the labels are written, piece by piece: anything with their shape
            that takes slices, such as a memmap or a zarr array.

        Returns
        -------
        ndarray of int32, or `out`
            Labels 1..k in the shape of the image without its channels, from dark to
            bright; `k` is less than `n_labels` where the model does not tell so many
            apart. A memmap of a temporary file where they take more than
            `memory_share` of the free memory.

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
            out=out,
        )
        return drain(steps)

    def iter_labels(
        self,
        image: Any,
        n_labels: int | None = None,
        *,
        axes: str | None = None,
        channel_axis: int | None = None,
        output: str | None = None,
        merging: str | None = None,
        out: Any = None,
    ) -> Generator[float, None, Any]:
        """Do the same as :meth:`labels`, yielding the finished fraction.

        The parameters are checked at once.
        """
        settings = self.settings.replace(output=output or self.settings.output)
        stack = ImageStack.of(
            image, axes=axes, channel_axis=channel_axis, volumes=self.n_dims == 3
        )
        if self.n_dims == 3 and not stack.volumes:
            raise InputError(
                f"This model sees volumes; an image of shape {stack.shape} with the "
                f"axes {stack.label_axes} is none. Give a volume with Z, or fit a "
                "model with stack=one_model."
            )
        settings = self._asked(stack, n_labels, merging, settings)
        if stack.is_one_image:
            if out is not None:
                values = self.label_values
                largest = self.n_labels if values is None else int(values.max())
                check_store(out, stack.shape, largest, stack.array)
            return self._image_labels(stack, settings, out)
        return stack_labels(self._known, stack, settings, self.label_values, out)

    def _image_labels(
        self, stack: ImageStack, settings: SegmentationSettings, out: Any
    ) -> Generator[float, None, Any]:
        channels = stack.first.read()
        check_finite(channels)
        hierarchy = yield from self._named(
            self._known.at(channels).find(channels, settings)
        )
        labels = hierarchy.labels(output=settings.output)
        labels = labels.reshape(stack.shape)
        if out is None:
            return labels
        store_labels(out, ..., labels)
        return out

    def iter_clusters(
        self, stack: ImageStack, out: Any = None
    ) -> tuple[LabelHierarchy, Generator[ClusterPart | float, None, None]]:
        """Find the clusters of a stack, part by part.

        Parameters
        ----------
        stack : ImageStack
            What is labelled.
        out : array-like, optional
            Where the labels will go: parts end where its chunks do.

        Returns
        -------
        merge_tree : LabelHierarchy
            The classes that the clusters form, without their pixels.
        parts : generator of ClusterPart or float
            See :func:`~napari_mmtseg.engine.model.stack_inference.stack_clusters`.
        """
        settings = self._asked(stack, None, None)
        merge_tree = self._known.merge_tree(settings, by_pixels=stack.first.is_large)
        if self.label_values is not None:
            merge_tree = merge_tree.relabelled(self.label_values)
        return merge_tree, stack_clusters(self._known, stack, settings, out)

    def predict_window(
        self, frame: Frame, window: tuple[slice, ...]
    ) -> NDArray[np.int32]:
        """Label a part of a large image, for tasks that share one.

        Parameters
        ----------
        frame : Frame
            The image, from ``ImageStack.of(image).frame()``; the part is read, and a
            halo around it.
        window : tuple of slice
            The part: start and stop for every axis but the channels.

        Returns
        -------
        ndarray of int32
            What :meth:`predict` of an image of more than 16 megapixels gives there.

        Raises
        ------
        InputError
            If the image does not fit the model, the window does not lie in it, or the
            settings ask for regions or clean-up, which depend on more than the part.
        """
        self._check_n_channels(frame.shape[0])
        return label_window(
            self._known, frame, window, self.settings, self.label_values
        )

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

        Parameters
        ----------
        image, axes, channel_axis, output, out
            As for :meth:`labels`.

        Returns
        -------
        ndarray of int32, or `out`
            Labels 1..k in the shape of the image without its channels; class numbers
            mean the same in every image.

        Raises
        ------
        InputError
            If the image does not fit the model.
        """
        return self.labels(
            image, axes=axes, channel_axis=channel_axis, output=output, out=out
        )

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
        channels = self._channels(image, channel_axis)
        settings = self._asked(channels, n_labels, merging)
        return self._named(self._known.at(channels).find(channels, settings))

    @property
    def readout(self) -> str:
        """How responses become classes, as in :class:`PaintedClasses`."""
        return self._known.readout(self.settings.n_labels)

    def check_channels(self, channels: NDArray[Any]) -> None:
        """Refuse an image (C, Y, X) with another number of channels.

        Raises
        ------
        InputError
            If the image does not fit the model.
        """
        self._check_n_channels(len(channels))

    def _check_n_channels(self, n_channels: int) -> None:
        if n_channels != self.n_channels:
            raise InputError(
                f"An image with {n_channels} channels does not fit this model, "
                f"which was fitted on {self.n_channels}. Pass an image with "
                f"{self.n_channels} channels, or name its channels with channel_axis."
            )

    def _named(
        self, found: Generator[float, None, LabelHierarchy]
    ) -> Generator[float, None, LabelHierarchy]:
        hierarchy = yield from found
        if self.label_values is None:
            return hierarchy
        return hierarchy.relabelled(self.label_values)

    def iter_given(
        self,
        channels: NDArray[Any],
        view: ImageView,
        expected: NDArray[np.int32] | None = None,
    ) -> Generator[float, None, LabelHierarchy]:
        """Do the same as :meth:`iter_hierarchy` for an image that was looked at.

        Parameters
        ----------
        channels : (C, Y, X) ndarray
            Raw image.
        view : ImageView
            Of it.
        expected : (Y, X) ndarray of int32, optional
            Class of every pixel, 0..k-1, that stays unless the networks are sure that
            it is another.
        """
        settings = self.settings.replace(n_labels=None)  # all of them
        if expected is None:
            known = self._known.at(channels)
            return self._named(known.read_given(channels, settings, view))
        return self._named(self._known.correct(view, settings, expected))

    @property
    def inference(self) -> Inference:
        """The networks and what they see of an image."""
        return self._known.inference

    @property
    def given(self) -> PaintedClasses | None:
        """The classes where those were painted."""
        return self._known.given

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
        """Return how sure the less sure of the two teachers is of every pixel's class.

        Of the classes that :meth:`labels` returns for the same arguments, before small
        regions are absorbed. How it is computed is in
        :func:`~napari_mmtseg.engine.model.confidence.agreement` and, where regions
        merge, in :func:`~napari_mmtseg.engine.model.confidence.region_agreement`.

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
        return drain(steps)

    def iter_confidence(
        self,
        image: Any,
        n_labels: int | None = None,
        *,
        channel_axis: int | None = None,
        merging: str | None = None,
    ) -> Generator[float, None, NDArray[np.float32]]:
        """Do the same as :meth:`confidence`, yielding the finished fraction."""
        channels = self._channels(image, channel_axis)
        settings = self._asked(channels, n_labels, merging)
        return self._known.at(channels).confidence(channels, settings)

    def with_n_labels(
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
        model.label_values = hierarchy.label_of_class(n_labels)
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
        known = self._known.at(channels)
        hierarchy = yield from known.merge_regions(channels, self.settings, keep=True)
        self._known.regions = known.regions
        return hierarchy

    def _channels(self, image: Any, channel_axis: int | None) -> NDArray[Any]:
        """Return one image (C, Y, X), or a volume (C, Z, Y, X) for a model of those."""
        if self.n_dims == 2:
            return as_channels_first(image, channel_axis)
        stack = ImageStack.of(image, channel_axis=channel_axis, volumes=True)
        if not stack.volumes or stack.n_frames > 1:
            raise InputError(
                f"This model sees volumes; give one of them, not {stack.shape}."
            )
        return stack.first.read()

    def _asked(
        self,
        image: NDArray[Any] | ImageStack,
        n_labels: int | None,
        merging: str | None,
        settings: SegmentationSettings | None = None,
    ) -> SegmentationSettings:
        """Check the channels of an image; return settings that say what merges."""
        if isinstance(image, ImageStack):
            self._check_n_channels(image.first.shape[0])
        else:
            self.check_channels(image)
        settings = settings or self.settings
        if n_labels is not None:
            settings = settings.replace(n_labels=n_labels)
        if merging is not None:
            settings = settings.replace(merging=merging)
        if settings.merging == "auto":
            # Who gives a number of classes thinks of classes, not of places.
            by_regions = self._known.regions is not None and n_labels is None
            settings = settings.replace(merging="regions" if by_regions else "classes")
        return settings

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
        write_model(
            path, self._known, self.settings, self.label_values, overwrite=overwrite
        )


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
    return MutualMeanTeachingModel(*read_model(path))
