"""One large image on the workers of a Dask cluster, region by region."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mmtseg.batch.cluster.connection import (
    CONNECTION_LOST,
    connected,
    gpu_resources,
    waiting_for_workers,
)
from napari_mmtseg.batch.cluster.large_image_job import RegionJob, model_content
from napari_mmtseg.batch.cluster.tasks import iter_tasks
from napari_mmtseg.engine.model.tiles import tiles
from napari_mmtseg.errors import Cancelled, InputError
from napari_mmtseg.files.read import read_image
from napari_mmtseg.images.lazy import ArrayPart
from napari_mmtseg.images.stack import ImageStack, Location
from napari_mmtseg.progress import drain

if TYPE_CHECKING:
    from distributed import Client

    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

__all__ = ["RegionStep", "iter_label_on_cluster", "label_on_cluster"]

_BLOCK = 2048
"""Side in pixels of what is labelled at once; between two blocks a task can end."""


@dataclass(frozen=True)
class RegionStep:
    """Progress of an image.

    Attributes
    ----------
    n_done, n_regions : int
        Regions that have their labels, and all of them.
    index : tuple of int
        Slice of a stack in which a region has got its labels.
    window : tuple of slice
        Which region of it; empty in the first step.
    """

    n_done: int
    n_regions: int
    index: tuple[int, ...] = ()
    window: tuple[slice, ...] = ()


@dataclass(frozen=True)
class _RegionTask:
    job: RegionJob
    n_dims: int
    number: int
    index: tuple[int, ...]
    window: tuple[slice, ...]


def label_on_cluster(
    model: MutualMeanTeachingModel | str | Path,
    image: str | Path,
    out: str | Path,
    *,
    scheduler: str | Path | Client,
    region: int = 4096,
    axes: str | None = None,
    channel_axis: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Any:
    """Label an image that is too large for one machine on a Dask cluster.

    One task for each region: it reads its part of the image and a halo around, and
    writes its own chunks of the labels. Regions end where chunks do, so that no two
    tasks write to the same. The labels are those of :meth:`model.predict`. Workers
    and this process have to see the image and the labels under the same names.

    Parameters
    ----------
    model : MutualMeanTeachingModel or path-like
        The model, or its file.
    image : path-like
        File of the image; OME-Zarr, zarr and tiled or uncompressed TIFF are read part
        by part.
    out : path-like
        The zarr array to be. It appears when all of it is there; until then the labels
        are in a hidden folder beside it.
    scheduler : str, path-like or distributed.Client
        Address of a Dask scheduler, a scheduler file, or a client.
    region : int
        Side of a region in pixels, made a multiple of the chunks of 1024.
    axes, channel_axis : str, int, optional
        As for :func:`napari_mmtseg.files.read.read_image`.
    resume : bool
        Go on with what an earlier call has left, if there is any: regions that have
        their labels keep them.
    overwrite : bool
        Replace labels that are there.

    Returns
    -------
    zarr.Array
        The labels in the shape of the image without channels.

    Raises
    ------
    InputError
        If something of it cannot be, before the work.
    RuntimeError
        If a region cannot be labelled; those that are done are kept for `resume`.
    """
    return drain(
        iter_label_on_cluster(
            model,
            image,
            out,
            scheduler=scheduler,
            region=region,
            axes=axes,
            channel_axis=channel_axis,
            resume=resume,
            overwrite=overwrite,
        )
    )


def iter_label_on_cluster(
    model: MutualMeanTeachingModel | str | Path,
    image: str | Path,
    out: str | Path,
    *,
    scheduler: str | Path | Client,
    region: int = 4096,
    axes: str | None = None,
    channel_axis: int | None = None,
    resume: bool = False,
    overwrite: bool = False,
    should_cancel: Callable[[], bool] | None = None,
) -> Generator[RegionStep, None, Any]:
    """Do the same as :func:`label_on_cluster`, as a generator of progress.

    What is given is checked at once. ``close()`` ends the work, and keeps the regions
    that are done for `resume`.

    Parameters
    ----------
    model, image, out, scheduler, region, axes, channel_axis, resume, overwrite
        As for :func:`label_on_cluster`.
    should_cancel : callable, optional
        Asked often; once it returns True :class:`Cancelled` is raised, and the regions
        that are done are kept.

    Yields
    ------
    RegionStep
        One in the beginning, and one for each region that has got its labels.

    Returns
    -------
    zarr.Array
        The value of the generator's ``StopIteration``.

    Raises
    ------
    InputError, RuntimeError
        As for :func:`label_on_cluster`.
    """
    from napari_mmtseg.engine.model.fitted import load_model

    fitted = load_model(model) if isinstance(model, (str, Path)) else model
    content = model_content(model)
    job = RegionJob.planned(fitted, content, image, out, region, axes, channel_axis)
    job.check(resume=resume, overwrite=overwrite)
    _check_fit(fitted, _stack(job, fitted.n_dims))
    return _run(job, fitted, content, scheduler, resume, should_cancel)


def _check_fit(model: MutualMeanTeachingModel, stack: ImageStack) -> None:
    """Refuse what would fail in every region."""
    if stack.first.is_large:
        corner = tuple(slice(0, 1) for _ in stack.first.shape[1:])
        model.predict_window(stack.first, corner)
    elif model.settings.output == "regions":
        raise InputError(
            "Regions cannot be numbered slice by slice on several machines. Use a "
            "model with output=classes."
        )
    else:
        model.iter_labels(stack.array, axes=stack.axes).close()


def _run(
    job: RegionJob,
    model: MutualMeanTeachingModel,
    content: bytes,
    scheduler: str | Path | Client,
    resume: bool,
    should_cancel: Callable[[], bool] | None,
) -> Generator[RegionStep, None, Any]:
    regions = list(job.regions(_stack(job, model.n_dims)))
    n_done = n = len(regions)
    if resume and job.is_finished():
        yield RegionStep(n, n)
        return job.finished()
    with connected(scheduler) as client:
        is_cancelled = should_cancel or (lambda: False)
        ready = drain(waiting_for_workers(client, is_cancelled))
        if is_cancelled():
            raise Cancelled("The image was cancelled.")
        if not ready:
            raise RuntimeError(CONNECTION_LOST)
        job.begin(content, resume=resume)
        done = job.done()
        tasks = [
            _RegionTask(job, model.n_dims, number, *region)
            for number, region in enumerate(regions)
            if number not in done
        ]
        n_done = len(done)
        yield RegionStep(n_done, n)
        reports = iter_tasks(
            client,
            label_region,
            tasks,
            is_cancelled=is_cancelled,
            resources=gpu_resources(client, model.settings.device),
        )
        try:
            for report in reports:
                if report is None or report.status == "running":
                    continue
                task = report.task
                if report.status == "failed":
                    raise RuntimeError(
                        f"The region {task.window} {task.index} has no labels: "
                        f"{report.error} Regions that are done are kept: go on with "
                        "resume=True."
                    )
                n_done += 1
                yield RegionStep(n_done, n, task.index, task.window)
        finally:
            reports.close()
    if n_done < n:
        raise Cancelled("The image was cancelled; go on with resume=True.")
    job.finish()
    return job.finished()


def label_region(task: _RegionTask, is_given_up: Callable[[], bool]) -> None:
    """Label one region on a worker, and note that it is done.

    Raises
    ------
    Cancelled
        If it is given up.
    """
    model = _model(task.job)
    stack = _stack(task.job, task.n_dims)
    frame = stack.frame(task.index)
    labels = task.job.labels()
    if frame.is_large:
        sides = [*frame.shape[1:-2], _BLOCK, _BLOCK]
        for block in tiles(frame.shape[1:], sides, 0, task.window):
            if is_given_up():
                raise Cancelled
            found = model.predict_window(frame, block.core)
            labels[stack.place(Location(task.index, block.core))] = found.astype(
                labels.dtype
            )
    else:
        # As a slice of a stack, not as an image of its own.
        part = ArrayPart(stack.array, _kept(frame.index))
        place = _kept(stack.place(stack.whole(task.index)))
        found = np.empty(ArrayPart(labels, place).shape, np.int32)
        drain(model.iter_labels(part, axes=stack.axes, out=found), is_given_up)
        labels[place] = found.astype(labels.dtype)
    task.job.note(task.number)


def _kept(index: tuple[int | slice, ...]) -> tuple[slice, ...]:
    """Return an index of the same part that keeps all axes."""
    return tuple(i if isinstance(i, slice) else slice(i, i + 1) for i in index)


@lru_cache(maxsize=2)
def _model(job: RegionJob) -> MutualMeanTeachingModel:
    from napari_mmtseg.engine.model.fitted import load_model

    return load_model(job.model_path)


@lru_cache(maxsize=2)
def _stack(job: RegionJob, n_dims: int) -> ImageStack:
    image = read_image(job.image, channel_axis=job.channel_axis, axes=job.axes)
    return ImageStack.of(image.array, axes=image.axes, volumes=n_dims == 3)
