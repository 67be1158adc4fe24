"""Run a method as :func:`napari_mmtseg.iter_segment` runs the project's own."""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Generator
from importlib import import_module
from typing import Any

from numpy.typing import NDArray

from napari_mmtseg import baselines
from napari_mmtseg.baselines._run import Segmented, Watch, network_settings
from napari_mmtseg.baselines._scikit_learn import check_scikit_learn
from napari_mmtseg.errors import Cancelled, InputError
from napari_mmtseg.labels.regions import (
    absorb_small_regions,
    connected_regions,
    consecutive,
)
from napari_mmtseg.progress import SegmentationStep
from napari_mmtseg.segmentation.result import SegmentationResult
from napari_mmtseg.settings.fields import SegmentationSettings

__all__ = ["check_makes_model", "heeded_settings", "iter_baseline"]

_ALWAYS = ("seed", "n_labels")
_NETWORKS = ("kanezaki", "kim", "iic")
_SCIKIT_LEARN = ("kmeans", "gaussian_mixture")


def check_makes_model(settings: SegmentationSettings) -> None:
    """Refuse settings whose method labels one image and leaves no model behind.

    Raises
    ------
    InputError
        If the method is not "mmt".
    """
    if settings.method != "mmt":
        raise InputError(
            f"method={settings.method} labels one image and leaves no model to fit, "
            "save or apply. Use method=mmt for that."
        )


def heeded_settings(settings: SegmentationSettings) -> dict[str, Any]:
    """Return the settings that a method has a parameter for.

    Seed and number of classes are passed on as they are. Any other setting is where it
    differs from its preset; else the method's own, published default stands.

    Parameters
    ----------
    settings : SegmentationSettings
        What was asked for; `method` says whom.
    """
    signature = inspect.signature(getattr(baselines, settings.method))
    defaults = {
        name: parameter.default
        for name, parameter in signature.parameters.items()
        if hasattr(settings, name)
    }
    # With n_labels, because that alone may raise max_labels.
    preset = SegmentationSettings(settings.preset, n_labels=settings.n_labels)
    asked = {
        name: getattr(settings, name)
        for name in defaults
        if name in _ALWAYS or getattr(settings, name) != getattr(preset, name)
    }
    return {**defaults, **asked}


def iter_baseline(
    channels: NDArray[Any],
    settings: SegmentationSettings,
    preview_interval: float | None = None,
    should_cancel: Callable[[], bool] | None = None,
) -> Generator[SegmentationStep, str | None, SegmentationResult]:
    """Segment a (C, Y, X) image with the method of the settings, as a generator.

    Parameters and errors are those of :func:`napari_mmtseg.iter_segment`.
    """
    if settings.method in _SCIKIT_LEARN:
        check_scikit_learn(settings.method)
    heeded = heeded_settings(settings)
    watch = Watch(preview_interval, should_cancel)
    if settings.method in _NETWORKS:
        module = import_module(f"{baselines.__name__}._{settings.method}")
        values = network_settings(settings.method, **heeded)
        run = module.steps(channels, values, watch)
    else:
        run = _cluster(channels, settings.method, heeded, watch)
    return _finished(run, settings)


def _cluster(
    channels: NDArray[Any], method: str, heeded: dict[str, Any], watch: Watch
) -> Generator[SegmentationStep, str | None, Segmented]:
    yield SegmentationStep("clustering", 0, 1)
    labels = getattr(baselines, method)(channels, channel_axis=0, **heeded)
    if watch.should_cancel is not None and watch.should_cancel():
        raise Cancelled("The segmentation was cancelled.")
    yield SegmentationStep("clustering", 1, 1, n_labels=int(labels.max()))
    return Segmented(labels, "the clustering is done", 1, "cpu", "float32")


def _finished(
    run: Generator[SegmentationStep, str | None, Segmented],
    settings: SegmentationSettings,
) -> Generator[SegmentationStep, str | None, SegmentationResult]:
    start = time.perf_counter()
    done = yield from run
    labels = absorb_small_regions(done.labels, settings.min_region_size)
    if settings.output == "regions":
        labels = connected_regions(labels)
    labels = consecutive(labels)
    return SegmentationResult(
        labels=labels,
        model=None,
        hierarchy=None,
        stop_reason=done.stop_reason,
        n_labels=int(labels.max()),
        n_steps=done.n_steps,
        seconds=time.perf_counter() - start,
        device=done.device,
        precision=done.precision,
        settings=settings,
    )
