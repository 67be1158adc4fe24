"""Images and settings as asked of a fitted model."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from napari_mmtseg.engine.model.inference import Hierarchies
from napari_mmtseg.engine.model.storage import LabelValues
from napari_mmtseg.errors import InputError
from napari_mmtseg.images.arrays import as_channels_first
from napari_mmtseg.images.picked_channels import PickedChannels
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.settings.fields import SegmentationSettings


def image_stack(
    image: Any,
    axes: str | None,
    channel_axis: int | None,
    n_dims: int,
    picked: PickedChannels | None = None,
) -> ImageStack:
    """Return an image or stack; of volumes if the model has 3 dimensions."""
    volumes = n_dims == 3
    stack = ImageStack.of(image, axes=axes, channel_axis=channel_axis, volumes=volumes)
    if volumes and not stack.volumes:
        raise InputError(
            f"This model needs volumes; an image of shape {stack.shape} with the axes "
            f"{stack.label_axes} is not one. Give a volume with Z, or fit a model with "
            "stack=one_model."
        )
    return stack if picked is None else picked.of_stack(stack)


def one_image(
    image: Any,
    channel_axis: int | None,
    n_dims: int,
    picked: PickedChannels | None = None,
) -> NDArray[Any]:
    """Return an image as (C, Y, X), or with `n_dims` 3 a volume as (C, Z, Y, X)."""
    if n_dims == 2:
        channels = as_channels_first(image, channel_axis)
        return channels if picked is None else picked.of_image(channels)
    stack = ImageStack.of(image, channel_axis=channel_axis, volumes=True)
    if not stack.volumes or stack.n_frames > 1:
        raise InputError(
            f"This model needs a volume; give one, not a stack of shape {stack.shape}."
        )
    return (stack if picked is None else picked.of_stack(stack)).first.read()


def check_channels(
    n_channels: int,
    expected: int,
    names: tuple[str, ...],
    picked: PickedChannels | None = None,
) -> None:
    """Refuse an image with another number of channels than a model expects."""
    if n_channels != expected:
        named = f" ({', '.join(names)})" if names else ""
        if picked is not None:
            raise InputError(
                f"An image with {n_channels} channels does not fit this model, which "
                f"was fitted on channels {picked}{named}, counted from 0. "
                + _advice(n_channels, picked)
            )
        raise InputError(
            f"An image with {n_channels} channels does not fit this model, which was "
            f"fitted on {expected}{named}. Pass an image with {expected} channels, or "
            "name its channels with channel_axis."
        )


def _advice(n_channels: int, picked: PickedChannels) -> str:
    expected, n_all = len(picked.numbers), picked.n_all
    if n_channels == n_all:  # training goes on: nothing is picked by itself
        return "Choose just these channels."
    if n_channels > expected:
        return f"Choose {expected} of its channels, or pass an image with {n_all}."
    return f"Pass an image with {n_all} channels, or with just these."


def asked_settings(
    settings: SegmentationSettings,
    n_labels: int | None,
    merging: str | None,
    output: str | None,
    has_regions: bool,
) -> SegmentationSettings:
    """Return the settings of a model with the values that are asked for."""
    asked = {"n_labels": n_labels, "merging": merging, "output": output}
    settings = settings.replace(**{k: v for k, v in asked.items() if v is not None})
    if settings.merging == "auto":
        # With n_labels given, merge by class, not by region.
        by_regions = has_regions and n_labels is None
        settings = settings.replace(merging="regions" if by_regions else "classes")
    return settings


def with_label_values(found: Hierarchies, label_values: LabelValues) -> Hierarchies:
    """Give the classes that are found the labels of a model."""
    hierarchy = yield from found
    return hierarchy if label_values is None else hierarchy.relabelled(label_values)
