"""Progress of a segmentation, and generators run to their end."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from napari_mmtseg.errors import Cancelled

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class SegmentationStep:
    """Progress of a segmentation.

    Attributes
    ----------
    phase : str
        "preparing", "warm start", "teaching" or "prediction"; with another
        `method` than "mmt" also "training" or "clustering".
    step, n_steps : int
        Finished training steps, and how many there are at most.
    similarity_loss, continuity_loss : float
        Of the student that has just learned; NaN before and after training.
    n_labels : int
        Labels in that student's cluster map; 0 before training.
    labels : (Y, X) ndarray of int32 or None
        Preview in the shape of the image without channels, now and then: classes that
        look alike merged and numbered from dark to bright, as in the result.
    index : tuple of int
        Frame of a stack that `labels` belong to: its position along every stacked axis.
        Empty for a single image.
    n_done, n_slices : int
        Slices of a stack that have their labels, and how many there are; 0 and 1 for a
        single image.
    fraction : float
        Share of a stack or a large image that has its labels.
    """

    phase: str
    step: int
    n_steps: int
    similarity_loss: float = float("nan")
    continuity_loss: float = float("nan")
    n_labels: int = 0
    labels: NDArray[np.int32] | None = field(default=None, repr=False)
    index: tuple[int, ...] = ()
    n_done: int = 0
    n_slices: int = 1
    fraction: float = 0.0


_M = TypeVar("_M")
_R = TypeVar("_R")
_S = TypeVar("_S")

Steps = Generator[SegmentationStep, str | None, _R]
"""Work that yields its progress, ends early once "stop" is sent, and has a result."""


def drain(
    steps: Generator[Any, Any, _R], should_cancel: Callable[[], bool] | None = None
) -> _R:
    """Run a generator to its end and return its value.

    `should_cancel` is called before every step; once it returns True the generator is
    closed and :class:`Cancelled` raised.
    """
    while True:
        if should_cancel is not None and should_cancel():
            steps.close()
            raise Cancelled
        try:
            next(steps)
        except StopIteration as end:
            result: _R = end.value
            return result


def relay(
    steps: Generator[_S, Any, _R],
    messages: Callable[[_S], Iterable[_M]],
    stop: bool = False,
    answers: list[str] | None = None,
) -> Generator[_M, str | None, _R]:
    """Run a generator inside another one, with other messages; return its value.

    `messages` turns a step into those that are yielded. An answer that is sent, such as
    "stop", reaches `steps` and is appended to `answers`; with `stop` every step gets
    it. `steps` is closed when this generator is.

    Examples
    --------
    >>> def work():
    ...     yield 1
    ...     yield 2
    ...     return "done"
    >>> def doubled(steps):
    ...     result = yield from relay(steps, lambda step: [2 * step])
    ...     yield result
    >>> list(doubled(work()))
    [2, 4, 'done']
    """
    answer: str | None = None  # a generator that has not begun takes nothing else
    try:
        while True:
            try:
                step = steps.send(answer)
            except StopIteration as end:
                result: _R = end.value
                return result
            answer = "stop" if stop else None
            for message in messages(step):
                answer = (yield message) or answer
            if answers is not None and answer is not None:
                answers.append(answer)
    finally:
        steps.close()
