"""The one model of a batch: a saved one, a fitted one, or that of an earlier run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from napari_mmtseg.batch.item import FREE_SETTINGS
from napari_mmtseg.batch.plan import BatchItem, BatchPlan, BatchRequest
from napari_mmtseg.batch.previous import PreviousRun
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import write_atomically
from napari_mmtseg.files.read import ImageFile, common_pick, read_image
from napari_mmtseg.files.write import check_labels_fit
from napari_mmtseg.images.crops import sample_frame
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.images.tiles import tiles
from napari_mmtseg.notices import collected_notices
from napari_mmtseg.progress import SegmentationStep, Steps
from napari_mmtseg.segmentation.fit import iter_fit
from napari_mmtseg.settings.fields import SegmentationSettings, parameters

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

DEFAULT_FIT_ON = 16
"""Number of images that the one model is fitted on."""

_PART = 2048
"""Side in pixels of the parts in which an image is checked."""


def read_model(path: Path) -> bytes:
    """Return the content of a model file."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"The model {path} cannot be read: {error.strerror}."
        ) from error


def digest(content: bytes) -> str:
    """Return a short text that distinguishes a model file from others."""
    return blake2b(content, digest_size=16).hexdigest()


def file_digest(path: Path) -> str:
    """Return the digest of a model file; empty without a file."""
    try:
        return digest(path.read_bytes())
    except OSError:
        return ""


def settings_with(path: Path, asked: SegmentationSettings) -> SegmentationSettings:
    """Return the settings that a saved model labels with."""
    from napari_mmtseg.engine.model.fitted import load_model

    fitted = load_model(path).settings
    values = fitted.to_dict()
    # The labels of its classes are those of the model, background included.
    free = {*FREE_SETTINGS, "background"}
    settled = {name: values[name] for name in parameters() if name not in free}
    changes = asked.to_dict()
    if any(changes[name] != value for name, value in settled.items()):
        usual = SegmentationSettings().to_dict()
        changes = {n: v for n, v in changes.items() if v != usual[n]}
        if changes.get("max_labels") == changes.get("n_labels"):
            changes.pop("max_labels", None)  # it follows n_labels
    other = [n for n in settled if n in changes and changes[n] != settled[n]]
    if other:
        listed = ", ".join(f"{n}={values[n]}, not {changes[n]}" for n in other)
        raise InputError(
            f"The model {path} was fitted with {listed}, and that stays. Settings that "
            f"are accepted with a saved model: {', '.join(FREE_SETTINGS)}."
        )
    given = {n: changes[n] for n in FREE_SETTINGS if changes.get(n) is not None}
    return fitted.replace(**given)


def check_previous_model(plan: BatchPlan, previous: PreviousRun) -> None:
    """Refuse to resume without the model of the existing labels."""
    if len(previous.done) in (0, len(plan.items)):
        return
    if file_digest(plan.model_path) == previous.model:
        return
    what = "was replaced by another" if plan.model_path.exists() else "is gone"
    raise InputError(
        f"{plan.model_path}, the model of the existing labels, {what}. Put it back, "
        "begin again (overwrite=True), or name another folder."
    )


def make_model(
    plan: BatchPlan,
    previous: PreviousRun,
    saved: bytes | None,
    should_cancel: Callable[[], bool] | None,
) -> Steps[None]:
    """Put the model into the folder of the labels; fit one unless it is given."""
    existing = file_digest(plan.model_path)
    if existing and existing == (previous.model if saved is None else digest(saved)):
        return
    if saved is not None:
        write_atomically(plan.model_path, saved, overwrite=True)
        return
    model = yield from fit_batch(plan, should_cancel)
    model.save(plan.model_path, overwrite=True)


def fit_batch(
    plan: BatchPlan, should_cancel: Callable[[], bool] | None = None
) -> Steps[MutualMeanTeachingModel]:
    """Fit one model to images spread evenly over the list of all.

    An image that cannot be read is replaced by the next one; so is one with another
    number of axes or channels than most.
    """
    images = yield from _chosen(plan)
    model = yield from _fit_readable(images, plan, should_cancel)
    model.picked_channels = common_pick(images)
    return model


def _fit_readable(
    images: Sequence[ImageFile],
    plan: BatchPlan,
    should_cancel: Callable[[], bool] | None,
) -> Steps[MutualMeanTeachingModel]:
    try:
        return (yield from _fit(images, plan.request, should_cancel))
    except InputError:
        # An image may be damaged in a part that nobody has read before.
        readable = [image for image in images if _is_readable(image)]
        if len(readable) in (0, len(images)):
            raise
    return (yield from _fit(readable, plan.request, should_cancel))


def _fit(
    images: Sequence[ImageFile],
    request: BatchRequest,
    should_cancel: Callable[[], bool] | None,
) -> Steps[MutualMeanTeachingModel]:
    planes = all(set(image.axes) <= set("CYXS") for image in images)
    return iter_fit(
        # One file may hold RGB pixels and the next planes: in one order they go
        # together.
        [_stack(i).first.read() if planes else i.array for i in images],
        axes=None if planes else images[0].axes,
        channel_axis=0 if planes else None,
        spacing=None if planes else images[0].spacing,
        settings=request.settings,
        should_cancel=should_cancel,
    )


def _stack(image: ImageFile) -> ImageStack:
    return ImageStack.of(image.array, axes=image.axes)


def _is_readable(image: ImageFile) -> bool:
    """Read all of an image, part by part."""
    stack = _stack(image)
    shape = stack.first.shape[1:]
    try:
        for index in stack.indices():
            for tile in tiles(shape, _PART, 0):
                stack.frame(index)[slice(None), *tile.core]
    except InputError:
        return False
    return True


def _chosen(plan: BatchPlan) -> Steps[list[ImageFile]]:
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
        item = plan.items[number]
        try:
            # Its notices are given when it is labelled.
            with collected_notices():
                image, kind = _looked_at(item, request)
        except MemoryError:
            raise
        except Exception as error:
            text = str(error) or type(error).__name__
            path = str(item.image)
            errors.append(text if path in text else f"{path}: {text}")
            continue
        found.append(image)
        kinds.append(kind)
        if len(found) >= 2 * wanted:
            break
    if not found:
        raise InputError(
            f"None of the {n} images can be used, so there is nothing to fit a model "
            f"to. The first says: {errors[0]}"
        )
    usual = Counter(kinds).most_common(1)[0][0]
    return [i for i, kind in zip(found, kinds, strict=True) if kind == usual][:wanted]


def _looked_at(
    item: BatchItem, request: BatchRequest
) -> tuple[ImageFile, tuple[str, int]]:
    """Return an image that can be fitted to, its label axes and number of channels."""
    image = read_image(
        item.image,
        channel_axis=request.channel_axis,
        axes=request.axes,
        series=request.series,
        channels=request.channels,
    )
    check_labels_fit(item.labels, image.label_axes)
    stack = _stack(image)
    # Fitting does the same: an image that it would refuse is refused here.
    parts = [part.pixels for part in sample_frame(stack.first)]
    settings = request.settings
    Normalization.fit(parts, settings.color_space, settings.value_range)
    return image, (stack.label_axes, stack.first.shape[0])
