"""The one path from an image to labels: arrays, engine, regions.

Widget, command line and scripts all drain :func:`iter_segment`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_mmtseg.images.arrays import as_channels_first
from napari_mmtseg.images.stack import ImageStack, check_spacing
from napari_mmtseg.labels.hierarchy import without_gaps
from napari_mmtseg.labels.regions import consecutive, count_values
from napari_mmtseg.labels.store import check_store, store_labels
from napari_mmtseg.progress import SegmentationStep, drain
from napari_mmtseg.segmentation.baseline import iter_baseline
from napari_mmtseg.segmentation.request import StackRun, check_alike, resolve_settings
from napari_mmtseg.segmentation.result import SegmentationResult
from napari_mmtseg.segmentation.scribble_input import (
    check_scribbles,
    largest_value,
    read_guidance,
)
from napari_mmtseg.segmentation.scribble_training import fit_or_guide
from napari_mmtseg.segmentation.slice_by_slice import segment_slices
from napari_mmtseg.segmentation.stack import segment_stack
from napari_mmtseg.segmentation.training import Fitted, predicting
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

__all__ = ["iter_segment", "segment"]

Labels = NDArray[np.int32]


def segment(
    image: Any,
    *,
    axes: str | None = None,
    channel_axis: int | None = None,
    spacing: Sequence[float] | None = None,
    scribbles: ArrayLike | None = None,
    examples: Sequence[tuple[ArrayLike, ArrayLike]] = (),
    model: MutualMeanTeachingModel | None = None,
    settings: SegmentationSettings | None = None,
    out: Any = None,
    **overrides: Any,
) -> Any:
    """Segment an image by Mutual Mean-Teaching [1]_, with or without painted hints.

    With ``method="kim"`` or another of :mod:`napari_mmtseg.baselines` the image goes to
    that method instead, for comparison. It heeds `n_labels`, `seed`, `output` and
    `min_region_size`, and of the settings that differ from those of the preset the ones
    that it has a parameter for; all else stands at its published default.

    Parameters
    ----------
    image : array-like
        2D grey (Y, X), RGB or RGBA (Y, X, 3 or 4; alpha is ignored), or any number of
        channels with `channel_axis` or `axes`; bool, integer or floating point, from
        8 x 8 pixels. NaN and infinite values count as the lowest finite value. Axes
        before Y and X are stacked: slices of one volume, or points in time. Of a
        stack, or an image of more than 16 megapixels, one part is read at a time; it
        may be a memmap, a dask or a zarr array.
    axes : str, optional
        A letter for every axis, such as ``"ZYX"``, ``"TCZYX"`` or ``"YXS"``: C for
        channels, S for RGB colours, any other for what is stacked.
    channel_axis : int, optional
        Axis of the channels, where `axes` does not name it.
    spacing : sequence of float, optional
        Distance between neighbouring pixels along every axis of the labels, in any
        one unit; with ``stack="volume"`` networks and smoothing heed it.
    scribbles : array-like of int, optional
        Painted pixels in the shape of the image without its channels, 0 where nothing
        is painted. Painted pixels keep their value in the result, and unpainted ones
        that look like them take it, too. Without `n_labels` the classes are those that
        are painted; with only one, others are found beside it. Where `n_labels` is
        more than what is painted, the rest is found and takes the smallest free
        values.
    examples : sequence of (image, scribbles)
        Further images, with the same channels, that are learned from as well.
    model : MutualMeanTeachingModel, optional
        What training starts from, instead of from random weights: a few steps are
        enough then. The classes are those of the model and the painted ones, each
        under its value; with painted pixels that have another value than the model
        gives them, pixels like them change, and all others stay.
    settings : SegmentationSettings, optional
        All settings; without it those of the ``default`` preset, or those of `model`
        with an automatic number of classes. `stack` says what slices share.
    out : array-like, optional
        Where the labels are written, piece by piece: anything with their shape that
        takes slices, such as a memmap or a zarr array.
    **overrides
        Single settings by name, over `settings`.

    Returns
    -------
    ndarray of int32, or `out`
        Labels 1..k, in the shape of the image without its channels, numbered from dark
        to bright (classes) or in raster order (regions); classes that are painted or
        known to `model` have their own values. A memmap of a temporary file where the
        labels of a stack take more than `memory_share` of the free memory.

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
            scribbles=scribbles,
            examples=examples,
            model=model,
            settings=settings,
            out=out,
            **overrides,
        )
    ).labels


def iter_segment(
    image: Any,
    *,
    axes: str | None = None,
    channel_axis: int | None = None,
    spacing: Sequence[float] | None = None,
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
    """Do the same as :func:`segment`, as a generator of progress.

    Input and settings are checked at once; the work begins with the first ``next``.
    ``send("stop")`` ends the training and keeps what it has; sent while the slices of a
    stack are labelled, it keeps those that are done and leaves the others 0.
    ``close()`` drops it all.

    Parameters
    ----------
    image, axes, channel_axis, spacing, scribbles, examples, model, settings
        As for :func:`segment`.
    preview_interval : float, optional
        Seconds between steps that carry a preview in ``labels``; none without it.
    should_cancel : callable, optional
        Asked often, also in the middle of a step, from whatever thread runs the
        generator; once it returns True, :class:`Cancelled` is raised. ``close()`` works
        only between two steps, which take many seconds where images are large.
    shown : callable, optional
        Asked for the slice of a stack that previews show while networks are trained:
        its position along every axis that is stacked. The first one without it.
    out, **overrides
        As for :func:`segment`.

    Yields
    ------
    SegmentationStep
        At least one for every half training step; with another `method` one for every
        step, or one before and one after where that has no steps.

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
    >>> {step.phase for step in steps} >= {"warm start", "mutual teaching"}
    True
    """
    chosen = resolve_settings(settings, overrides, model)
    stack = ImageStack.of(
        image,
        axes=axes,
        channel_axis=channel_axis,
        volumes=chosen.stack == "volume",
    )
    anisotropy = check_spacing(spacing, stack)
    others = []
    # Examples are single images; their channels lie where those of a slice do.
    plane = [letter for letter in stack.axes if letter in "CYX"]
    axis = plane.index("C") if "C" in plane else None
    for example, painted_there in examples:
        others.append((as_channels_first(example, axis), painted_there))
    run = StackRun(
        chosen,
        scribbles,
        others,
        model,
        preview_interval,
        should_cancel,
        shown,
        out,
        anisotropy,
    )
    if stack.is_one_image:
        return _one_image(stack, run)
    if chosen.stack == "slice_by_slice" and stack.n_frames > 1:
        return segment_slices(stack, run, lambda c: _segment_image(c, _of_slice(run)))
    return segment_stack(stack, run)


def _one_image(
    stack: ImageStack, run: StackRun
) -> Generator[SegmentationStep, str | None, SegmentationResult]:
    """Segment the only image of a stack, looked at as a whole."""
    scribbles = run.scribbles
    if scribbles is not None and len(stack.shape) > 2:
        scribbles = np.asarray(check_scribbles(scribbles, stack))
        scribbles = scribbles.reshape(stack.shape[-2:])
    steps = _segment_image(stack.first.read(), replace(run, scribbles=scribbles))
    if run.out is not None:
        painted = [
            p for p in (scribbles, *(p for _, p in run.examples)) if p is not None
        ]
        largest = largest_value(painted, run.model, run.settings)
        check_store(run.out, stack.shape, largest, stack.array)
    if len(stack.shape) == 2 and run.out is None:
        return steps
    return _arranged(steps, stack, run.out)


def _arranged(
    steps: Generator[SegmentationStep, str | None, SegmentationResult],
    stack: ImageStack,
    out: Any,
) -> Generator[SegmentationStep, str | None, SegmentationResult]:
    result = yield from steps
    labels = result.labels.reshape(stack.shape)
    if out is not None:
        store_labels(out, ..., labels)
        labels = out
    hierarchy = result.hierarchy
    if hierarchy is not None:
        hierarchy = hierarchy.reshaped(stack.shape)
    return replace(result, labels=labels, hierarchy=hierarchy)


def _of_slice(run: StackRun) -> StackRun:
    """Return what each slice is segmented with: classes, which are matched then."""
    settings = run.settings.replace(output="classes")
    return replace(run, settings=settings, out=None)


def _segment_image(
    channels: NDArray[Any], run: StackRun
) -> Generator[SegmentationStep, str | None, SegmentationResult]:
    """Segment one image (C, Y, X); what is given is checked at once."""
    images = [channels, *(image for image, _ in run.examples)]
    hints = [run.scribbles, *(painted for _, painted in run.examples)]
    check_alike(images)
    painted = read_guidance(images, hints, run.settings, run.model)
    if run.settings.method != "mmt":
        return iter_baseline(
            channels, run.settings, run.preview_interval, run.should_cancel
        )
    steps = fit_or_guide(
        images,
        painted,
        run.settings,
        run.model,
        run.preview_interval,
        run.should_cancel,
    )
    return _segment_steps(channels, steps, run.settings)


def _segment_steps(
    channels: NDArray[Any],
    fitting: Generator[SegmentationStep, str | None, Fitted],
    settings: SegmentationSettings,
) -> Generator[SegmentationStep, str | None, SegmentationResult]:
    from napari_mmtseg.engine.model.image_view import CachedResult

    start = time.perf_counter()
    fitted = yield from fitting
    n_steps = fitted.n_steps
    hierarchy = fitted.hierarchy
    if hierarchy is None:
        hierarchy = yield from predicting(
            fitted.model.iter_hierarchy(channels, channel_axis=0),
            SegmentationStep(
                "prediction", n_steps, settings.n_steps, n_labels=fitted.model.n_labels
            ),
        )
    if fitted.model.label_values is None:
        found = hierarchy
        hierarchy = hierarchy.without_empty()
        if settings.min_region_size > 1:
            present = count_values(hierarchy.labels(), hierarchy.fitted + 1)[1:] > 0
            hierarchy = hierarchy.relabelled(without_gaps(present))
        fitted.model.label_values = hierarchy.labels_for_model(found)
    labels = hierarchy.labels(output=settings.output)
    if settings.output == "regions":
        labels = consecutive(labels)
    if fitted.model.memory is None:
        fitted.model.memory = CachedResult.of(channels, hierarchy, None)
    return SegmentationResult(
        labels=labels,
        model=fitted.model,
        hierarchy=hierarchy,
        stop_reason=fitted.stop_reason,
        n_labels=len(np.unique(labels)),
        n_steps=n_steps,
        seconds=time.perf_counter() - start,
        device=fitted.device,
        precision=fitted.precision,
        settings=settings,
    )
