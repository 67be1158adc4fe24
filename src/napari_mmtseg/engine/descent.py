"""Stochastic gradient descent with momentum."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.sgd import sgd

__all__ = ["GradientDescent"]


class GradientDescent:
    """The same as :class:`torch.optim.SGD`, which loads a compiler that is not needed.

    It brings Triton along, whose copy of LLVM ends the process where another one is
    loaded: that of Mesa, by which napari draws on many Linux machines. And it takes a
    second to load.

    Parameters
    ----------
    parameters : iterable of Tensor
        What is learned.
    learning_rate, momentum : float
        As in the settings.
    """

    def __init__(
        self, parameters: Iterable[Tensor], learning_rate: float, momentum: float
    ) -> None:
        self._parameters = list(parameters)
        self._buffers: list[Tensor | None] = [None] * len(self._parameters)
        self._learning_rate = learning_rate
        self._momentum = momentum

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for parameter in self._parameters:
            parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """Take a step against the gradients, which all parameters have."""
        sgd(
            self._parameters,
            [p.grad for p in self._parameters if p.grad is not None],
            self._buffers,
            weight_decay=0.0,
            momentum=self._momentum,
            lr=self._learning_rate,
            dampening=0.0,
            nesterov=False,
            maximize=False,
        )
