"""Public functions made from methods: arguments, checks, numbering, docstring."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.baselines._pixels import Pixels, number_clusters, warn_of_few
from napari_mmtseg.errors import Cancelled, InputError
from napari_mmtseg.images.arrays import as_channels_first
from napari_mmtseg.progress import SegmentationStep, drain
from napari_mmtseg.settings.fields import parameters
from napari_mmtseg.settings.methods import METHODS
from napari_mmtseg.settings.parameter import Parameter


@dataclass(frozen=True)
class Watch:
    """Previews and cancelling of a run: see :func:`napari_mmtseg.iter_segment`."""

    preview_interval: float | None = None
    should_cancel: Callable[[], bool] | None = None


UNWATCHED = Watch()
"""No previews, no cancelling."""


@dataclass(frozen=True)
class Segmented:
    """Labels (Y, X), 1..k, of an image and the course of the run.

    The rest is as in :class:`napari_mmtseg.SegmentationResult`.
    """

    labels: NDArray[np.int32] = field(repr=False)
    stop_reason: str
    n_steps: int
    device: str
    precision: str


Steps = Generator[SegmentationStep, str | None, Segmented]
Run = Callable[[NDArray[Any], dict[str, Any], Watch], Steps]

STEPS: dict[str, Run] = {}
"""The loaded methods by name: from raw pixels (C, Y, X) and values of parameters to the
steps of a run. Values are checked at once."""

_IMAGE = """\
image : array-like
    As for :func:`napari_mmtseg.segment`.
channel_axis : int, optional
    Axis of the channels.
"""

_RESULT = """\

Returns
-------
(Y, X) ndarray of int32
    Labels 1..k from dark to bright; at most `n_labels`, if given.

Raises
------
InputError
    If the image or a parameter cannot be used, or a library is missing.
"""


def clustering(
    view: Callable[[Pixels], Pixels] = lambda pixels: pixels, **accepted: Any
) -> Callable[[Callable[..., NDArray[Any]]], Callable[..., NDArray[np.int32]]]:
    """Return a decorator that makes the public function of a method without steps.

    It takes a function ``f(pixels, n_labels, seed, *, ...)`` that returns clusters (Y,
    X) from 0, in any order and with or without gaps. `view` returns the pixels that are
    clustered, and whose brightness numbers the labels; `accepted` is the range, or the
    choices, of each of the method's own parameters.
    """

    def decorate(f: Callable[..., NDArray[Any]]) -> Callable[..., NDArray[np.int32]]:
        name = f.__name__
        own = own_defaults(f)

        def work(channels: NDArray[Any], values: dict[str, Any], watch: Watch) -> Steps:
            yield SegmentationStep("clustering", 0, 1)
            pixels = view(Pixels.of(channels))
            n_labels = values["n_labels"]
            labels = number_clusters(f(pixels, **values), pixels, n_labels)
            warn_of_few(labels, n_labels, name)
            if watch.should_cancel is not None and watch.should_cancel():
                raise Cancelled("The segmentation was cancelled.")
            yield SegmentationStep("clustering", 1, 1, n_labels=int(labels.max()))
            return Segmented(labels, "the clustering is done", 1, "cpu", "float32")

        def run(channels: NDArray[Any], values: dict[str, Any], watch: Watch) -> Steps:
            if METHODS[name].needs_scikit_learn and find_spec("sklearn") is None:
                raise InputError(
                    f"{name} needs scikit-learn, which is not installed. Install it "
                    'with: pip install "napari-mmtseg[baselines]"'
                )
            known = parameters()
            checked = {
                key: known[key].check(values[key]) for key in ("n_labels", "seed")
            }
            checked |= check_own(values, own, accepted)
            return work(channels, checked, watch)

        return public_function(name, f.__doc__ or "", own, run)

    return decorate


def own_defaults(f: Callable[..., Any]) -> dict[str, Any]:
    """Return the keyword-only parameters of a function with their defaults."""
    found = inspect.signature(f).parameters.values()
    return {p.name: p.default for p in found if p.kind is p.KEYWORD_ONLY}


def check_own(
    values: dict[str, Any], own: dict[str, Any], accepted: dict[str, Any]
) -> dict[str, Any]:
    """Return a method's own values in their own type, or raise :class:`InputError`.

    `own` holds the defaults, `accepted` the smallest and largest number or the choices;
    values without an entry there are not checked.
    """
    checked = {name: values.get(name, default) for name, default in own.items()}
    for name, range_ in accepted.items():
        kind = type(own[name])
        details = {"choices": range_}
        if kind is not str:
            details = {"minimum": range_[0], "maximum": range_[1]}
        checked[name] = Parameter(
            name=name,
            kind=kind,
            optional=False,
            default=own[name],
            title=name,
            description="",
            **details,
        ).check(checked[name])
    return checked


def public_function(
    name: str, doc: str, own: dict[str, Any], run: Run, shared: str = ""
) -> Callable[..., NDArray[np.int32]]:
    """Return the public function of a method, and add it to :data:`STEPS`.

    `doc` is its docstring without `image`, `channel_axis`, results and errors, `own`
    the defaults of parameters that are not settings, and `shared` describes further
    parameters.
    """
    defaults = {"seed": 0, "n_labels": None, **own, **METHODS[name].settings}
    STEPS[name] = run

    def function(
        image: Any, *, channel_axis: int | None = None, **values: Any
    ) -> NDArray[np.int32]:
        for unknown in values.keys() - defaults.keys():
            raise TypeError(f"{name}() has no parameter {unknown!r}.")
        channels = as_channels_first(image, channel_axis)
        return drain(run(channels, {**defaults, **values}, UNWATCHED)).labels

    head, references = inspect.cleandoc(doc).split("\n\nReferences\n")
    title = "Parameters\n----------\n"
    head = head.replace(title, title + _IMAGE) + "\n" + shared + _RESULT
    function.__doc__ = f"{head}\nReferences\n{references}\n"
    function.__name__ = function.__qualname__ = name
    function.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("image", inspect.Parameter.POSITIONAL_OR_KEYWORD),
            *(
                inspect.Parameter(key, inspect.Parameter.KEYWORD_ONLY, default=value)
                for key, value in {"channel_axis": None, **defaults}.items()
            ),
        ]
    )
    return function
