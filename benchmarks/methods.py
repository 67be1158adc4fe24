"""Methods by name: presets of napari-mmtseg, and what they are compared with.

A method is written ``name`` or ``name:key=value,key=value``, where the name is a preset
of :func:`napari_mmtseg.segment`, a function of ``napari_mmtseg.baselines``, or
``skimage.felzenszwalb`` for scikit-image's own call.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.segmentation import felzenszwalb

import napari_mmtseg as mm
from napari_mmtseg.settings.presets import PRESETS

_GIVEN = ("image", "channel_axis", "seed")
"""What a specification cannot set: it comes from the benchmark."""


@dataclass(frozen=True)
class Method:
    """A way to segment an image, with its settings."""

    spec: str
    name: str
    values: tuple[tuple[str, Any], ...]

    def __call__(
        self, image: NDArray[Any], *, seed: int = 0, n_labels: int | None = None
    ) -> NDArray[Any]:
        """Return the labels of an image; without `n_labels`, at the method's number."""
        values = dict(self.values)
        if n_labels is not None:
            values["n_labels"] = n_labels
        if self.name in PRESETS:
            return mm.segment(image, preset=self.name, seed=seed, **values)
        return _function(self.name)(image, seed=seed, **values)

    def settings(self) -> dict[str, Any]:
        """Return every setting with its value, those that are not given as well."""
        if self.name in PRESETS:
            resolved = mm.SegmentationSettings(self.name, **dict(self.values)).to_dict()
            return {k: v for k, v in resolved.items() if k not in _GIVEN}
        own = inspect.signature(_function(self.name)).parameters.values()
        defaults = {p.name: p.default for p in own if p.name not in _GIVEN}
        unknown = set(dict(self.values)) - set(defaults)
        if unknown:
            raise mm.InputError(
                f"{self.name} has no setting {', '.join(sorted(unknown))}; it has "
                f"{', '.join(defaults)}."
            )
        return {**defaults, **dict(self.values)}


def device_of(methods: Iterable[Method]) -> torch.device:
    """Return the graphics card that one of the methods asks for, or the processor."""
    asked = {str(method.settings().get("device")) for method in methods}
    return torch.device(next(iter(asked & {"cuda", "mps"}), "cpu"))


def parse_methods(specs: Sequence[str]) -> list[Method]:
    """Return the methods of a command line, each once.

    Parameters
    ----------
    specs : sequence of str
        Specifications, also several in one, separated by commas or semicolons. After a
        comma, ``key=value`` belongs to the method before it.

    Raises
    ------
    InputError
        If a name, a setting or a value is not known.
    """
    pieces: list[str] = []
    for group in (group for spec in specs for group in spec.split(";")):
        for place, piece in enumerate(part.strip() for part in group.split(",")):
            if place and "=" in piece and ":" not in piece:
                pieces[-1] += f",{piece}"
            elif piece:
                pieces.append(piece)
    if not pieces:
        raise mm.InputError("No method is given.")
    return [_parse(piece) for piece in dict.fromkeys(pieces)]


def _parse(spec: str) -> Method:
    name, _, given = spec.partition(":")
    values: list[tuple[str, Any]] = []
    for item in filter(None, given.split(",")):
        key, equals, text = item.partition("=")
        if not equals:
            raise mm.InputError(f"{item!r} in {spec!r} is not of the form key=value.")
        if key in _GIVEN:
            raise mm.InputError(f"{key} in {spec!r} is chosen by the benchmark.")
        values.append((key, _value(text)))
    method = Method(spec, name, tuple(values))
    method.settings()
    return method


def _value(text: str) -> Any:
    words = {"none": None, "true": True, "false": False}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (SyntaxError, ValueError):
        return text


def _function(name: str) -> Callable[..., NDArray[Any]]:
    if name == "skimage.felzenszwalb":
        return _scikit_image_felzenszwalb
    try:
        baselines = import_module("napari_mmtseg.baselines")
    except ModuleNotFoundError as error:
        raise mm.InputError(
            f"{name!r} is not one of the presets {', '.join(PRESETS)}, and the other "
            f"methods cannot be loaded: {error}."
        ) from error
    if name not in baselines.__all__:
        known = ", ".join([*PRESETS, *baselines.__all__, "skimage.felzenszwalb"])
        raise mm.InputError(f"There is no method {name!r}. Known are {known}.")
    function: Callable[..., NDArray[Any]] = getattr(baselines, name)
    return function


def _scikit_image_felzenszwalb(
    image: NDArray[Any],
    *,
    channel_axis: int | None = None,
    seed: int = 0,
    scale: float = 1,
    sigma: float = 0.8,
    min_size: int = 20,
) -> NDArray[Any]:
    channel_axis = -1 if image.ndim == 3 else None
    labels = felzenszwalb(image, scale, sigma, min_size, channel_axis=channel_axis)
    return (labels + 1).astype(np.int32)
