"""In words what is going to be segmented, and what memory it takes."""

from __future__ import annotations

from napari_mmtseg._layers import Source
from napari_mmtseg._widgets.slice_clock import count
from napari_mmtseg.segmentation.memory import estimate_memory
from napari_mmtseg.settings.fields import SegmentationSettings

__all__ = ["describe_memory", "describe_source"]

_SHARED = {
    "one_model": "one model",
    "slice_by_slice": "a model for each slice, labels matched",
}


def describe_source(source: Source, mode: str) -> str:
    """Return what of a layer is segmented, where that is not a whole 2D image.

    Parameters
    ----------
    source : Source
        What is chosen.
    mode : str
        The setting `stack`.
    """
    full = source.full_plane
    height, width = source.place.plane
    plane = f"{height} x {width}"
    region = f"region {plane} of {full['Y']} x {full['X']}" if source.region else ""
    channels = _channels(source)
    if source.is_stack:
        what, shared = _stack(source, mode)
        parts = [what, region] if region else [f"{what} of {plane}"]
        parts += [channels, shared] if channels else [shared]
    elif channels and not region and not source.slices:
        parts = [f"one image of {plane} with {channels}"]
    else:
        parts = [part for part in (region, channels) if part]
        if source.slices:
            named = source.axes.split()
            at = [
                f"{name} = {i} of 0 to {source.array.shape[named.index(name)] - 1}"
                for name, i in source.slices.items()
            ]
            parts.insert(0, f"the current slice, {', '.join(at)}")
    if not source.is_copied:
        parts = [*(parts or [f"{plane} pixels"]), "read while it runs"]
    text = ", ".join(parts)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _channels(source: Source) -> str:
    """Return how many channels there are, colours aside."""
    if source.channel_axis is None:
        return ""
    n = source.part.shape[source.channel_axis]
    return f"{count(n, 'channel')} (C)"


def _stack(source: Source, mode: str) -> tuple[str, str]:
    """Return what is stacked, and what the slices share."""
    stacked = {a: n for a, n in source.lengths.items() if a not in "YX"}
    depth = stacked.get("Z", 1)
    if mode == "volume" and depth > 1:
        del stacked["Z"]
        what = f"{_count(stacked)} volumes" if stacked else "one volume"
        return f"{what}{_named(stacked)} of {depth} slices (Z)", "in 3D"
    shared = _SHARED[mode if mode in _SHARED else "one_model"]
    return f"{_count(stacked)} slices{_named(stacked)}", shared


def _named(stacked: dict[str, int]) -> str:
    return f" ({', '.join(stacked)})" if stacked else ""


def _count(stacked: dict[str, int]) -> str:
    return " x ".join(str(n) for n in stacked.values())


def describe_memory(source: Source, settings: SegmentationSettings) -> tuple[str, bool]:
    """Return what memory a run takes, and whether that is to be looked at twice."""
    stack = source.as_stack(volumes=settings.stack == "volume")
    estimate = estimate_memory(stack, settings)
    return estimate.describe(), estimate.on_disk or not estimate.fits
