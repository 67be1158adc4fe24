"""The one path from an image to labels: arrays, engine, regions.

Widget, command line and scripts all drain :func:`iter_segment` or :func:`iter_fit`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_mmtseg.arrays import as_channels_first
from napari_mmtseg.baselines.driving import check_makes_model, iter_baseline
from napari_mmtseg.errors import InputError
from napari_mmtseg.fitting import fit_steps, predicting
from napari_mmtseg.progress import SegmentationResult, SegmentationStep, drain
from napari_mmtseg.regions import consecutive
from napari_mmtseg.settings import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model import MutualMeanTeachingModel

__all__ = ["fit", "iter_fit", "iter_segment", "segment"]


def segment(
    image: ArrayLike,
    *,
    channel_axis: int | None = None,
    settings: SegmentationSettings | None = None,
    **overrides: Any,
) -> NDArray[np.int32]:
    """Segment an image without annotation, by Mutual Mean-Teaching [1]_.

    With ``method="kim"`` or another of :mod:`napari_mmtseg.baselines` the image goes to
    that method instead, for comparison. It heeds `n_labels`, `seed`, `output` and
    `min_region_size`, and of the settings that differ from those of the preset the ones
    that it has a parameter for; all else stands at its published default.

    Parameters
    ----------
    image : array-like
        2D grey (Y, X), RGB or RGBA (Y, X, 3 or 4; alpha is ignored), or any number of
        channels with `channel_axis`; bool, integer or floating point, from 8 x 8
        pixels. NaN and infinite values count as the lowest finite value.
    channel_axis : int, optional
        Axis of the channels.
    settings : SegmentationSettings, optional
        All settings; those of the ``default`` preset without it.
    **overrides
        Single settings by name, over `settings`.

    Returns
    -------
    ndarray of int32
        Labels 1..k, in the shape of the image without its channels, numbered from dark
        to bright (classes) or in raster order (regions).

    Raises
    ------
    InputError
        If the image or a setting cannot be used. It is a :class:`ValueError`.

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
    """
    return drain(
        iter_segment(image, channel_axis=channel_axis, settings=settings, **overrides)
    ).labels


def iter_segment(
    image: ArrayLike,
    *,
    channel_axis: int | None = None,
    settings: SegmentationSettings | None = None,
    preview_interval: float | None = None,
    should_cancel: Callable[[], bool] | None = None,
    **overrides: Any,
) -> Generator[SegmentationStep, str | None, SegmentationResult]:
    """Do the same as :func:`segment`, as a generator of progress.

    Input and settings are checked at once; the work begins with the first ``next``.
    ``send("stop")`` ends the training and keeps what it has; ``close()`` drops it.

    Parameters
    ----------
    image, channel_axis, settings, **overrides
        As for :func:`segment`.
    preview_interval : float, optional
        Seconds between steps that carry a preview in ``labels``; none without it.
    should_cancel : callable, optional
        Asked often, also in the middle of a step, from whatever thread runs the
        generator; once it returns True, :class:`Cancelled` is raised. ``close()`` works
        only between two steps, which take many seconds where images are large.

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
    chosen = _resolve(settings, overrides)
    channels = as_channels_first(image, channel_axis)
    if chosen.method != "mmt":
        return iter_baseline(channels, chosen, preview_interval, should_cancel)
    return _segment_steps(channels, chosen, preview_interval, should_cancel)


def fit(
    image_or_images: ArrayLike | Sequence[ArrayLike],
    *,
    channel_axis: int | None = None,
    settings: SegmentationSettings | None = None,
    **overrides: Any,
) -> MutualMeanTeachingModel:
    """Fit a model to one or several images, to label these and others alike.

    Parameters
    ----------
    image_or_images : array-like, or list or tuple of array-like
        One image, or several with the same number of channels.
    channel_axis, settings, **overrides
        As for :func:`segment`.

    Returns
    -------
    MutualMeanTeachingModel
        With ``predict``, ``save`` and ``n_labels``.

    Raises
    ------
    InputError
        If an image or a setting cannot be used.

    Examples
    --------
    >>> import numpy as np
    >>> import napari_mmtseg as mm
    >>> image = np.zeros((32, 32))
    >>> image[8:24, 8:24] = 1
    >>> model = mm.fit([image, image.T], n_labels=2)
    >>> model.predict(image).shape
    (32, 32)
    """
    return drain(
        iter_fit(
            image_or_images, channel_axis=channel_axis, settings=settings, **overrides
        )
    )


def iter_fit(
    image_or_images: ArrayLike | Sequence[ArrayLike],
    *,
    channel_axis: int | None = None,
    settings: SegmentationSettings | None = None,
    preview_interval: float | None = None,
    **overrides: Any,
) -> Generator[SegmentationStep, str | None, MutualMeanTeachingModel]:
    """Do the same as :func:`fit`, as a generator of progress.

    Parameters and errors are those of :func:`fit` and :func:`iter_segment`; previews
    show the first image.
    """
    chosen = _resolve(settings, overrides)
    check_makes_model(chosen)
    images: Sequence[Any] = (
        image_or_images
        if isinstance(image_or_images, (list, tuple))
        else [image_or_images]
    )
    if not images:
        raise InputError("There is no image to fit. Pass one image or a list of them.")
    channels = [as_channels_first(image, channel_axis) for image in images]
    counts = {len(c) for c in channels}
    if len(counts) > 1:
        raise InputError(
            "All images of one model need the same number of channels; these have "
            f"{sorted(counts)}."
        )
    return _fit_model(channels, chosen, preview_interval)


def _resolve(
    settings: SegmentationSettings | None, overrides: dict[str, Any]
) -> SegmentationSettings:
    if settings is None:
        return SegmentationSettings(**overrides)
    if not isinstance(settings, SegmentationSettings):
        raise InputError(
            f"settings is a {type(settings).__name__}; give SegmentationSettings."
        )
    return settings.replace(**overrides) if overrides else settings


def _segment_steps(
    channels: NDArray[Any],
    settings: SegmentationSettings,
    preview_interval: float | None,
    should_cancel: Callable[[], bool] | None,
) -> Generator[SegmentationStep, str | None, SegmentationResult]:
    start = time.perf_counter()
    fitted = yield from fit_steps([channels], settings, preview_interval, should_cancel)
    n_steps = fitted.n_steps
    hierarchy = fitted.hierarchy
    if hierarchy is None:
        hierarchy = yield from predicting(
            fitted.model.iter_hierarchy(channels, channel_axis=0),
            SegmentationStep(
                "prediction", n_steps, settings.n_steps, n_labels=fitted.model.n_labels
            ),
        )
    hierarchy = hierarchy.numbered()
    if settings.min_region_size > 1:
        hierarchy = hierarchy.renumbered(hierarchy.labels())
    labels = consecutive(hierarchy.labels(output=settings.output))
    return SegmentationResult(
        labels=labels,
        model=fitted.model,
        hierarchy=hierarchy,
        stop_reason=fitted.stop_reason,
        n_labels=int(labels.max()),
        n_steps=n_steps,
        seconds=time.perf_counter() - start,
        device=fitted.device,
        precision=fitted.precision,
        settings=settings,
    )


def _fit_model(
    images: Sequence[NDArray[Any]],
    settings: SegmentationSettings,
    preview_interval: float | None,
) -> Generator[SegmentationStep, str | None, MutualMeanTeachingModel]:
    fitted = yield from fit_steps(images, settings, preview_interval)
    return fitted.model
