"""Algorithm 1 of Wu et al. (arXiv 2012.08922) as plain PyTorch, without any shortcut.

The reference that the engine is tested against and that its speed is compared with:
NCHW, autograd, one line per equation.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from torch import nn


@dataclass
class PlainPeer:
    student: nn.Module
    teacher: nn.Module
    optimizer: torch.optim.Optimizer


def plain_peer(student: nn.Module, learning_rate: float, momentum: float) -> PlainPeer:
    teacher = copy.deepcopy(student).requires_grad_(False)
    optimizer = torch.optim.SGD(
        student.parameters(), lr=learning_rate, momentum=momentum
    )
    return PlainPeer(student, teacher, optimizer)


def plain_alignment(source: torch.Tensor, target: torch.Tensor, q: int) -> torch.Tensor:
    """h(source): the labels of `source` renamed to match `target` best."""
    contingency = np.zeros((q, q), np.int64)
    np.add.at(contingency, (source.numpy().ravel(), target.numpy().ravel()), 1)
    rows, columns = linear_sum_assignment(contingency, maximize=True)
    renamed = np.empty(q, np.int64)
    renamed[rows] = columns
    return torch.from_numpy(renamed)[source]


def plain_losses(
    y: torch.Tensor, labels: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    similarity = F.cross_entropy(y, labels)
    vertical = (y[:, :, 1:] - y[:, :, :-1]).abs().mean()
    horizontal = (y[:, :, :, 1:] - y[:, :, :, :-1]).abs().mean()
    return similarity, vertical + horizontal


def plain_step(
    peers: list[PlainPeer], x: torch.Tensor, beta: float, ema_decay: float
) -> None:
    """One step t of Algorithm 1: both directions, one after the other."""
    for me, other in ((0, 1), (1, 0)):
        student, teacher = peers[me].student, peers[me].teacher
        y = student(x)
        with torch.no_grad():
            pseudo = peers[other].teacher(x).argmax(1)
        aligned = plain_alignment(pseudo, y.argmax(1), y.shape[1])
        similarity, continuity = plain_losses(y, aligned)
        peers[me].optimizer.zero_grad()
        (similarity + beta * continuity).backward()
        peers[me].optimizer.step()
        with torch.no_grad():
            for mean, current in zip(
                teacher.parameters(), student.parameters(), strict=True
            ):
                mean.mul_(ema_decay).add_(current, alpha=1 - ema_decay)
