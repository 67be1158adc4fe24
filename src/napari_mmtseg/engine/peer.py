"""A peer: a student, its teacher and the student's optimiser."""

from __future__ import annotations

import copy

import torch
from torch import Tensor

from napari_mmtseg.engine.descent import GradientDescent
from napari_mmtseg.engine.network import ResponseNetwork

__all__ = ["Peer"]


class Peer:
    """A student network, the moving average of it (teacher) and its optimiser.

    Parameters
    ----------
    student : ResponseNetwork
        The network to train; the teacher starts as a copy of it.
    learning_rate, momentum : float
        Of stochastic gradient descent.
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
