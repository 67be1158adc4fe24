"""The response network f(x, theta) of Algorithm 1."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


def network_depth(n_dims: int, n_conv_layers: int, anisotropy: float) -> int | None:
    """Return how many convolutions of a network span slices; None in two dimensions.

    At least one, and enough to see about as far along z as in the plane; like nnU-Net
    (Isensee et al., Nature Methods 18, 2021), which leaves out the coarse axis in some
    of its layers. `anisotropy` is the distance of slices over that of pixels.
    """
    if n_dims == 2:
        return None
    return min(max(round(n_conv_layers / max(anisotropy, 1.0)), 1), n_conv_layers)


class ResponseNetwork(nn.Module):
    """Small fully convolutional network from an image to a response map.

    M times [3x3 convolution, ReLU, batch norm], then a 1x1 convolution and a batch
    norm, all with q channels (Kanezaki 2018; Kim et al. 2020; section 3 of Wu et al.
    2020); M is `n_conv_layers`, q is `max_labels`.

    For volumes, the last `depth` of the 3x3 convolutions also see one slice above and
    one below. `generator` draws the initial weights (He et al. 2015, as PyTorch's own
    default), and the global random state is not touched; without it they are left
    uninitialised, to be loaded.
    """

    def __init__(
        self,
        n_channels: int,
        max_labels: int,
        n_conv_layers: int,
        generator: torch.Generator | None = None,
        depth: int | None = None,
    ) -> None:
        super().__init__()
        # Layers made on "meta" draw no random numbers from the global generator.
        dtype = torch.float32  # whatever the caller's default is
        with torch.device("meta"):
            layers: list[nn.Module] = []
            norm = nn.BatchNorm2d if depth is None else nn.BatchNorm3d
            for i in range(n_conv_layers):
                n_in = n_channels if i == 0 else max_labels
                deep = depth is not None and i >= n_conv_layers - depth
                layers += [
                    _convolution(n_in, max_labels, depth is not None, deep, dtype),
                    nn.ReLU(inplace=True),
                    norm(max_labels, momentum=0.0, dtype=dtype),
                ]
            last = nn.Conv2d if depth is None else nn.Conv3d
            layers += [
                last(max_labels, max_labels, 1, dtype=dtype),
                norm(max_labels, momentum=0.0, dtype=dtype),
            ]
            self.layers = nn.Sequential(*layers)
        self.layers.to_empty(device="cpu")
        self.halo = n_conv_layers
        self.depth = depth
        for layer in self.layers:
            if isinstance(layer, NORMS):
                layer.reset_parameters()
            elif isinstance(layer, CONVOLUTIONS) and generator is not None:
                _initialize(layer, generator)
        self.to(memory_format=self.memory_format)  # type: ignore[call-overload]

    @property
    def n_dims(self) -> int:
        """Number of spatial dimensions."""
        return 2 if self.depth is None else 3

    @property
    def memory_format(self) -> torch.memory_format:
        """Layout of images in memory that is fastest."""
        return torch.channels_last if self.depth is None else torch.channels_last_3d

    def forward(self, image: Tensor) -> Tensor:
        """Return the response map (N, q, [Z,] Y, X) of images (N, C, [Z,] Y, X)."""
        response: Tensor = self.layers(image)
        return response

    @torch.no_grad()
    def cluster_map(self, image: NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the largest channel of the response to an image (C, [Z,] Y, X)."""
        tensor = torch.from_numpy(np.ascontiguousarray(image))[None]
        tensor = tensor.to(next(self.parameters()).device)
        response = self(tensor.contiguous(memory_format=self.memory_format))
        clusters: NDArray[np.int64] = response[0].argmax(0).cpu().numpy()
        return clusters

    @torch.no_grad()
    def freeze_statistics(self, images: Iterable[Tensor]) -> None:
        """Fix the batch norm to the statistics of `images` and leave training mode.

        In training every image is normalised with its own statistics. With fixed ones a
        prediction does not depend on the rest of the tile or the image.
        """
        norms = [m for m in self.modules() if isinstance(m, NORMS)]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # cumulative mean over the images
        self.train()
        for image in images:
            self(image)
        for norm in norms:
            norm.momentum = 0.0
        self.eval()


CONVOLUTIONS = (nn.Conv2d, nn.Conv3d)
NORMS = (nn.BatchNorm2d, nn.BatchNorm3d)


def _convolution(
    n_in: int, n_out: int, volume: bool, deep: bool, dtype: torch.dtype
) -> nn.Module:
    if not volume:
        return nn.Conv2d(n_in, n_out, 3, padding=1, dtype=dtype)
    z = 1 if deep else 0
    return nn.Conv3d(n_in, n_out, (1 + 2 * z, 3, 3), padding=(z, 1, 1), dtype=dtype)


def _initialize(layer: nn.Conv2d | nn.Conv3d, generator: torch.Generator) -> None:
    nn.init.kaiming_uniform_(layer.weight, a=5**0.5, generator=generator)
    assert layer.bias is not None
    bound = (layer.weight[0].numel()) ** -0.5
    nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
