"""The one path from an image to labels: arrays, engine, regions.

Widget, command line and scripts all drain :func:`iter_segment`.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from napari_mmtseg.notices import topics_once
from napari_mmtseg.progress import SegmentationStep, Steps, drain
from napari_mmtseg.segmentation.device_failure import on_any_device
from napari_mmtseg.segmentation.object_output import segment_objects
from napari_mmtseg.segmentation.one_image import segment_image
from napari_mmtseg.segmentation.request import SegmentationRequest
from napari_mmtseg.segmentation.result import SegmentationResult
from napari_mmtseg.segmentation.slice_by_slice import segment_slices
from napari_mmtseg.segmentation.stack import segment_stack
from napari_mmtseg.segmentation.within_area import within_area
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel


def segment(
    image: Any,
    *,
    axes: str | None = None,
    channel_axis: int | None = None,
    spacing: Sequence[float] | None = None,
    area: ArrayLike | None = None,
    scribbles: ArrayLike | None = None,
    examples: Sequence[tuple[ArrayLike, ArrayLike]] = (),
    model: MutualMeanTeachingModel | None = None,
    settings: SegmentationSettings | None = None,
    out: Any = None,
    **overrides: Any,
) -> Any:
    """Segment an image by Mutual Mean-Teaching [1]_, with or without scribbles.

    With ``method="kim"`` or another of :mod:`napari_mmtseg.baselines` the image goes to
    that method instead, for comparison. It uses `n_labels`, `seed`, `output`,
    `min_region_size` and every setting that differs from the preset and that it has a
    parameter for; everything else keeps its published default.

    Parameters
    ----------
    image : array-like
        2D grey (Y, X), RGB or RGBA (Y, X, 3 or 4; alpha is ignored), or any number of
        channels with `channel_axis` or `axes`; bool, integer or floating point, from
        8 x 8 pixels. NaN, infinite values and masked pixels count as the lowest finite
        value. Axes before Y and X are stacked: slices of one volume, or points in time.
        A stack, or an image of more than 16 megapixels, is read part by part; it may be
        a memmap, a dask or a zarr array.
    axes : str, optional
        A letter for every axis, such as ``"ZYX"``, ``"TCZYX"`` or ``"YXS"``: C for
        channels, S for RGB colours, any other for what is stacked.
    channel_axis : int, optional
        Axis of the channels, if `axes` does not name it.
    spacing : sequence of float, optional
        Distance between neighbouring pixels along every axis of the labels, in any
        one unit; with ``stack="volume"`` networks and smoothing use it.
    area : array-like of bool, optional
        The part of the image to segment: True, or not 0, for its pixels, in the shape
        of the image without its channels, or (Y, X) for all slices. Pixels outside are
        no data: they are labelled 0 and tell nothing of the classes.
    scribbles : array-like of int, optional
        Painted pixels in the shape of the image without its channels, 0 where nothing
        is painted. Painted pixels keep their label in the result, and unpainted ones
        that look like them take it, too. Without `n_labels` the classes are those that
        are painted; with only one, others are found besides. If `n_labels` is more
        than what is painted, the rest is found and takes the smallest free labels.
    examples : sequence of (image, scribbles)
        Further images, with the same channels, to train on as well.
    model : MutualMeanTeachingModel, optional
        Training starts from it instead of from random weights: a few steps are enough
        then. The classes are those of the model and the painted ones, each under its
        label; if pixels are painted with another label than the model gives them,
        pixels like them change, and all others stay.
    settings : SegmentationSettings, optional
        All settings; without it those of the ``default`` preset, or those of `model`
        with an automatic number of classes. `stack` decides what slices share.
    out : array-like, optional
        The array that labels are written to, part by part: anything with their shape
        that takes slices, such as a memmap or a zarr array.
    **overrides
        Single settings by name, over `settings`.

    Returns
    -------
    ndarray of int32, or `out`
        Labels 1..k, in the shape of the image without its channels, numbered from dark
        to bright (classes) or in raster order (regions); classes that are painted or
        known to `model` keep their labels. With `background` in the settings, the class
        that is background is 0, and the others count on from 1. A memmap of a temporary
        file if the labels of a stack take more than `memory_share` of the free memory.

    Raises
    ------
    InputError
        If the image, the scribbles, the model or a setting cannot be used. It is a
        :class:`ValueError`.

    References
    ----------
    .. [1] Wu, Guo, Zhang, Xu, "Unsupervised Image Segmentation using Mutual
           Mean-Teaching", arXiv 2012.08922.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_mmtseg as mm
    >>> image = np.zeros((32, 32))
    >>> image[8:24, 8:24] = 1
    >>> labels = mm.segment(image, n_labels=2)
    >>> int(labels[0, 0]), int(labels[16, 16])
    (1, 2)

    Painted pixels name the classes:

    >>> scribbles = np.zeros((32, 32), int)
    >>> scribbles[2, 2:9], scribbles[16, 12:20] = 7, 5
    >>> labels = mm.segment(image, scribbles=scribbles)
    >>> int(labels[0, 0]), int(labels[20, 20])
    (7, 5)
    """
    return drain(
        iter_segment(
            image,
            axes=axes,
            channel_axis=channel_axis,
            spacing=spacing,
            area=area,
            scribbles=scribbles,
            examples=examples,
            model=model,
            settings=settings,
            out=out,
            **overrides,
        )
    ).labels


@topics_once
def iter_segment(
    image: Any,
    *,
    axes: str | None = None,
    channel_axis: int | None = None,
    spacing: Sequence[float] | None = None,
    area: ArrayLike | None = None,
    scribbles: ArrayLike | None = None,
    examples: Sequence[tuple[ArrayLike, ArrayLike]] = (),
    model: MutualMeanTeachingModel | None = None,
    settings: SegmentationSettings | None = None,
    preview_interval: float | None = None,
    should_cancel: Callable[[], bool] | None = None,
    shown: Callable[[], tuple[int, ...]] | None = None,
    out: Any = None,
    **overrides: Any,
) -> Generator[SegmentationStep, str | None, SegmentationResult]:
    """Do the same as :func:`segment` as a generator of progress.

    Input and settings are checked at once; the work begins with the first ``next``.
    ``send("stop")`` ends the training and keeps what it has; sent while the slices of a
    stack are labelled, it keeps those that are done and leaves the others 0.
    ``close()`` drops everything.

    Parameters
    ----------
    image, axes, channel_axis, spacing, area, scribbles, examples, model, settings
        As for :func:`segment`.
    preview_interval : float, optional
        Seconds between steps that carry a preview in ``labels``; none without it.
    should_cancel : callable, optional
        Called often, also in the middle of a step, in the thread that runs the
        generator; once it returns True, :class:`Cancelled` is raised. ``close()`` works
        only between two steps, which take many seconds if images are large.
    shown : callable, optional
        Returns the slice of a stack that previews show during training: its position
        along every axis that is stacked. The first one without it.
    out, **overrides
        As for :func:`segment`.

    Yields
    ------
    SegmentationStep
        At least one for every half training step; with another `method` one for every
        step, or one before and one after if that has no steps.

    Returns
    -------
    SegmentationResult
        The value of the generator's ``StopIteration``.

    Raises
    ------
    InputError
        If the image or a setting cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_mmtseg as mm
    >>> steps = mm.iter_segment(np.eye(16), n_steps=3, warm_start_steps=1)
    >>> {step.phase for step in steps} >= {"warm start", "teaching"}
    True
    """
    request = SegmentationRequest.of(
        [image],
        [scribbles],
        settings,
        overrides,
        axes=axes,
        channel_axis=channel_axis,
        spacing=spacing,
        areas=[area],
        examples=examples,
        model=model,
        preview_interval=preview_interval,
        should_cancel=should_cancel,
        shown=shown,
        out=out,
    )
    if request.settings.output == "objects":
        return segment_objects(request, _iter_classes, spacing)
    return _iter_classes(request)


def _iter_classes(request: SegmentationRequest) -> Steps[SegmentationResult]:
    steps = _iter_everywhere(request)
    return steps if request.stack.area is None else within_area(steps, request)


def _iter_everywhere(request: SegmentationRequest) -> Steps[SegmentationResult]:
    if request.is_whole:
        return on_any_device(segment_image, request)
    if request.settings.stack == "slice_by_slice" and request.stack.n_frames > 1:
        request.check_slices()
        return on_any_device(segment_slices, request)
    request.check_one_model()
    return on_any_device(segment_stack, request)
