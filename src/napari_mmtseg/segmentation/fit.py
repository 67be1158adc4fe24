"""From images to a model: :func:`fit` and its steps, :func:`iter_fit`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.hierarchy import without_gaps
from napari_mmtseg.notices import topics_once
from napari_mmtseg.progress import Steps, drain
from napari_mmtseg.segmentation.baseline import check_makes_model
from napari_mmtseg.segmentation.device_failure import on_any_device
from napari_mmtseg.segmentation.request import SegmentationRequest
from napari_mmtseg.segmentation.scribble_input import read_all_scribbles
from napari_mmtseg.segmentation.scribble_training import train_model
from napari_mmtseg.segmentation.stack_training import fit_stacks
from napari_mmtseg.segmentation.training import Fitted, background_class
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel


def fit(
    image_or_images: Any,
    *,
    axes: str | None = None,
    channel_axis: int | None = None,
    spacing: Sequence[float] | None = None,
    area: ArrayLike | Sequence[ArrayLike | None] | None = None,
    scribbles: ArrayLike | Sequence[ArrayLike | None] | None = None,
    model: MutualMeanTeachingModel | None = None,
    settings: SegmentationSettings | None = None,
    **overrides: Any,
) -> MutualMeanTeachingModel:
    """Fit a model to one or several images, to label these and others alike.

    Parameters
    ----------
    image_or_images : array-like, or list or tuple of array-like
        One image or stack, or several with the same number of channels.
    axes, channel_axis, spacing, model, settings, **overrides
        As for :func:`segment`.
    area : array-like of bool, or list or tuple, optional
        As for :func:`segment`; for several images one for all, or a list with an area,
        or None where all of the image counts, for each. The model knows of no area: it
        labels the whole of what it is applied to.
    scribbles : array-like of int, or list or tuple, optional
        As for :func:`segment`; for several images a list with an array, or None where
        nothing is painted, for each.

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
            image_or_images,
            axes=axes,
            channel_axis=channel_axis,
            spacing=spacing,
            area=area,
            scribbles=scribbles,
            model=model,
            settings=settings,
            **overrides,
        )
    )


@topics_once
def iter_fit(
    image_or_images: Any,
    *,
    axes: str | None = None,
    channel_axis: int | None = None,
    spacing: Sequence[float] | None = None,
    area: ArrayLike | Sequence[ArrayLike | None] | None = None,
    scribbles: ArrayLike | Sequence[ArrayLike | None] | None = None,
    model: MutualMeanTeachingModel | None = None,
    settings: SegmentationSettings | None = None,
    preview_interval: float | None = None,
    should_cancel: Callable[[], bool] | None = None,
    shown: Callable[[], tuple[int, ...]] | None = None,
    **overrides: Any,
) -> Steps[MutualMeanTeachingModel]:
    """Do the same as :func:`fit` as a generator of progress; see :func:`iter_segment`.

    Previews show the first image.
    """
    is_list = isinstance(image_or_images, (list, tuple))
    images: Sequence[Any] = image_or_images if is_list else [image_or_images]
    if not images:
        raise InputError("There is no image to fit. Pass one image or a list of them.")
    each: Any = scribbles
    if scribbles is None:
        each = [None] * len(images)
    elif not (is_list and isinstance(scribbles, (list, tuple))):
        each = [scribbles]
    request = SegmentationRequest.of(
        images,
        each,
        settings,
        overrides,
        axes=axes,
        channel_axis=channel_axis,
        spacing=spacing,
        areas=area if is_list and isinstance(area, (list, tuple)) else [area],
        model=model,
        preview_interval=preview_interval,
        should_cancel=should_cancel,
        shown=shown,
    )
    check_makes_model(request.settings)
    if not request.is_whole:
        return _model_of(on_any_device(fit_stacks, request))
    pixels = request.read_images()
    painted = read_all_scribbles(pixels, request.all_scribbles(), request)
    fitting = on_any_device(lambda asked: train_model(pixels, painted, asked), request)
    return _model_of(fitting, pixels, request)


def _model_of(
    fitting: Steps[Fitted],
    pixels: Sequence[NDArray[Any]] = (),
    request: SegmentationRequest | None = None,
) -> Steps[MutualMeanTeachingModel]:
    """Return the model of a training, its background labelled 0."""
    fitted = yield from fitting
    model, background = fitted.model, fitted.background
    if request is not None:
        background = yield from background_class(model, pixels, request)
    if background is not None:
        present = np.ones(model.n_labels, bool)
        model.label_values = without_gaps(present, background)
    return model
