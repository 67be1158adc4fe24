"""The response network f(x, theta) of Algorithm 1."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = ["ResponseNetwork"]


class ResponseNetwork(nn.Module):
    """Small fully convolutional network from an image to a response map.

    M times [3x3 convolution, ReLU, batch norm], then a 1x1 convolution and a batch
    norm, all with `max_labels` channels (Kanezaki 2018; Kim et al. 2020; section 3 of
    Wu et al. 2020).

    Parameters
    ----------
    n_channels : int
        Channels of the image.
    max_labels : int
        Channels of the response map, the paper's q.
    n_conv_layers : int
        Number of 3x3 convolutions, the paper's M.
    generator : torch.Generator, optional
        Source of the initial weights (He et al. 2015, as PyTorch's own default); the
        global random state is not touched. Without it the weights are left
        uninitialised, to be loaded.
    """

    def __init__(
        self,
        n_channels: int,
        max_labels: int,
        n_conv_layers: int,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        # Layers made on "meta" draw no random numbers from the global generator.
        dtype = torch.float32  # whatever the caller's default is
        with torch.device("meta"):
            layers: list[nn.Module] = []
            for i in range(n_conv_layers):
                n_in = n_channels if i == 0 else max_labels
                layers += [
                    nn.Conv2d(n_in, max_labels, 3, padding=1, dtype=dtype),
                    nn.ReLU(inplace=True),
                    nn.BatchNorm2d(max_labels, momentum=0.0, dtype=dtype),
                ]
            layers += [
                nn.Conv2d(max_labels, max_labels, 1, dtype=dtype),
                nn.BatchNorm2d(max_labels, momentum=0.0, dtype=dtype),
            ]
            self.layers = nn.Sequential(*layers)
        self.layers.to_empty(device="cpu")
        self.halo = n_conv_layers
        for layer in self.layers:
            if isinstance(layer, nn.BatchNorm2d):
                layer.reset_parameters()
            elif isinstance(layer, nn.Conv2d) and generator is not None:
                _initialize(layer, generator)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, image: Tensor) -> Tensor:
        """Return the response map (N, q, Y, X) of images (N, C, Y, X)."""
        response: Tensor = self.layers(image)
        return response

    @torch.no_grad()
    def cluster_map(self, image: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the largest channel of the response to an image (C, Y, X), (Y, X)."""
        there = torch.from_numpy(np.ascontiguousarray(image))[None]
        there = there.to(next(self.parameters()).device)
        response = self(there.contiguous(memory_format=torch.channels_last))
        clusters: NDArray[np.int64] = response[0].argmax(0).cpu().numpy()
        return clusters

    @torch.no_grad()
    def freeze_statistics(self, images: Iterable[Tensor]) -> None:
        """Fix the batch norm to the statistics of `images` and leave training mode.

        In training every image is normalised with its own statistics, teacher and
        student alike. Fixed ones make a prediction independent of what else is in the
        tile or the image.
        """
        norms = [m for m in self.modules() if isinstance(m, nn.BatchNorm2d)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # cumulative mean over the images
        self.train()
        for image in images:
            self(image)
        for norm in norms:
            norm.momentum = 0.0
        self.eval()


def _initialize(layer: nn.Conv2d, generator: torch.Generator) -> None:
    nn.init.kaiming_uniform_(layer.weight, a=5**0.5, generator=generator)
    assert layer.bias is not None
    bound = (layer.weight[0].numel()) ** -0.5
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
