"""Time of one training step, as a ratio to a plain PyTorch loop in the same run.

``python -m benchmarks.step`` prints, for every image size and number of labels, the
plain loop (:mod:`tests.engine.algorithm_1`, NCHW float32 autograd), the bare
convolutions of one step (both students forward and backward, both teachers forward;
nothing else) and the engine's step in float32 and bfloat16. Versions are run in turn,
and the median of their times counts.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from tests.engine.algorithm_1 import plain_peer, plain_step
from torch import nn

from benchmarks.machine import describe_machine
from napari_mmtseg.engine.device import choose_device
from napari_mmtseg.engine.network import ResponseNetwork
from napari_mmtseg.engine.training import Example, make_peers, mutual_step
from napari_mmtseg.settings.fields import SegmentationSettings

SIZES = ((160, 240), (321, 481))
LABELS = (32, 100)


def engine_step(
    settings: SegmentationSettings, image: torch.Tensor, precision: str
) -> Callable[[], None]:
    peers = make_peers([Example(image)], settings, image.device)
    example = Example(image.contiguous(memory_format=torch.channels_last))

    def run() -> None:
        autocast = precision == "bfloat16"
        for _ in mutual_step(peers, example, settings, step=1, autocast=autocast):
            pass

    return run


def reference_step(
    settings: SegmentationSettings, image: torch.Tensor
) -> Callable[[], None]:
    peers = [
        plain_peer(
            peer.student.to(memory_format=torch.contiguous_format),
            settings.learning_rate,
            settings.momentum,
        )
        for peer in make_peers([Example(image)], settings, image.device)
    ]
    return lambda: plain_step(
        peers, image, settings.continuity_weight, settings.ema_decay
    )


def bare_convolutions(
    settings: SegmentationSettings, image: torch.Tensor, precision: str
) -> Callable[[], None]:
    generator = torch.Generator().manual_seed(0)
    network = ResponseNetwork(
        image.shape[1], settings.max_labels, settings.n_conv_layers, generator
    ).to(image.device)
    convolutions = nn.Sequential(
        *(m for m in network.modules() if isinstance(m, nn.Conv2d))
    )
    image = image.contiguous(memory_format=torch.channels_last)
    autocast = precision == "bfloat16"

    def run() -> None:
        for _ in range(2):
            with torch.autocast(image.device.type, torch.bfloat16, enabled=autocast):
                response = convolutions(image)
                with torch.no_grad():
                    convolutions(image)
            response.backward(response.detach())

    return run


def median_seconds(
    versions: dict[str, Callable[[], None]], repeats: int, device: torch.device
) -> dict[str, float]:
    seconds: dict[str, list[float]] = {name: [] for name in versions}
    for repeat in range(repeats + 1):
        for name, run in versions.items():
            start = time.perf_counter()
            run()
            if device.type == "cuda":
                torch.cuda.synchronize()
            if repeat:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(times) for name, times in seconds.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5, help="counted runs of each")
    parser.add_argument("--threads", type=int, help="threads of torch")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    arguments = parser.parse_args()
    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    device = choose_device(arguments.device)
    print(describe_machine(device))
    print(f"one step of both peers, median of {arguments.repeats} runs, in turn")
    header = ("image", "q", "plain loop", "version", "step", "/ plain", "/ bare conv.")
    print("{:>8} {:>4} {:>11} {:>9} {:>9} {:>8} {:>13}".format(*header))
    for height, width in SIZES:
        for q in LABELS:
            settings = SegmentationSettings("paper", max_labels=q)
            image = torch.rand(1, 3, height, width).to(device)
            versions = {"plain": reference_step(settings, image)}
            for precision in ("float32", "bfloat16"):
                versions[precision] = engine_step(settings, image, precision)
                versions[f"bare {precision}"] = bare_convolutions(
                    settings, image, precision
                )
            seconds = median_seconds(versions, arguments.repeats, device)
            for precision in ("float32", "bfloat16"):
                own = seconds[precision]
                print(
                    f"{height}x{width:<4} {q:>4} {1e3 * seconds['plain']:>8.0f} ms "
                    f"{precision:>9} {1e3 * own:>6.0f} ms "
                    f"{own / seconds['plain']:>8.2f} "
                    f"{own / seconds[f'bare {precision}']:>13.2f}",
                    flush=True,
                )


if __name__ == "__main__":
    main()
