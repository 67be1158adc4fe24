"""Algorithm 1 of Wu et al. (arXiv 2012.08922) as a generator of steps."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from napari_mmtseg.engine.alignment import best_assignment, contingency_table
from napari_mmtseg.engine.cancellation import cancellable
from napari_mmtseg.engine.clustered_start import reproduce_clusters
from napari_mmtseg.engine.device import repeatable
from napari_mmtseg.engine.losses import (
    EdgeWeights,
    Losses,
    PaintedPixels,
    mutual_loss,
    pseudo_labels,
)
from napari_mmtseg.engine.network import ResponseNetwork
from napari_mmtseg.engine.peer import Peer
from napari_mmtseg.settings.fields import SegmentationSettings

INFINITY = float("inf")

SETTLED_FRACTION = 1 / 500
"""Labels count as settled while fewer than this fraction of the pixels change."""


@dataclass(frozen=True)
class Example:
    """One image to train on, on the device.

    `image` (1, C, [Z,] Y, X) is normalised, in channels-last layout; `start` ([Z,] Y,
    X) are the labels of the warm start. If classes come from scribbles, `used` (q,)
    bool are the channels that stand for a class: the two peers then number them alike.
    """

    image: Tensor
    weights: EdgeWeights | None = None
    start: Tensor | None = None
    used: Tensor | None = None
    painted: PaintedPixels | None = None

    def labels(self, response: Tensor) -> Tensor:
        """Return the largest allowed channel (Y, X) of a response."""
        if self.used is None:
            return pseudo_labels(response)
        labels = pseudo_labels(
            response.masked_fill(~self.used[:, None, None], -INFINITY)
        )
        if self.painted is not None:
            pixels = response[0].permute(1, 2, 0).reshape(-1, len(self.used))
            own = pixels[self.painted.places]
            best = own.masked_fill(~self.painted.channels, -INFINITY).argmax(1)
            labels.view(-1)[self.painted.places] = best
        return labels


@dataclass(frozen=True)
class TrainingStep:
    """Progress after one direction of one step, all on the device.

    `losses` and `student_labels` ([Z,] Y, X), with `n_labels` different ones, are of
    the student that has just learned, before its update; `targets` is the map that it
    learned. `step` counts finished steps, this one included; `example` is the index of
    the image.
    """

    losses: Losses
    student_labels: Tensor
    targets: Tensor
    n_labels: int
    step: int = 0
    example: int = 0


@dataclass(frozen=True)
class Trained:
    """Networks that the `readout` setting names, the teachers or the first student."""

    networks: tuple[ResponseNetwork, ...]
    stop_reason: str
    n_steps: int


@torch.inference_mode(False)
def make_peers(
    examples: Sequence[Example],
    settings: SegmentationSettings,
    device: torch.device,
    depth: int | None = None,
) -> tuple[Peer, ...]:
    """Return the peers, two that differ only in their random initial weights.

    One is enough unless they teach each other. Their labels are the clusters of the
    warm start, if there is one. Weights are random where none reproduce the start:
    several examples, each of which batch norm sees by its own statistics, and classes
    of scribbles, which are no clusters.
    """
    seeds = np.random.SeedSequence(settings.seed).generate_state(2, np.uint64)
    first = examples[0]
    n_channels = first.image.shape[1]

    def peer(seed: Any) -> Peer:
        generator = torch.Generator().manual_seed(int(seed) % 2**63)
        student = ResponseNetwork(
            n_channels, settings.max_labels, settings.n_conv_layers, generator, depth
        )
        if len(examples) == 1 and first.start is not None and first.used is None:
            # On the processor: a card sums up clusters in any order.
            reproduce_clusters(student, first.image.cpu(), first.start.cpu())
        student = student.to(device=device)
        return Peer(student, settings.learning_rate, settings.momentum)

    with repeatable(settings.threads):
        return tuple(peer(seed) for seed in seeds[: n_peers(settings)])


def n_peers(settings: SegmentationSettings) -> int:
    """Return how many networks, each with its teacher, learn."""
    return 2 if settings.teaching == "mutual" else 1


def mutual_step(
    peers: Sequence[Peer],
    example: Example,
    settings: SegmentationSettings,
    *,
    step: int,
    autocast: bool = False,
    warm: bool = False,
    example_index: int = 0,
) -> Generator[TrainingStep]:
    """Do one step of Algorithm 1: each student learns from the other peer's teacher.

    Yields after each of the two directions, the second of which already sees the first
    peer's updated teacher; a single peer learns from its own teacher, or as `teaching`
    says. With `warm`, all learn the labels of the warm start. `step` counts from 1;
    `autocast` runs convolutions in bfloat16.
    """
    decay = settings.ema_decay
    if settings.ema_warmup:
        decay = min(1 - 1 / (step + 1), decay)
    for peer, other in zip(peers, peers[::-1], strict=True):
        with (
            torch.inference_mode(False),
            torch.enable_grad(),
            repeatable(settings.threads),
        ):
            progress = _teach(peer, other, example, settings, autocast, warm)
            peer.update_student(progress.losses.total)
            peer.update_teacher(decay)
        yield dataclasses.replace(progress, step=step, example=example_index)


def _teach(
    peer: Peer,
    other: Peer,
    example: Example,
    settings: SegmentationSettings,
    autocast: bool,
    warm: bool,
) -> TrainingStep:
    device = example.image.device
    with torch.autocast(device.type, torch.bfloat16, enabled=autocast):
        response = peer.student(example.image)
        seen = pseudo_labels(response.detach())
        if settings.teaching == "self":
            taught = seen
        elif not warm:
            with torch.no_grad():
                taught = example.labels(other.teacher(example.image))
    if warm:
        assert example.start is not None
        targets = example.start
        n_labels = int(torch.bincount(seen.reshape(-1)).count_nonzero())
    elif example.used is not None:
        targets = taught
        n_labels = int(torch.bincount(taught.reshape(-1)).count_nonzero())
    else:
        contingency = contingency_table(taught, seen, settings.max_labels)
        targets = best_assignment(contingency).to(device)[taught]
        n_labels = int(contingency.sum(0).count_nonzero())
    # Smoothing a clustering that is not learned yet would only lose labels.
    beta = 0.0 if warm else settings.continuity_weight
    losses = mutual_loss(response, targets, beta, example.weights, example.painted)
    return TrainingStep(losses, seen, targets, n_labels)


def train(
    examples: Sequence[Example],
    settings: SegmentationSettings,
    precision: str,
    should_cancel: Callable[[], bool] | None = None,
    peers: Sequence[Peer] | None = None,
) -> Generator[TrainingStep, str | None, Trained]:
    """Train peers on one or several images, one image a step.

    Without `peers` they are made. Yields progress after every half step;
    ``send("stop")`` ends the training and keeps its networks. Once `should_cancel`
    returns True, :class:`Cancelled` is raised in the middle of a step. The warm start
    and the early stop are not in the paper's Algorithm 1.
    """
    if peers is None:
        device = examples[0].image.device
        peers = make_peers(examples, settings, device)
    everyone = [network for peer in peers for network in (peer.student, peer.teacher)]
    with cancellable(everyone, should_cancel):
        return (yield from _train(peers, examples, settings, precision))


def _train(
    peers: Sequence[Peer],
    examples: Sequence[Example],
    settings: SegmentationSettings,
    precision: str,
) -> Generator[TrainingStep, str | None, Trained]:
    if settings.readout == "student" or settings.teaching == "self":
        networks: tuple[ResponseNetwork, ...] = (peers[0].student,)
    else:
        networks = tuple(peer.teacher for peer in peers)
    last_good: list[dict[str, Tensor]] = []
    fewest = max(settings.min_labels, settings.n_labels or 0)
    if examples[0].used is not None:
        fewest = 0  # the classes of scribbles never merge
    watch = _SettledWatch(settings.patience)
    reason, step, n_labels = "all steps are done", 0, [settings.max_labels]
    while step < settings.n_steps:
        step += 1
        warm = step <= settings.warm_start_steps
        index = (step - 1) % len(examples)
        n_labels, stop = [], False
        for progress in mutual_step(
            peers,
            examples[index],
            settings,
            step=step,
            autocast=precision == "bfloat16",
            warm=warm,
            example_index=index,
        ):
            n_labels.append(progress.n_labels)
            stop = (yield progress) == "stop" or stop
        if stop:
            reason = "stopped by the user"
            break
        if warm:
            continue
        if min(n_labels) >= fewest > 1:
            last_good = [copy.deepcopy(network.state_dict()) for network in networks]
        if fewest and max(n_labels) <= max(settings.min_labels, fewest - 1):
            n = max(n_labels)
            reason = f"{n} labels are left" if n != 1 else "1 label is left"
            break
        if watch.settled(index, progress.targets):
            reason = "the labels have settled"
            break
    if last_good and min(n_labels) < fewest:
        # The last step fell through the floor: go back to the one before.
        for network, state in zip(networks, last_good, strict=True):
            network.load_state_dict(state)
    return Trained(networks, reason, step)


class _SettledWatch:
    """Reports when no image's labels have changed for a number of its steps."""

    def __init__(self, patience: int | None) -> None:
        self._patience = patience
        self._last: dict[int, Tensor] = {}
        self._calm: dict[int, int] = {}

    def settled(self, index: int, labels: Tensor) -> bool:
        if self._patience is None:
            return False
        last = self._last.get(index)
        self._last[index] = labels
        calm = last is not None and (
            float((labels != last).float().mean()) < SETTLED_FRACTION
        )
        self._calm[index] = self._calm.get(index, 0) + 1 if calm else 0
        return min(self._calm.values()) >= self._patience
