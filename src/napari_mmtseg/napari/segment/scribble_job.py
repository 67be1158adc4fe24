"""Runs that learn from scribbles, and from the model of the run before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from napari.layers import Labels
from napari_mmtseg.napari.layers.channels import is_same_image
from napari_mmtseg.napari.layers.editing import unwrapped
from napari_mmtseg.napari.layers.result import result_of
from napari_mmtseg.napari.layers.scribbles import LayerScribbles
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.napari.segment.job import Job
from napari_mmtseg.napari.segment.segment_job import Segmentation
from napari_mmtseg.napari.segment.stack_preview import ShownSlice
from napari_mmtseg.segmentation.segment import iter_segment
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari.components import ViewerModel

    from napari_mmtseg.napari.segment.choices import ScribbleChoice


def check_run(source: LayerSelection, settings: SegmentationSettings) -> None:
    """Refuse at once, without reading a pixel, what a run would refuse.

    Raises InputError if the settings do not go with a stack or a large image.
    """
    if source.is_one_image:
        return
    # Checks what it is given; the work begins with the first step, which never comes.
    iter_segment(source.part, **source.naming_for(settings), settings=settings).close()


def make_job(
    source: LayerSelection,
    settings: SegmentationSettings,
    choice: ScribbleChoice,
    viewer: ViewerModel,
) -> Job:
    """Return the job for what a panel shows.

    A run with edits of a result goes on from its model, and one with the same scribbles
    as an earlier one from that one's: a few steps are enough then. Raises InputError if
    the scribbles cannot be used.
    """
    stack = source.as_stack(volumes=settings.stack == "volume")
    shown = ShownSlice(viewer, source, stack.frame_axes)
    layer, scribbles = choice.layer, choice.scribbles(source)
    if layer is None or scribbles is None:
        return Segmentation(source, settings, shown).job()
    if choice.is_edits:
        result = result_of(layer)
        model = None if result is None else result.shown_model(layer.data)
    else:
        model = _earlier_model(source, settings, layer, scribbles, viewer)
    if model is not None:
        settings = settings.replace(n_labels=None)  # those of the model
    return Segmentation(
        source,
        settings,
        shown,
        scribbles,
        None if choice.is_edits else unwrapped(layer),
        model,
        {"colormap": layer.colormap, "features": layer.features.copy()},
    ).job()


def _earlier_model(
    source: LayerSelection,
    settings: SegmentationSettings,
    layer: Labels,
    scribbles: LayerScribbles,
    viewer: ViewerModel,
) -> Any:
    """Return the latest model of the same scribbles, image and settings."""
    for other in reversed(viewer.layers):
        result = result_of(other)
        if result is None or result.model is None or result.scribbles_layer is None:
            continue
        values = result.model.label_values
        if (
            result.scribbles_layer() == layer
            and is_same_image(result.source, source)
            and result.settings == settings
            # Not with classes that are no longer painted.
            and values is not None
            and set(values.tolist()) <= scribbles.values
        ):
            return result.model
    return None
