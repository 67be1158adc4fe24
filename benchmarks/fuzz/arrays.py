"""Cases for the functions: images, labels, settings and scribbles as arrays."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

import napari_mmtseg as mm
from benchmarks.fuzz import draws
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.settings.fields import OBJECT_SETTINGS

Rng = np.random.Generator


class Wrong(Exception):
    """A result that is not what the function promises."""


def segment_case(rng: Rng) -> None:
    image, named = draws.image(rng)
    options: dict[str, Any] = {**named, **draws.settings(rng)}
    shape = _label_shape(image, named)
    if draws.chance(rng, 0.3):
        options["scribbles"] = draws.scribbles(rng, shape or (8, 8))
    if draws.chance(rng, 0.15):
        fitting = (0.5,) * len(shape or ())
        options["spacing"] = draws.mostly(
            rng, fitting, (0.5, 2), (1, -1), "x", 3, (np.nan, 1)
        )
    if draws.chance(rng, 0.15):
        options["model"] = _model(int(rng.integers(1, 4)))
    if draws.chance(rng, 0.1):
        kept = shape if shape and draws.chance(rng, 0.7) else (8, 8)
        options["out"] = np.zeros(kept, draws.one_of(rng, ("i4", "u1", "f4", "?")))
    if draws.chance(rng, 0.05):
        options[str(draws.one_of(rng, sorted(options)))] = draws.strange(rng)
    labels = _called(mm.segment, image, **options)
    _check_labels(labels, shape)


def model_case(rng: Rng) -> None:
    image, named = draws.image(rng)
    changes = draws.settings(rng) | {"method": "mmt"}
    model = _called(mm.fit, image, **named, **changes)
    other, naming = (image, named) if draws.chance(rng, 0.5) else draws.image(rng)
    options = {**naming}
    if draws.chance(rng, 0.3):
        options["n_labels"] = draws.mostly(rng, 2, 1, 3, 16, 999, -1, "x")
    if draws.chance(rng, 0.3):
        options["output"] = draws.one_of(rng, ("classes", "regions", "objects", "x"))
    labels = _called(model.labels, other, **options)
    _check_labels(labels, _label_shape(other, naming))
    options.pop("axes", None), options.pop("output", None)
    confidence = _called(model.confidence, other, **options)
    shape = _label_shape(other, naming)
    if confidence.shape != shape or not ((confidence >= 0) & (confidence <= 1)).all():
        raise Wrong(f"confidence of shape {confidence.shape}, not {shape} in 0 to 1")


def objects_case(rng: Rng) -> None:
    labels, shape = _labels(rng)
    options: dict[str, Any] = draws.settings(rng, OBJECT_SETTINGS)
    if draws.chance(rng, 0.4):
        options["image"] = draws.values(rng, shape, np.dtype("f4"))
    if draws.chance(rng, 0.3):
        options["classes"] = draws.mostly(rng, (1,), (1, 2), (99,), (), "x", 3, (-1,))
    if draws.chance(rng, 0.3):
        options["spacing"] = draws.mostly(rng, (0.5,) * len(shape), (1,), "x", (0, 0))
    if draws.chance(rng, 0.2):
        options["volumes"] = True
    if draws.chance(rng, 0.2):
        options["time_axis"] = draws.mostly(rng, 0, 1, -1, 5, "x", 0.5)
    objects = _called(mm.find_objects, labels, **options)
    _check_labels(objects.labels, shape)
    if len(objects.classes) <= int(objects.labels.max(initial=0)):
        raise Wrong("an object has no class")


def measure_case(rng: Rng) -> None:
    labels, shape = _labels(rng)
    options: dict[str, Any] = {}
    if draws.chance(rng, 0.5):
        image = draws.values(rng, shape, np.dtype(draws.one_of(rng, ("f4", "u2"))))
        options["images"] = draws.mostly(rng, {"a": image}, image, np.zeros(3), "x")
    for name, accepted in (
        ("spacing", ((0.5,) * len(shape), (1,), "x", (0, 0), (np.nan,) * len(shape))),
        ("axes", ("ZYX"[-len(shape) :], "YX", "x", 3)),
        ("classes", (list(range(300)), [0, 2, 2], [], "x", [[1]])),
        ("volumes", (True, False)),
        ("confidence", (np.ones(shape), np.ones(3), "x")),
    ):
        if draws.chance(rng, 0.2):
            options[name] = draws.mostly(rng, *accepted)
    table = _called(mm.measure, labels, **options)
    if any(len(column) != len(table) for column in table.columns.values()):
        raise Wrong("columns of different lengths")


def settings_case(rng: Rng) -> None:
    given = draws.settings(rng)
    settings = _called(mm.SegmentationSettings, **given)
    if mm.SegmentationSettings(**settings.to_dict()) != settings:
        raise Wrong("settings that do not come back from their values")


CASES: tuple[Callable[[Rng], None], ...] = (
    segment_case,
    segment_case,
    segment_case,
    model_case,
    objects_case,
    measure_case,
    settings_case,
)


@lru_cache(maxsize=3)
def _model(n_channels: int) -> Any:
    y = np.mgrid[:16, :16][0]
    image = np.stack([(y > 8) * (i + 1.0) for i in range(n_channels)])
    return mm.fit(image, channel_axis=0, n_steps=1, device="cpu")


def _labels(rng: Rng) -> tuple[Any, tuple[int, ...]]:
    shape = tuple(int(rng.integers(1, 14)) for _ in range(int(rng.integers(2, 4))))
    if draws.chance(rng, 0.1):
        shape = draws.one_of(rng, ((), (0,), (5,), (0, 4), (2, 2, 2, 9, 9)))
    dtype = np.dtype(draws.one_of(rng, ("i4", "u1", "u2", "i8", "u8", "?", "f4", "c8")))
    if dtype.kind in "fc" and draws.chance(rng, 0.7):
        dtype = np.dtype("i4")
    top = draws.one_of(rng, (1, 2, 3, 200))
    found = rng.integers(0, top + 1, shape)
    if found.ndim > 1 and draws.chance(rng, 0.5):
        found[..., : found.shape[-1] // 2] = 1
    if draws.chance(rng, 0.1):
        found = found - 1
    if draws.chance(rng, 0.05):
        found = found * 2**40
    return draws.laid_out(rng, found.astype(dtype)), shape


def _label_shape(image: Any, named: dict[str, Any]) -> tuple[int, ...] | None:
    """Return the shape that labels have to have; None of what is refused."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ImageStack.of(image, **named).shape
    except Exception:
        return None


def _called(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call a function whose arguments stay as they are, and which warns users only."""
    kept = (args, {n: v for n, v in options.items() if n not in _WRITTEN})
    before = copy.deepcopy(kept)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        found: Any = None
        try:
            found = function(*args, **options)
        finally:
            if not _equal(before, kept):
                raise Wrong("an argument was changed")
    for warning in said:
        if warning.category is not UserWarning:
            raise Wrong(f"{warning.category.__name__}: {warning.message}")
    return found


_WRITTEN = ("out", "model")


def _equal(was: Any, now: Any) -> bool:
    if isinstance(was, dict):
        return _equal(list(was.items()), list(now.items()))
    if isinstance(was, (tuple, list)):
        return len(was) == len(now) and all(map(_equal, was, now))
    if isinstance(was, np.ndarray):
        same_mask = np.array_equal(np.ma.getmaskarray(was), np.ma.getmaskarray(now))
        return same_mask and np.asarray(was).tobytes() == np.asarray(now).tobytes()
    return bool(was == now) or was != was or type(was) is type(now)


def _check_labels(labels: Any, shape: tuple[int, ...] | None) -> None:
    if shape is None:
        raise Wrong("a result for an image that has no shape")
    if tuple(labels.shape) != tuple(shape):
        raise Wrong(f"labels of shape {labels.shape}, not {shape}")
    if np.asarray(labels).min(initial=0) < 0:
        raise Wrong("labels below 0")
