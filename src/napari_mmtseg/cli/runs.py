"""The work behind the commands, with its progress shown."""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from napari_mmtseg.cli.progress import Report, count, follow
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from napari_mmtseg.batch.cluster.large_image import BlockStep
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel
    from napari_mmtseg.files.read import ImageFile
    from napari_mmtseg.progress import SegmentationStep
    from napari_mmtseg.segmentation.result import SegmentationResult

__all__ = ["apply", "apply_on_cluster", "confidence", "fit", "segment"]

_R = TypeVar("_R")


def segment(
    source: ImageFile,
    settings: SegmentationSettings,
    scribbles: NDArray[Any] | None = None,
    model_path: Path | None = None,
    *,
    quiet: bool,
) -> SegmentationResult:
    """Segment an image, by painted pixels and from a saved model if there are any."""
    from napari_mmtseg.segmentation.segment import iter_segment

    model = None
    if model_path is not None:
        from napari_mmtseg.engine.model.fitted import load_model

        model = load_model(model_path)
    steps = iter_segment(
        source.array,
        axes=source.axes,
        spacing=source.spacing,
        scribbles=scribbles,
        model=model,
        settings=settings,
    )
    return follow(steps, _report, quiet=quiet)


def fit(
    sources: Sequence[ImageFile],
    settings: SegmentationSettings,
    scribbles: NDArray[Any] | None = None,
    *,
    quiet: bool,
) -> MutualMeanTeachingModel:
    """Fit one model to several images, or to one with painted pixels."""
    from napari_mmtseg.images.arrays import as_channels_first
    from napari_mmtseg.segmentation.fit import iter_fit

    painted = None if scribbles is None else [scribbles]
    first = sources[0]
    if all(len(source.label_axes) == 2 for source in sources):
        # One file may hold RGB pixels and the next planes: in one order they fit.
        images = [as_channels_first(s.array, s.channel_axis) for s in sources]
        steps = iter_fit(images, channel_axis=0, scribbles=painted, settings=settings)
    else:
        steps = iter_fit(
            [source.array for source in sources],
            axes=first.axes,
            spacing=first.spacing,
            scribbles=painted,
            settings=settings,
        )
    return follow(steps, _report, quiet=quiet)


def apply(
    model_path: Path,
    source: ImageFile,
    n_labels: int | None,
    output: str | None,
    *,
    quiet: bool,
) -> tuple[MutualMeanTeachingModel, NDArray[np.int32]]:
    """Label an image by a saved model and return both."""
    steps = _predict(model_path, source, n_labels, output)
    return follow(steps, lambda report: report, quiet=quiet)


def apply_on_cluster(
    model_path: Path,
    image_path: Path,
    labels_path: Path,
    *,
    quiet: bool,
    **options: Any,
) -> Any:
    """Label an image on a Dask cluster and return the zarr array."""

    def steps() -> Generator[BlockStep, None, Any]:
        from napari_mmtseg.batch.cluster.large_image import iter_label_on_cluster

        return (
            yield from iter_label_on_cluster(
                model_path, image_path, labels_path, **options
            )
        )

    def report(step: BlockStep) -> Report:
        return Report("blocks", step.n_done, step.n_blocks)

    return follow(steps(), report, quiet=quiet)


def confidence(
    model: MutualMeanTeachingModel,
    source: ImageFile,
    n_labels: int | None,
    *,
    quiet: bool,
) -> NDArray[np.float32]:
    """Return how sure a model is of the classes of an image."""
    steps = model.iter_confidence(
        source.array, n_labels, channel_axis=source.channel_axis
    )
    return follow(_reported(steps, "confidence (%)"), lambda r: r, quiet=quiet)


def _predict(
    model_path: Path, source: ImageFile, n_labels: int | None, output: str | None
) -> Generator[Report, None, tuple[MutualMeanTeachingModel, NDArray[np.int32]]]:
    from napari_mmtseg.engine.model.fitted import load_model

    model = load_model(model_path)
    steps = model.iter_labels(source.array, n_labels, axes=source.axes, output=output)
    return model, (yield from _reported(steps, "prediction (%)"))


def _reported(
    steps: Generator[float, None, _R], phase: str
) -> Generator[Report, None, _R]:
    while True:
        try:
            fraction = next(steps)
        except StopIteration as end:
            result: _R = end.value
            return result
        yield Report(phase, round(100 * fraction), 100)


def _report(step: SegmentationStep) -> Report:
    details = []
    if step.n_labels:
        details.append(count(step.n_labels, "label"))
    if not math.isnan(step.similarity_loss):
        details.append(f"loss {step.similarity_loss:.3f}")
    if step.phase == "prediction" and step.n_slices > 1:
        return Report("slices", step.n_done, step.n_slices, ", ".join(details))
    return Report(step.phase, step.step, step.n_steps, ", ".join(details))
