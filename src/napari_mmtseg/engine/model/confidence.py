"""Confidence: the lowest of the teachers' probabilities for the predicted class."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from napari_mmtseg.engine.model.image_view import ImageView
from napari_mmtseg.engine.model.inference import Inference
from napari_mmtseg.labels.region_classes import RegionClasses
from napari_mmtseg.labels.region_finding import (
    find_regions,
    mean_responses,
    region_means,
)
from napari_mmtseg.labels.regions import enlarge

_SIGMA = 2.0
"""Standard deviation in pixels of the blur of the teachers' probabilities."""

_HALO = int(4 * _SIGMA + 0.5)  # where scipy truncates the Gaussian

Confidence = NDArray[np.float32]
Steps = Generator[float, None, Confidence]


def agreement(
    probabilities: NDArray[np.float32], classes: NDArray[Any], sigma: float = _SIGMA
) -> Confidence:
    """Return the least probability that a teacher gives to the class of every pixel.

    ``min_t (G * p_t)[c]``: `p_t` are the probabilities (k, Y, X) of teacher t, `c` is
    the class of the pixel and `G` a Gaussian, so that a pixel unlike its surroundings
    is doubted.
    """
    least = np.full(classes.shape, 1, np.float32)
    for of_teacher in probabilities:
        for number, probability in enumerate(of_teacher):
            here = classes == number
            if here.any():
                blurred = gaussian_filter(probability, sigma)
                np.minimum(least, blurred, out=least, where=here)
    return least.clip(0, 1)


def region_agreement(
    means: NDArray[np.float64], profiles: NDArray[np.float64], classes: NDArray[Any]
) -> NDArray[np.float64]:
    """Return how much nearer regions are to their class than to the next one, (r,).

    ``min_t max(0, 1 - d_t(own) / d_t(next))``: the silhouette of every region by the
    distances of its mean response, `means` (n_teachers, r, q), to the mean response of
    every class, `profiles` (k, q). 1 if there is one class only.
    """
    if len(profiles) == 1:
        return np.ones(len(classes))
    distance = np.linalg.norm(means[:, :, np.newaxis] - profiles, axis=-1)
    places = np.arange(len(classes))
    own = distance[:, places, classes]
    distance[:, places, classes] = np.inf
    following = distance.min(-1)
    # Two classes with one profile cannot be told apart.
    ratio = np.divide(own, following, out=np.ones_like(own), where=following > 0)
    least: NDArray[np.float64] = (1 - ratio).min(0).clip(0, 1)
    return least


def class_confidence(
    inference: Inference, channels: NDArray[Any], groups: NDArray[Any]
) -> Steps:
    """Return the confidence (Y, X) in classes of the pixels of a raw image.

    `groups` (q,) holds the class, from 0, of every response channel.
    """

    def confidence(tile: NDArray[np.float32]) -> NDArray[np.float32]:
        each = inference.consensus.each(tile)
        classes = groups[each.sum(0).argmax(0)]
        return agreement(_merged(each, groups), classes)[np.newaxis]

    whole: Confidence = (yield from inference.by_tiles(channels, confidence, _HALO))[0]
    return whole


def averaged_confidence(
    inference: Inference, channels: NDArray[Any], groups: NDArray[Any]
) -> Steps:
    """Do the same as :func:`class_confidence` with means over small regions."""
    q, k = len(groups), int(groups.max()) + 1

    def responses(tile: NDArray[np.float32]) -> NDArray[np.float32]:
        each = inference.consensus.each(tile)
        merged = _merged(each, groups).reshape(-1, *tile.shape[1:])
        return np.concatenate([each.mean(0), merged])

    image, values = yield from inference.responses(channels, responses)
    (averaged,) = region_means(image, values)
    classes = groups[averaged[:q].argmax(0)]
    merged = averaged[q:].reshape(-1, k, *classes.shape)
    return enlarge(agreement(merged, classes), channels.shape[1:])


def painted_confidence(
    inference: Inference,
    view: ImageView,
    groups: NDArray[np.bool_],
    region_weight: float,
    guess: NDArray[np.float32] | None = None,
) -> Steps:
    """Return the confidence in classes of scribbles, in the size of the view.

    `groups` (k, q) holds the response channels of every class. Each teacher is averaged
    with `guess` (k, Y, X), then over regions with their weight, as labels are.
    """
    summed = groups.astype(np.float32)

    def responses(tile: NDArray[np.float32]) -> NDArray[np.float32]:
        each = inference.consensus.each(tile)
        return np.concatenate([np.tensordot(summed, e, 1) for e in each])

    values = yield from inference.on_view(view, responses)
    each = values.reshape(-1, len(groups), *values.shape[1:])
    if guess is not None:
        each = (each + guess) / 2
    if region_weight > 0:
        flat = each.reshape(values.shape)
        each = view.averaged(flat, region_weight).reshape(each.shape)
    return agreement(each, each.sum(0).argmax(0))


def region_confidence(
    inference: Inference,
    channels: NDArray[Any],
    threshold: float,
    at_least: int,
    classes_of: Callable[[RegionClasses], tuple[NDArray[Any], NDArray[np.float64]]],
) -> Steps:
    """Return the confidence in classes of merged regions, (Y, X).

    `classes_of` returns the class of every region and the profiles of the classes; the
    rest is as for :func:`~napari_mmtseg.labels.region_finding.find_regions`.
    """

    def responses(tile: NDArray[np.float32]) -> NDArray[np.float32]:
        each = inference.consensus.each(tile)
        return each.reshape(-1, *each.shape[2:])

    image, values = yield from inference.responses(channels, responses)
    each = values.reshape(-1, inference.n_responses, *values.shape[1:])
    regions, here = find_regions(image, each.mean(0), threshold, at_least)
    means = np.stack([mean_responses(regions, response)[0] for response in each])
    classes, profiles = classes_of(here)
    confidence = region_agreement(means, profiles, classes).astype(np.float32)
    return enlarge(confidence[regions], channels.shape[1:])


def _merged(each: NDArray[np.float32], groups: NDArray[Any]) -> NDArray[np.float32]:
    """Add up the probabilities (n_teachers, q, Y, X) of the channels of a class."""
    n_classes = int(groups.max()) + 1
    return np.stack([each[:, groups == c].sum(1) for c in range(n_classes)], axis=1)
