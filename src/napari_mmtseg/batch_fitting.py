"""One model for the images of a batch."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.batch_plan import BatchPlan, BatchRequest
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.read import ImageFile, read_image
from napari_mmtseg.files.write import check_labels_fit
from napari_mmtseg.images.arrays import as_channels_first
from napari_mmtseg.images.crops import sample_frame
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.progress import SegmentationStep
from napari_mmtseg.segmentation.fit import iter_fit

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

__all__ = ["DEFAULT_FIT_ON", "fit_batch"]

DEFAULT_FIT_ON = 16
"""Number of images that the one model is fitted on."""


def fit_batch(
    plan: BatchPlan, should_cancel: Callable[[], bool] | None = None
) -> Generator[SegmentationStep, str | None, MutualMeanTeachingModel]:
    """Fit one model to images that lie evenly in the list of all.

    An image that cannot be read gives way to the next one; so does one with another
    number of axes or channels than most.

    Raises
    ------
    InputError
        If no image can be read.
    """
    images = yield from _chosen(plan)
    while True:
        try:
            return (yield from _fit(images, plan.request, should_cancel))
        except _UnreadableError as error:  # in a part that was not looked at
            images = [image for image in images if image.array is not error.array]
            if not images:
                raise


def _fit(
    images: Sequence[ImageFile],
    request: BatchRequest,
    should_cancel: Callable[[], bool] | None,
) -> Generator[SegmentationStep, str | None, MutualMeanTeachingModel]:
    planes = all(set(image.axes) <= set("CYXS") for image in images)
    steps = iter_fit(
        [_pixels(image) if planes else image.array for image in images],
        axes=None if planes else images[0].axes,
        channel_axis=0 if planes else None,
        spacing=None if planes else images[0].spacing,
        settings=request.settings,
        should_cancel=should_cancel,
    )
    return (yield from steps)


def _pixels(image: ImageFile) -> Any:
    # One file may hold RGB pixels and the next planes: in one order they go together.
    return as_channels_first(image.array[...], image.channel_axis)


class _UnreadableError(InputError):
    def __init__(self, array: _Guarded, path: Path, error: Exception) -> None:
        super().__init__(f"{path} cannot be read: {type(error).__name__}: {error}")
        self.array = array


@dataclass(frozen=True, eq=False)
class _Guarded:
    """An array whose pixels may be read later, and the file that they are in."""

    array: Any
    path: Path

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.array.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        dtype: np.dtype[Any] = np.dtype(self.array.dtype)
        return dtype

    def __getitem__(self, index: Any) -> NDArray[Any]:
        try:
            return np.asarray(self.array[index])
        except MemoryError:
            raise
        except Exception as error:  # libraries meet damage with errors of many kinds
            raise _UnreadableError(self, self.path, error) from error


def _chosen(
    plan: BatchPlan,
) -> Generator[SegmentationStep, str | None, list[ImageFile]]:
    request = plan.request
    n, wanted = len(plan.items), request.fit_on or DEFAULT_FIT_ON
    first = np.unique(np.linspace(0, n - 1, min(wanted, n)).round().astype(int))
    order = [*first.tolist(), *(i for i in range(n) if i not in set(first.tolist()))]
    found: list[ImageFile] = []
    kinds: list[tuple[str, int]] = []
    errors = []
    step = SegmentationStep("preparing", 0, request.settings.n_steps)
    for number in order:
        counts = Counter(kinds).most_common(1)
        if counts and counts[0][1] >= min(wanted, n):
            break
        yield step
        path = plan.items[number].image
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                image = read_image(
                    path, channel_axis=request.channel_axis, axes=request.axes
                )
                check_labels_fit(plan.items[number].labels, image.label_axes)
                image = replace(image, array=_Guarded(image.array, path))
                stack = ImageStack.of(image.array, axes=image.axes)
                # As fitting looks at them, so that what it would refuse gives way.
                Normalization.fit(
                    sample_frame(stack.first), request.settings.color_space
                )
        except MemoryError:
            raise
        except Exception as error:
            told = str(error) or type(error).__name__
            errors.append(told if str(path) in told else f"{path}: {told}")
            continue
        found.append(image)
        kinds.append((stack.label_axes, stack.first.shape[0]))
        if len(found) >= 2 * wanted:
            break
    if not found:
        raise InputError(
            f"None of the {n} images can be used, so there is nothing to fit a model "
            f"to. The first says: {errors[0]}"
        )
    usual = Counter(kinds).most_common(1)[0][0]
    return [i for i, kind in zip(found, kinds, strict=True) if kind == usual][:wanted]
