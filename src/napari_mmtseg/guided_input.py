"""What guides a run, painted pixels and a model to start from, checked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.scribbles import painted_values, read_scribbles
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

__all__ = ["largest_value", "model_values", "read_guidance"]

Labels = NDArray[np.int32]


def read_guidance(
    images: Sequence[NDArray[Any]],
    scribbles: Sequence[Any],
    settings: SegmentationSettings,
    model: MutualMeanTeachingModel | None,
) -> list[Labels | None] | None:
    """Check what guides a run.

    Parameters
    ----------
    images : sequence of (C, Y, X) ndarray
        Raw images.
    scribbles : sequence of array-like or None
        What is painted in each.
    settings : SegmentationSettings
        All settings.
    model : MutualMeanTeachingModel or None
        What to start from.

    Returns
    -------
    list of (Y, X) ndarray of int32 or None, or None
        The scribbles of every image; None where nothing guides the run.

    Raises
    ------
    InputError
        If scribbles or model do not fit the images, each other or the settings.
    """
    if model is None and all(painted is None for painted in scribbles):
        return None
    if settings.method != "mmt":
        given = "scribbles" if model is None else "a model"
        raise InputError(
            f"method={settings.method} cannot use {given}. Leave {given} out, or use "
            "method=mmt."
        )
    if len(scribbles) != len(images):
        raise InputError(
            f"Scribbles for {len(scribbles)} images are given for {len(images)} "
            "images. Give a list with an array, or None, for each."
        )
    painted = [
        None if hints is None else read_scribbles(hints, image.shape[1:])
        for hints, image in zip(scribbles, images, strict=True)
    ]
    if model is not None:
        model.check_channels(images[0])
    _check_classes(painted, settings, model)
    return painted


def _check_classes(
    scribbles: Sequence[Labels | None],
    settings: SegmentationSettings,
    model: MutualMeanTeachingModel | None,
) -> None:
    """Refuse numbers of classes that do not go together."""
    values = painted_values(list(scribbles))
    if not len(values) and any(painted is not None for painted in scribbles):
        raise InputError(
            "The scribbles are empty: every pixel is 0. Paint at least one class with "
            "a number from 1."
        )
    if model is None:
        if settings.n_labels is not None and len(values) > settings.n_labels:
            raise InputError(
                f"{len(values)} classes are painted, more than "
                f"n_labels={settings.n_labels}. Raise n_labels, or leave it automatic."
            )
    else:
        values = np.union1d(model_values(model), values)
        if settings.n_labels not in (None, len(values)):
            raise InputError(
                f"n_labels={settings.n_labels} does not fit: the classes of the model "
                f"and the painted ones together are {len(values)}. Give n_labels="
                f"{len(values)}, or leave it automatic."
            )
        settings = model.settings
    if len(values) > settings.max_labels:
        raise InputError(
            f"{len(values)} classes are more than max_labels={settings.max_labels}, "
            "the response channels of the networks. "
            + ("Raise max_labels." if model is None else "Fit a new model.")
        )


def largest_value(
    scribbles: Sequence[Any],
    model: MutualMeanTeachingModel | None,
    settings: SegmentationSettings,
) -> int:
    """Return the largest label that classes can have.

    Parameters
    ----------
    scribbles : sequence of array-like
        All that is painted.
    model, settings
        As for :func:`read_guidance`.
    """
    named = [] if model is None else [model_values(model)]
    painted = [int(np.max(values)) for values in (*scribbles, *named)]
    # Classes that are found beside take the smallest free values.
    return max([settings.n_labels or settings.max_labels, *painted])


def model_values(model: MutualMeanTeachingModel) -> Labels:
    """Return the labels of all classes of a model."""
    if model.label_values is not None:
        return model.label_values
    return np.arange(1, model.n_labels + 1, dtype=np.int32)
