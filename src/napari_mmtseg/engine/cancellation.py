"""Cancel a training step part-way."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor

from napari_mmtseg.engine.network import ResponseNetwork
from napari_mmtseg.errors import Cancelled


@contextmanager
def cancellable(
    networks: Iterable[ResponseNetwork], should_cancel: Callable[[], bool] | None
) -> Iterator[None]:
    """Call `should_cancel` between the layers of networks, forwards and backwards.

    Raises :class:`Cancelled` there: a step on a large image takes many seconds, and a
    generator can only be closed between two of its yields.
    """
    if should_cancel is None:
        yield
        return

    def check(_: Any = None) -> None:
        if should_cancel():
            raise Cancelled("The segmentation was cancelled.")

    def after_layer(_: Any, __: Any, output: Tensor) -> None:
        check()
        if output.requires_grad:
            output.register_hook(check)

    handles = [
        layer.register_forward_hook(after_layer)
        for network in networks
        for layer in network.layers
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
