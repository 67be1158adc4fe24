"""The same run as Python code, for napari's console."""

from __future__ import annotations

from napari.layers import Labels

from napari_mmtseg._layers import Source
from napari_mmtseg.settings import SegmentationSettings

__all__ = ["as_python"]


def as_python(
    source: Source, settings: SegmentationSettings, hints: Labels | None = None
) -> str:
    """Return code that segments the same image of the open viewer alike.

    Parameters
    ----------
    source : Source
        The image.
    settings : SegmentationSettings
        All settings; the code names those that differ from their preset.
    hints : napari.layers.Labels, optional
        Painted labels that the run learns from.
    """
    data = "layer.data[0]" if source.multiscale else "layer.data"
    if source.slices:
        data += f"[{', '.join(_index(i) for i in source.index)}]"
    arguments = [f'"{settings.preset}"'] if settings.preset != "default" else []
    arguments += [f"{name}={value!r}" for name, value in settings.changes().items()]
    call = ["image"]
    if source.channel_axis is not None:
        call.append(f"channel_axis={source.channel_axis}")
    painted = []
    if hints is not None:
        call.append("scribbles=scribbles")
        painted = [_painted(source, hints)]
    call.append("settings=settings")
    return "\n".join(
        [
            "import napari",
            "import numpy as np",
            "import napari_mmtseg as mm",
            "",
            f"layer = napari.current_viewer().layers[{source.name!r}]",
            f"image = np.asarray({data})  # {source.axes}",
            *painted,
            f"settings = mm.SegmentationSettings({', '.join(arguments)})",
            f"labels = mm.segment({', '.join(call)})",
            "",
        ]
    )


def _painted(source: Source, hints: Labels) -> str:
    layer = f"napari.current_viewer().layers[{hints.name!r}].data"
    kept = [
        (index, n)
        for index, n, axis in zip(
            source.index, source.array.shape, source.axes.split(), strict=True
        )
        if axis not in ("C", "RGB")
    ]
    plane = tuple(int(n) for index, n in kept if isinstance(index, slice))
    if hints.data.shape == tuple(n for _, n in kept) != plane:
        where = ", ".join(_index(index) for index, _ in kept)
        return f"scribbles = np.asarray({layer}[{where}])"
    return f"scribbles = np.asarray({layer}).reshape({plane})"


def _index(index: int | slice) -> str:
    return ":" if isinstance(index, slice) else str(index)
