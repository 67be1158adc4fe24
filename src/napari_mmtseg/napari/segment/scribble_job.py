"""A run that learns from hints, and from the model of the run before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from napari_mmtseg.napari.layers.editing import unwrapped
from napari_mmtseg.napari.layers.result import LayerResult, result_of
from napari_mmtseg.napari.layers.scribbles import Hints
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.napari.segment.segment_job import SegmentJob
from napari_mmtseg.napari.segment.stack_preview import ShownSlice
from napari_mmtseg.segmentation.segment import iter_segment
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_mmtseg.napari.segment.scribble_choice import HintsChoice

__all__ = ["check_run", "make_job"]


def check_run(source: LayerSelection, settings: SegmentationSettings) -> None:
    """Refuse at once, without reading a pixel, what a run would refuse.

    Raises
    ------
    InputError
        If the settings do not go with a stack or a large image.
    """
    if source.is_one_image:
        return
    # Checks what it is given; the work begins with the first step, which never comes.
    iter_segment(source.part, **source.naming, settings=settings).close()


def make_job(
    source: LayerSelection,
    settings: SegmentationSettings,
    choice: HintsChoice,
    viewer: ViewerModel,
) -> SegmentJob:
    """Return the job for what a panel shows.

    A run with edits of a result goes on from its model, and one with the same hints
    as an earlier one from that one's: a few steps are enough then.

    Raises
    ------
    InputError
        If the hints cannot be used.
    """
    volumes = settings.stack == "volume"
    frame_axes = source.as_stack(volumes=volumes).frame_axes
    shown = ShownSlice(viewer, source, frame_axes)
    layer, hints = choice.layer, choice.hints(source)
    if layer is None or hints is None:
        return SegmentJob(source, settings, shown)
    if choice.is_edits:
        result = result_of(layer)
        model = None if result is None else result.shown_model(layer.data)
    else:
        model = _earlier_model(source, settings, layer, hints, viewer)
    if model is not None:
        settings = settings.replace(n_labels=None)  # those of the model
    return SegmentJob(
        source,
        settings,
        shown,
        hints,
        None if choice.is_edits else unwrapped(layer),
        model,
        {"colormap": layer.colormap, "features": layer.features.copy()},
        tuple(_out_of_date(layer, choice.is_edits, viewer)),
    )


def _out_of_date(layer: Labels, is_edits: bool, viewer: ViewerModel) -> list[Labels]:
    """Return the results that the new one is better than."""
    if is_edits:
        return [unwrapped(layer)]
    results = ((other, result_of(other)) for other in viewer.layers)
    return [
        unwrapped(other)
        for other, result in results
        if result is not None
        and result.hints_layer is not None
        and result.hints_layer() == layer
    ]


def _earlier_model(
    source: LayerSelection,
    settings: SegmentationSettings,
    layer: Labels,
    hints: Hints,
    viewer: ViewerModel,
) -> Any:
    """Return the latest model of the same hints, image and settings."""
    for other in reversed(viewer.layers):
        result = result_of(other)
        if result is None or result.model is None or result.hints_layer is None:
            continue
        values = result.model.label_values
        if (
            result.hints_layer() == layer
            and _is_same(source, result)
            and result.settings == settings
            # A class that is painted no more is none.
            and values is not None
            and set(values.tolist()) <= hints.values
        ):
            return result.model
    return None


def _is_same(source: LayerSelection, result: LayerResult) -> bool:
    there = result.source
    return there.array is source.array and there.index == source.index
