"""The same run as Python code, for napari's console."""

from __future__ import annotations

from napari_mmtseg._layers import Source
from napari_mmtseg.settings import SegmentationSettings

__all__ = ["as_python"]


def as_python(source: Source, settings: SegmentationSettings) -> str:
    """Return code that segments the same image of the open viewer alike.

    Parameters
    ----------
    source : Source
        The image.
    settings : SegmentationSettings
        All settings; the code names those that differ from their preset.
    """
    data = "layer.data[0]" if source.multiscale else "layer.data"
    if source.slices:
        data += f"[{', '.join(_index(i) for i in source.index)}]"
    arguments = [f'"{settings.preset}"'] if settings.preset != "default" else []
    arguments += [f"{name}={value!r}" for name, value in settings.changes().items()]
    call = ["image"]
    if source.channel_axis is not None:
        call.append(f"channel_axis={source.channel_axis}")
    call.append("settings=settings")
    return "\n".join(
        [
            "import napari",
            "import numpy as np",
            "import napari_mmtseg as mm",
            "",
            f"layer = napari.current_viewer().layers[{source.name!r}]",
            f"image = np.asarray({data})  # {source.axes}",
            f"settings = mm.SegmentationSettings({', '.join(arguments)})",
            f"labels = mm.segment({', '.join(call)})",
            "",
        ]
    )


def _index(index: int | slice) -> str:
    return ":" if isinstance(index, slice) else str(index)
