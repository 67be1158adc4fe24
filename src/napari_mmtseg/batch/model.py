"""The one model of a batch: a saved one, a fitted one, or that of an earlier run."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.batch.item import FREE_SETTINGS
from napari_mmtseg.batch.journal import PreviousRun
from napari_mmtseg.batch.plan import BatchPlan, BatchRequest
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import write_atomically
from napari_mmtseg.files.read import ImageFile, read_image
from napari_mmtseg.files.write import check_labels_fit
from napari_mmtseg.images.arrays import as_channels_first
from napari_mmtseg.images.crops import sample_frame
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.progress import SegmentationStep
from napari_mmtseg.segmentation.fit import iter_fit
from napari_mmtseg.settings.fields import SegmentationSettings, parameters

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

__all__ = [
    "DEFAULT_FIT_ON",
    "SavedModel",
    "check_past_model",
    "digest",
    "fit_batch",
    "make_model",
    "settings_with",
]


@dataclass(frozen=True)
class SavedModel:
    """A model that a batch was given.

    Attributes
    ----------
    content : bytes
        The file.
    digest : str
        Tells it from others.
    """

    content: bytes
    digest: str

    @classmethod
    def read(cls, path: Path) -> SavedModel:
        """Read the file.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(
                f"The model {path} cannot be read: {error.strerror}."
            ) from error
        return cls(content, _digest(content))


def digest(path: Path) -> str:
    """Return what tells the model in a file from others; empty without a file."""
    try:
        return _digest(path.read_bytes())
    except OSError:
        return ""


def settings_with(path: Path, asked: SegmentationSettings) -> SegmentationSettings:
    """Return the settings that a saved model labels with.

    Parameters
    ----------
    path : Path
        Its file.
    asked : SegmentationSettings
        Those of the model with some of them changed, or changes of the usual ones.

    Raises
    ------
    InputError
        If the file is no model, or a setting is asked for that fitting has settled.
    """
    from napari_mmtseg.engine.model.fitted import load_model

    fitted = load_model(path).settings
    values = fitted.to_dict()
    settled = {name: values[name] for name in parameters() if name not in FREE_SETTINGS}
    changes = asked.to_dict()
    if any(changes[name] != value for name, value in settled.items()):
        usual = SegmentationSettings().to_dict()
        changes = {n: v for n, v in changes.items() if v != usual[n]}
        if changes.get("max_labels") == changes.get("n_labels"):
            changes.pop("max_labels", None)  # which follows the other
    other = [n for n in settled if n in changes and changes[n] != settled[n]]
    if other:
        listed = ", ".join(f"{n}={values[n]}, not {changes[n]}" for n in other)
        raise InputError(
            f"The model {path} was fitted with {listed}, and that stays. Settings that "
            f"are accepted with a saved model: {', '.join(FREE_SETTINGS)}."
        )
    free = {n: changes[n] for n in FREE_SETTINGS if changes.get(n) is not None}
    return fitted.replace(**free)


def check_past_model(plan: BatchPlan, past: PreviousRun) -> None:
    """Refuse to go on without the model that has made the labels that are there.

    Raises
    ------
    InputError
        If its file is gone or holds another one.
    """
    if len(past.done) in (0, len(plan.items)) or digest(plan.model_path) == past.model:
        return
    what = "has given way to another" if plan.model_path.exists() else "is gone"
    raise InputError(
        f"{plan.model_path}, the model of the labels that are there, {what}. Put it "
        "back, begin anew (--overwrite, overwrite=True), or name another folder."
    )


def make_model(
    plan: BatchPlan,
    past: PreviousRun,
    saved: SavedModel | None,
    should_cancel: Callable[[], bool] | None,
) -> Generator[SegmentationStep, None, None]:
    """Put the model where it is kept.

    Yields
    ------
    SegmentationStep
        While one is fitted.
    """
    there = digest(plan.model_path)
    if there and there == (past.model if saved is None else saved.digest):
        return
    if saved is not None:
        write_atomically(plan.model_path, saved.content, overwrite=True)
        return
    model = yield from fit_batch(plan, should_cancel)
    model.save(plan.model_path, overwrite=True)


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()


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
