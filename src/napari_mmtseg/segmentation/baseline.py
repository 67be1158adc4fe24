"""Runs of the methods that Mutual Mean-Teaching is compared with."""

from __future__ import annotations

import time
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg import baselines
from napari_mmtseg.baselines._method import STEPS, Segmented, Watch
from napari_mmtseg.errors import InputError
from napari_mmtseg.labels.background import find_background
from napari_mmtseg.labels.regions import (
    absorb_small_regions,
    connected_regions,
    consecutive,
)
from napari_mmtseg.progress import Steps
from napari_mmtseg.segmentation.request import SegmentationRequest
from napari_mmtseg.segmentation.result import SegmentationResult
from napari_mmtseg.settings.fields import SegmentationSettings
from napari_mmtseg.settings.methods import METHODS


def check_makes_model(settings: SegmentationSettings) -> None:
    """Refuse settings whose method leaves no model."""
    if settings.method != "mmt":
        raise InputError(
            f"method={settings.method} labels one image and leaves no model to fit, "
            "save or apply. Use method=mmt for that."
        )


def used_settings(settings: SegmentationSettings) -> dict[str, Any]:
    """Return seed, class count and the other settings that the method uses.

    A setting that equals its preset gives way to the method's published default.
    """
    defaults = METHODS[settings.method].settings
    # With n_labels, because that alone may raise max_labels.
    preset = SegmentationSettings(settings.preset, n_labels=settings.n_labels)
    changed = {
        name: getattr(settings, name)
        for name in defaults
        if getattr(settings, name) != getattr(preset, name)
    }
    always = {"seed": settings.seed, "n_labels": settings.n_labels}
    return {**always, **defaults, **changed}


def iter_baseline(
    channels: NDArray[Any], request: SegmentationRequest
) -> Steps[SegmentationResult]:
    """Segment a (C, Y, X) image with the method of the settings, as a generator."""
    settings = request.settings
    import_module(f"{baselines.__name__}._{settings.method}")
    watch = Watch(request.preview_interval, request.should_cancel)
    steps = STEPS[settings.method](channels, used_settings(settings), watch)
    return _finished(steps, channels, settings)


def _finished(
    steps: Steps[Segmented], channels: NDArray[Any], settings: SegmentationSettings
) -> Steps[SegmentationResult]:
    start = time.perf_counter()
    done = yield from steps
    labels = absorb_small_regions(done.labels, settings.min_region_size)
    labels = consecutive(labels)
    background = find_background([labels], [channels], settings.background)
    if background is not None:
        labels[labels == background] = 0
    if settings.output == "regions":
        labels = connected_regions(labels)
    labels = consecutive(labels)
    return SegmentationResult(
        labels=labels,
        model=None,
        hierarchy=None,
        stop_reason=done.stop_reason,
        n_labels=len(np.unique(labels)),
        n_steps=done.n_steps,
        seconds=time.perf_counter() - start,
        device=done.device,
        precision=done.precision,
        settings=settings,
    )
