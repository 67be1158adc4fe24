"""A peer: a student, its teacher and the student's optimiser."""

from __future__ import annotations

import copy
from collections.abc import Iterable

import torch
from torch import Tensor
from torch.optim.sgd import sgd

from napari_mmtseg.engine.network import ResponseNetwork


class Peer:
    """A student network, its moving average (the teacher) and its optimiser.

    The teacher starts as a copy of the student.
    """

    def __init__(
        self, student: ResponseNetwork, learning_rate: float, momentum: float
    ) -> None:
        self.student = student
        self.teacher = copy.deepcopy(student).requires_grad_(False)
        self.optimizer = GradientDescent(student.parameters(), learning_rate, momentum)

    def update_student(self, loss: Tensor) -> None:
        """Take one step of gradient descent on `loss`."""
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    @torch.no_grad()
    def update_teacher(self, decay: float) -> None:
        """theta_mean <- decay * theta_mean + (1 - decay) * theta."""
        for mean, current in zip(
            self.teacher.parameters(), self.student.parameters(), strict=True
        ):
            mean.lerp_(current, 1 - decay)


class GradientDescent:
    """The same steps as :class:`torch.optim.SGD`, without the compiler that it loads.

    With it comes Triton, whose copy of LLVM ends the process if another one is loaded:
    that of Mesa, by which napari draws on many Linux machines. It also takes a second.
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
        """Take a step against the gradients; all parameters have one."""
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
