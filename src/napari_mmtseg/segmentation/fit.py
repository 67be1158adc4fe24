"""From images to a model: :func:`fit` and its steps, :func:`iter_fit`."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.stack import ImageStack, check_spacing
from napari_mmtseg.progress import SegmentationStep, drain
from napari_mmtseg.segmentation.baseline import check_makes_model
from napari_mmtseg.segmentation.request import StackRun, check_alike, resolve_settings
from napari_mmtseg.segmentation.scribble_input import check_scribbles, read_guidance
from napari_mmtseg.segmentation.scribble_training import fit_or_guide
from napari_mmtseg.segmentation.stack_training import check_volumes, fit_stacks
from napari_mmtseg.segmentation.training import Fitted
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

__all__ = ["fit", "iter_fit"]


def fit(
    image_or_images: Any,
    *,
    axes: str | None = None,
    channel_axis: int | None = None,
    spacing: Sequence[float] | None = None,
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
            scribbles=scribbles,
            model=model,
            settings=settings,
            **overrides,
        )
    )


def iter_fit(
    image_or_images: Any,
    *,
    axes: str | None = None,
    channel_axis: int | None = None,
    spacing: Sequence[float] | None = None,
    scribbles: ArrayLike | Sequence[ArrayLike | None] | None = None,
    model: MutualMeanTeachingModel | None = None,
    settings: SegmentationSettings | None = None,
    preview_interval: float | None = None,
    should_cancel: Callable[[], bool] | None = None,
    shown: Callable[[], tuple[int, ...]] | None = None,
    **overrides: Any,
) -> Generator[SegmentationStep, str | None, MutualMeanTeachingModel]:
    """Do the same as :func:`fit`, as a generator of progress.

    Parameters and errors are those of :func:`fit` and :func:`iter_segment`; previews
    show the first image.
    """
    chosen = resolve_settings(settings, overrides, model)
    check_makes_model(chosen)
    images: Sequence[Any] = (
        image_or_images
        if isinstance(image_or_images, (list, tuple))
        else [image_or_images]
    )
    if not images:
        raise InputError("There is no image to fit. Pass one image or a list of them.")
    volumes = chosen.stack == "volume"
    stacks = [
        ImageStack.of(image, axes=axes, channel_axis=channel_axis, volumes=volumes)
        for image in images
    ]
    anisotropy = check_spacing(spacing, stacks[0])
    several = isinstance(scribbles, (list, tuple)) and images is image_or_images
    hints: Sequence[Any] = scribbles if several else [scribbles]  # type: ignore[assignment]
    if scribbles is None:
        hints = [None] * len(images)
    if all(stack.is_one_image for stack in stacks):
        channels = [stack.first.read() for stack in stacks]
        check_alike(channels)
        painted = read_guidance(channels, hints, chosen, model)
        steps = fit_or_guide(
            channels, painted, chosen, model, preview_interval, should_cancel
        )
        return _model_of(steps)
    check_alike([stack.first for stack in stacks])
    if len({stack.volumes for stack in stacks}) > 1:
        shapes = ", ".join(str(stack.shape) for stack in stacks)
        raise InputError(
            f"stack=volume takes volumes alone; of images of shape {shapes} some have "
            "a single slice. Leave these out, or use stack=one_model."
        )
    if len(hints) != len(stacks):
        raise InputError(
            f"Scribbles for {len(hints)} images are given for {len(stacks)} images. "
            "Give a list with an array, or None, for each."
        )
    checked = [
        None if hint is None else check_scribbles(hint, stack)
        for hint, stack in zip(hints, stacks, strict=True)
    ]
    run = StackRun(
        chosen,
        model=model,
        preview_interval=preview_interval,
        should_cancel=should_cancel,
        shown=shown,
        anisotropy=anisotropy,
    )
    check_volumes(stacks, run, scribbles is not None)
    return _model_of(fit_stacks(stacks, checked, run))


def _model_of(
    fitting: Generator[SegmentationStep, str | None, Fitted],
) -> Generator[SegmentationStep, str | None, MutualMeanTeachingModel]:
    fitted = yield from fitting
    return fitted.model
