"""Training of one network on one image, as in Kanezaki's, Kim's and Ji's methods."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_mmtseg.baselines._method import (
    Segmented,
    Steps,
    Watch,
    check_own,
    own_defaults,
    public_function,
)
from napari_mmtseg.baselines._pixels import Pixels, number_clusters, warn_of_few
from napari_mmtseg.engine.cancellation import cancellable
from napari_mmtseg.engine.device import choose_device, choose_precision
from napari_mmtseg.engine.examples import to_working_size
from napari_mmtseg.engine.losses import Losses
from napari_mmtseg.engine.network import ResponseNetwork
from napari_mmtseg.engine.peer import GradientDescent
from napari_mmtseg.labels.regions import enlarge
from napari_mmtseg.progress import SegmentationStep
from napari_mmtseg.settings.fields import SegmentationSettings

_SHARED = """\
max_labels, min_labels, n_conv_layers, n_steps, learning_rate, momentum
    Output channels (raised to `n_labels`), the number of labels to stop at, 3x3
    convolutions, largest number of steps, and the optimiser.
working_size : int, optional
    Long side in pixels of the image that the network sees; its labels are enlarged by
    the nearest neighbour. Full resolution without it.
device : {"auto", "cpu", "cuda", "mps"}
    Where the network runs.
precision : {"auto", "float32", "bfloat16"}
    Number format of the convolutions.
"""


def network(
    name: str, steps: Callable[..., Steps], **accepted: tuple[float, float]
) -> Callable[..., NDArray[np.int32]]:
    """Return the public function of a method that trains a network on the image.

    `steps` is ``f(channels, settings, watch, *, ...)`` on raw pixels (C, Y, X),
    `accepted` the range of each of its own parameters.
    """
    own = own_defaults(steps)

    def run(channels: NDArray[Any], values: dict[str, Any], watch: Watch) -> Steps:
        checked = check_own(values, own, accepted)
        values = {key: value for key, value in values.items() if key not in own}
        return steps(channels, network_settings(name, **values), watch, **checked)

    return public_function(name, steps.__doc__ or "", own, run, _SHARED)


def network_settings(method: str, **values: Any) -> SegmentationSettings:
    """Return the checked settings of a network; `max_labels` is at least `n_labels`."""
    n_labels, q = values["n_labels"], values["max_labels"]
    if isinstance(n_labels, int) and isinstance(q, int):
        values["max_labels"] = max(n_labels, q)
    return SegmentationSettings(method=method, **values)


@dataclass(frozen=True)
class SelfTrainingStep:
    """Losses of one training step, and the cluster map (Y, X) before it."""

    losses: Losses
    clusters: Tensor


def one_loss(loss: Tensor) -> Losses:
    """Return a loss without a continuity loss."""
    value = loss.detach()
    return Losses(loss, value, torch.full_like(value, torch.nan))


Predict: TypeAlias = Callable[[Tensor], Tensor]
"""From an image (1, C, Y, X) to its response map (1, q, Y, X)."""
Teach: TypeAlias = Callable[[Predict, Tensor], SelfTrainingStep]
"""From the network and the image to the loss of one step."""
Numbering: TypeAlias = Callable[
    [NDArray[np.int64], Pixels, int | None], NDArray[np.int32]
]


def self_train(
    pixels: Pixels,
    settings: SegmentationSettings,
    make_teacher: Callable[[Pixels, torch.device], Teach],
    watch: Watch,
    number: Numbering = number_clusters,
) -> Steps:
    """Train one network on one image until few labels are left.

    `make_teacher` returns the function for every step, given the image at working size
    and the device; `number` makes labels of a cluster map. Yields one step before the
    work, one per training step, and one after. Returns the last labels with at least
    `n_labels` classes, or simply the last.
    """
    device = choose_device(settings.device)
    precision = choose_precision(settings.precision, device)
    if pixels.is_constant:
        ones = np.ones(pixels.shape, np.int32)
        warn_of_few(ones, settings.n_labels, settings.method)
        return Segmented(ones, "all pixels are the same", 0, device.type, precision)
    stop = (yield SegmentationStep("preparing", 0, settings.n_steps)) == "stop"
    small = Pixels(
        to_working_size(pixels.values, settings.working_size),
        to_working_size(pixels.colours, settings.working_size),
    )

    def labels_of(clusters: Tensor) -> NDArray[np.int32]:
        chosen = number(clusters.cpu().numpy(), small, settings.n_labels)
        return enlarge(chosen, pixels.shape)

    fewest = max(settings.min_labels, settings.n_labels or 0)
    enough: Tensor | None = None
    reason, step, n_labels = "all steps are done", 0, 0
    last_preview = -float("inf")
    teach = make_teacher(small, device)
    training = _steps(small.values, settings, teach, watch, device, precision)
    for taught in training:
        step += 1
        n_labels = int(torch.bincount(taught.clusters.flatten()).count_nonzero())
        if enough is None or n_labels >= (settings.n_labels or 1):
            enough = taught.clusters
        preview, now = None, time.perf_counter()
        due = watch.preview_interval
        if due is not None and now - last_preview >= due:
            last_preview, preview = now, labels_of(taught.clusters)
        progress = SegmentationStep(
            "training",
            step,
            settings.n_steps,
            float(taught.losses.similarity),
            float(taught.losses.continuity),
            n_labels,
            preview,
        )
        if (yield progress) == "stop" or stop:
            reason = "stopped by the user"
            break
        if n_labels <= fewest:
            reason = f"{n_labels} label{'s are' if n_labels > 1 else ' is'} left"
            break
    training.close()
    yield SegmentationStep("prediction", step, settings.n_steps, n_labels=n_labels)
    assert enough is not None
    labels = labels_of(enough)
    warn_of_few(labels, settings.n_labels, settings.method)
    return Segmented(labels, reason, step, device.type, precision)


def _steps(
    values: NDArray[np.float32],
    settings: SegmentationSettings,
    teach: Teach,
    watch: Watch,
    device: torch.device,
    precision: str,
) -> Generator[SelfTrainingStep]:
    with torch.inference_mode(False):
        generator = torch.Generator().manual_seed(settings.seed)
        network = ResponseNetwork(
            len(values), settings.max_labels, settings.n_conv_layers, generator
        ).to(device=device)
        optimizer = GradientDescent(
            network.parameters(), settings.learning_rate, settings.momentum
        )
        image = torch.from_numpy(values)[None].to(device)
        image = image.contiguous(memory_format=torch.channels_last)

    def predict(seen: Tensor) -> Tensor:
        with torch.autocast(
            device.type, torch.bfloat16, enabled=precision == "bfloat16"
        ):
            response: Tensor = network(seen)
        return response

    with cancellable([network], watch.should_cancel):
        for _ in range(settings.n_steps):
            with torch.inference_mode(False), torch.enable_grad():
                taught = teach(predict, image)
                optimizer.zero_grad()
                taught.losses.total.backward()
                optimizer.step()
            yield taught
