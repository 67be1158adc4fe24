"""Fitted models as safetensors files: tensors, and JSON about them."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from napari_mmtseg.engine.device import choose_device
from napari_mmtseg.engine.model.classes import Readout
from napari_mmtseg.engine.model.consensus import Consensus
from napari_mmtseg.engine.model.inference import Inference
from napari_mmtseg.engine.network import ResponseNetwork
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import write_atomically
from napari_mmtseg.images.features import FeatureBank
from napari_mmtseg.images.illumination import EVEN, Illumination
from napari_mmtseg.images.normalization import Normalization
from napari_mmtseg.images.picked_channels import PickedChannels
from napari_mmtseg.images.texture import AnyTexture, Texture, TextureEnergy
from napari_mmtseg.settings.fields import SegmentationSettings

FILE_FORMAT = "napari-mmtseg model"
FILE_VERSION = 1
SUFFIX = ".safetensors"

_FEATURES = {
    Texture: "texture",
    TextureEnergy: "texture_energy",
    FeatureBank: "feature_bank",
}
"""Names under which the features of a model are stored."""

LabelValues = NDArray[np.int32] | None


def write_model(
    path: str | Path,
    readout: Readout,
    settings: SegmentationSettings,
    label_values: LabelValues,
    channel_names: tuple[str, ...] = (),
    picked_channels: PickedChannels | None = None,
    *,
    overwrite: bool,
) -> None:
    """Write the parts of a model: its tensors, and a JSON header."""
    inference = readout.inference
    about: dict[str, Any] = {
        "format": FILE_FORMAT,
        "version": FILE_VERSION,
        "settings": settings.to_dict(),
        "illumination": asdict(inference.illumination),
        "normalization": asdict(inference.normalization),
        _FEATURES[type(inference.texture)]: asdict(inference.texture),
        "depth": inference.consensus.depth,
        "channel_orders": [o.tolist() for o in inference.consensus.channel_orders],
    }
    if label_values is not None:
        about["label_values"] = label_values.tolist()
    if channel_names:
        about["channel_names"] = list(channel_names)
    if picked_channels is not None:
        about["picked_channels"] = asdict(picked_channels)
    state = readout.state()
    content = save(
        {name: value.detach().cpu().contiguous() for name, value in state.items()},
        {"napari_mmtseg": json.dumps(about)},
    )
    write_atomically(path, content, suffixes=(SUFFIX,), overwrite=overwrite)


def read_model(
    path: str | Path,
) -> tuple[
    Readout,
    SegmentationSettings,
    LabelValues,
    tuple[str, ...],
    PickedChannels | None,
]:
    """Return the parts that :func:`write_model` wrote, or raise :class:`InputError`.

    On the device of the settings if this machine has it, else on the CPU.
    """
    about, tensors = _read_file(path)
    try:
        settings = SegmentationSettings(**about["settings"])
        normalization = Normalization.from_dict(about["normalization"])
        illumination = EVEN
        if "illumination" in about:
            illumination = Illumination.from_dict(about["illumination"])
        texture = _texture(about)
        empty = (
            ResponseNetwork(
                texture.n_features(normalization.n_outputs),
                settings.max_labels,
                settings.n_conv_layers,
                depth=about.get("depth"),
            )
            for _ in about["channel_orders"]
        )
        orders = _orders(about["channel_orders"])
        consensus = Consensus.from_state(tensors, orders, empty)
        inference = Inference(consensus, normalization, texture, illumination)
        readout = Readout.from_state(inference, tensors)
        label_values = about.get("label_values")
        if label_values is not None:
            label_values = np.asarray(label_values, np.int32)
        channel_names = tuple(str(name) for name in about.get("channel_names", ()))
        picked = about.get("picked_channels")
        if picked is not None:
            picked = PickedChannels(**picked)
            if len(picked.numbers) != normalization.n_channels:
                raise ValueError(f"channels {picked} are not those of the networks")
    except (KeyError, TypeError, RuntimeError, ValueError) as error:
        detail = f"{error} is missing" if isinstance(error, KeyError) else error
        raise InputError(
            f"{path} is a damaged model file ({detail}). Make it again with model.save "
            "or `mmtseg fit`."
        ) from error
    try:
        device = choose_device(settings.device)
    except InputError:
        device = torch.device("cpu")
    consensus.to(device)
    return readout, settings, label_values, channel_names, picked


def _texture(about: dict[str, Any]) -> AnyTexture | FeatureBank:
    if "feature_bank" in about:
        return FeatureBank.from_dict(about["feature_bank"])
    if "texture_energy" in about:
        return TextureEnergy.from_dict(about["texture_energy"])
    return Texture(**about["texture"])


def _orders(stored: Any) -> list[list[int]]:
    """Check the orders of channels: each has all numbers from 0, as many as others."""
    orders = [[int(i) for i in order] for order in stored]
    if not orders or any(sorted(o) != list(range(len(orders[0]))) for o in orders):
        raise ValueError("channel_orders are no orders of the same channels")
    return orders


def _read_file(path: str | Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Return the header and the tensors of a model file."""
    if not Path(path).is_file():
        raise InputError(f"There is no model file {path}.")
    try:
        with safe_open(path, framework="pt") as file:
            about = json.loads((file.metadata() or {})["napari_mmtseg"])
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise InputError(
            f"{path} is not a model of napari-mmtseg ({type(error).__name__}). Make "
            "one with model.save or `mmtseg fit`."
        ) from error
    if about.get("format") != FILE_FORMAT or about.get("version") != FILE_VERSION:
        raise InputError(
            f"{path} is a model file of version {about.get('version')!r}; this release "
            f"reads version {FILE_VERSION}."
        )
    return about, tensors
