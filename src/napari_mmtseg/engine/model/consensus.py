"""Mean response of several fitted networks."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from napari_mmtseg.engine.alignment import best_assignment, contingency_table
from napari_mmtseg.engine.losses import pseudo_labels
from napari_mmtseg.engine.network import ResponseNetwork
from napari_mmtseg.images.tiles import Tile, tiles

_TILE_VALUES = 2**20
"""Values of one response map in a tile on a CPU: with more, caches run over, and every
pixel takes up to three times as long."""
_TILE_VALUES_GPU = 2**24


class Consensus:
    """Fitted networks with fixed batch norm and their response channels aligned.

    `channel_orders` holds for every network the order (q,) that aligns its response
    channels to the first's.
    """

    def __init__(
        self,
        networks: Sequence[ResponseNetwork],
        channel_orders: Sequence[Sequence[int] | NDArray[np.intp]],
    ) -> None:
        self._networks = list(networks)
        self.channel_orders = [np.asarray(order, np.intp) for order in channel_orders]

    @classmethod
    def from_training(
        cls,
        networks: Sequence[ResponseNetwork],
        images: Sequence[Tensor],
        q: int,
        aligned: bool = False,
    ) -> Consensus:
        """Fix the batch norm of networks by images and align their q channels."""
        for network in networks:
            network.freeze_statistics(images)
        orders = [np.arange(q)]
        if aligned:
            return cls(networks, orders * len(networks))
        for network in networks[1:]:
            table = torch.zeros((q, q), dtype=torch.int64)
            for image in images:
                with torch.no_grad():
                    first, second = (
                        pseudo_labels(n(image)) for n in (networks[0], network)
                    )
                table += contingency_table(first, second, q)
            orders.append(best_assignment(table).numpy())
        return cls(networks, orders)

    @property
    def n_dims(self) -> int:
        """Number of spatial dimensions."""
        return self._networks[0].n_dims

    @property
    def depth(self) -> int | None:
        """Convolutions that span slices; None in two dimensions."""
        return self._networks[0].depth

    @property
    def device(self) -> torch.device:
        """Device of the networks."""
        return next(self._networks[0].parameters()).device

    def cluster_map(self, image: Tensor | NDArray[np.float32]) -> NDArray[np.int64]:
        """Return the channel with the largest mean response, 0..q-1, ([Z,] Y, X)."""
        responses = self._responses(image)
        if len(responses) > 1:
            decisive = torch.stack([r.softmax(1) for r in responses]).sum(0)
        else:
            decisive = responses[0]
        clusters: NDArray[np.int64] = pseudo_labels(decisive).cpu().numpy()
        return clusters

    def probabilities(self, image: Tensor | NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean of the networks' probabilities, (q, Y, X)."""
        responses = self._responses(image)
        mean = torch.stack([r.softmax(1) for r in responses]).mean(0)
        probabilities: NDArray[np.float32] = mean[0].cpu().numpy()
        return probabilities

    def each(self, image: Tensor | NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the probabilities of every network, (n_networks, q, Y, X)."""
        responses = torch.cat([r.softmax(1) for r in self._responses(image)])
        probabilities: NDArray[np.float32] = responses.cpu().numpy()
        return probabilities

    @property
    def halo(self) -> int:
        """Pixels around a tile that the response depends on."""
        return self._networks[0].halo

    def tiles(
        self,
        shape: tuple[int, ...],
        halo: int = 0,
        side: int | None = None,
        within: tuple[slice, ...] | None = None,
    ) -> list[Tile]:
        """Return tiles of an image, or of `within` it, that are small enough.

        `side` is chosen for the device without it; `halo` is added to the networks'.
        """
        q = len(self.channel_orders[0])
        if side is None:
            on_cpu = self.device.type == "cpu"
            values = _TILE_VALUES if on_cpu else _TILE_VALUES_GPU
            if self.n_dims == 3:
                values *= 4  # the halo is more of a small volume than of an image
            side = max(int((values / q) ** (1 / self.n_dims)), 64)
        return list(tiles(shape, side, self.halo + halo, within))

    @torch.inference_mode(False)
    def copies(self) -> list[ResponseNetwork]:
        """Return trainable copies with their channels in the order of the first's."""
        networks = []
        # Outside of inference mode: tensors made in it cannot be trained.
        for network, order in zip(self._networks, self.channel_orders, strict=True):
            new = copy.deepcopy(network).train().requires_grad_(True)
            index = torch.from_numpy(order)
            for layer in list(new.layers)[-2:]:
                for parameter in layer.parameters():
                    parameter.data = parameter.data[index.to(parameter.device)].clone()
            networks.append(new)
        return networks

    def state(self) -> dict[str, Tensor]:
        """Return all weights by name."""
        return {
            f"{i}.{name}": value
            for i, network in enumerate(self._networks)
            for name, value in network.state_dict().items()
        }

    @classmethod
    def from_state(
        cls,
        state: Mapping[str, Tensor],
        channel_orders: Sequence[Sequence[int]],
        empty: Iterable[ResponseNetwork],
    ) -> Consensus:
        """Restore what :meth:`state` returned into networks without weights."""
        networks = []
        for i, network in enumerate(empty):
            prefix = f"{i}."
            network.load_state_dict(
                {
                    name.removeprefix(prefix): value
                    for name, value in state.items()
                    if name.startswith(prefix)
                }
            )
            networks.append(network.requires_grad_(False).eval())
        return cls(networks, channel_orders)

    def to(self, target: torch.device | torch.dtype) -> Consensus:
        """Move the networks to a device, or to another number format."""
        for network in self._networks:
            network.to(target)
        return self

    def _responses(self, image: Tensor | NDArray[np.float32]) -> list[Tensor]:
        if not isinstance(image, Tensor):
            image = torch.from_numpy(np.ascontiguousarray(image))[None]
        first = self._networks[0]
        image = image.to(next(first.parameters())).contiguous(
            memory_format=first.memory_format
        )
        with torch.no_grad():
            maps = [network(image) for network in self._networks]
        others = zip(maps[1:], self.channel_orders[1:], strict=True)
        return [maps[0], *(response[:, order] for response, order in others)]
