"""One large image on the workers of a Dask cluster, block by block."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_mmtseg.batch.cluster.blocks import (
    CHUNK,
    Block,
    BlockJob,
    image_stack,
    label_block,
)
from napari_mmtseg.batch.cluster.connection import check_scheduler
from napari_mmtseg.batch.cluster.executor import run_on_cluster
from napari_mmtseg.batch.model import read_model
from napari_mmtseg.batch.runner import Hooks
from napari_mmtseg.errors import InputError, import_extra
from napari_mmtseg.progress import drain

if TYPE_CHECKING:
    from distributed import Client

    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel


@dataclass(frozen=True)
class BlockStep:
    """Progress of an image.

    Attributes
    ----------
    n_done, n_blocks : int
        Blocks that have their labels, and all of them.
    index : tuple of int
        Slice of a stack in which a block has got its labels.
    window : tuple of slice
        The pixels of that block; empty in the first step.
    """

    n_done: int
    n_blocks: int
    index: tuple[int, ...] = ()
    window: tuple[slice, ...] = ()


def label_on_cluster(
    model: MutualMeanTeachingModel | str | Path,
    image: str | Path,
    out: str | Path,
    *,
    scheduler: str | Path | Client,
    region: int = 4096,
    axes: str | None = None,
    channel_axis: int | None = None,
    series: int | None = None,
    channels: Sequence[int] | None = None,
    resume: bool = False,
    overwrite: bool = False,
) -> Any:
    """Label an image that is too large for one machine on a Dask cluster.

    Each block is one task: it reads its part of the image and a halo around, and
    writes its own chunks of the labels. Blocks end at the borders of chunks, so that
    no two tasks write to the same. The labels are those of :meth:`model.predict`.
    Workers and this process must see the image and the labels under the same names.

    Parameters
    ----------
    model : MutualMeanTeachingModel or path-like
        The model, or its file.
    image : path-like
        File of the image; OME-Zarr, zarr and tiled or uncompressed TIFF are read part
        by part.
    out : path-like
        The zarr array to make. It appears when it is complete; until then the labels
        are in a hidden folder beside it.
    scheduler : str, path-like or distributed.Client
        Address of a Dask scheduler, a scheduler file, or a client.
    region : int
        Side of a block in pixels, rounded up to a multiple of the chunks of 1024.
    axes, channel_axis, series, channels : str, int, int, sequence of int, optional
        As for :func:`napari_mmtseg.files.read.read_image`.
    resume : bool
        Go on with what an earlier call has left, if anything: blocks that have their
        labels keep them.
    overwrite : bool
        Replace existing labels.

    Returns
    -------
    zarr.Array
        The labels, in the shape of the image without channels.

    Raises
    ------
    InputError
        If the image cannot be labelled so; raised before the work.
    RuntimeError
        If a block cannot be labelled; those that are done are kept for `resume`.
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
            series=series,
            channels=channels,
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
    series: int | None = None,
    channels: Sequence[int] | None = None,
    resume: bool = False,
    overwrite: bool = False,
    should_cancel: Callable[[], bool] | None = None,
) -> Generator[BlockStep, None, Any]:
    """Do the same as :func:`label_on_cluster`, as a generator of progress.

    The arguments are checked at once. ``close()`` ends the work, and keeps the blocks
    that are done for `resume`.

    Parameters
    ----------
    model, image, out, scheduler, region, resume, overwrite
        As for :func:`label_on_cluster`.
    axes, channel_axis, series, channels
        As for :func:`label_on_cluster`.
    should_cancel : callable, optional
        Called often; once it returns True :class:`Cancelled` is raised, and the blocks
        that are done are kept.

    Yields
    ------
    BlockStep
        One in the beginning, and one for each block that has got its labels.

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

    import_extra("zarr")
    if isinstance(region, bool) or not isinstance(region, int) or region < 1:
        raise InputError(
            f"region={region!r} is not accepted: give the side of a block in pixels, "
            f"such as {4 * CHUNK}."
        )
    fitted = load_model(model) if isinstance(model, (str, Path)) else model
    content = _content(model)
    job = BlockJob.planned(
        fitted, content, image, out, region, axes, channel_axis, series, channels
    )
    job.check(resume=resume, overwrite=overwrite)
    _check_fit(fitted, job)
    return _run(
        job, fitted, content, scheduler, resume, should_cancel or (lambda: False)
    )


def _content(model: MutualMeanTeachingModel | str | Path) -> bytes:
    """Return the content of the file of a model."""
    if isinstance(model, (str, Path)):
        return read_model(Path(model))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        model.save(path)
        return path.read_bytes()


def _check_fit(model: MutualMeanTeachingModel, job: BlockJob) -> None:
    """Refuse an image and a model that would fail in every block."""
    stack = image_stack(job, model.n_dims)
    if stack.first.is_large:
        corner = tuple(slice(0, 1) for _ in stack.first.shape[1:])
        model.predict_window(stack.first, corner)
    elif model.settings.output != "classes":
        raise InputError(
            "Regions and objects cannot be numbered slice by slice on several "
            "machines. Use a model with output=classes."
        )
    else:
        model.iter_labels(stack.array, axes=stack.axes).close()


def _run(
    job: BlockJob,
    model: MutualMeanTeachingModel,
    content: bytes,
    scheduler: str | Path | Client,
    resume: bool,
    should_cancel: Callable[[], bool],
) -> Generator[BlockStep, None, Any]:
    blocks = list(Block.all_of(job, model.n_dims))
    n = len(blocks)
    if resume and job.is_finished():
        yield BlockStep(n, n)
        return job.finished()
    check_scheduler(scheduler)
    done = job.begin(content, resume=resume)
    blocks = [block for block in blocks if block.name not in done]
    n_done = n - len(blocks)
    yield BlockStep(n_done, n)
    device, hooks = model.settings.device, Hooks[Block](should_cancel)
    reports = run_on_cluster(scheduler, device, label_block, blocks, job.folder, hooks)
    with closing(reports):
        for report in reports:
            if report is None or report.status == "running":
                continue
            block = report.task
            if report.status == "failed":
                raise RuntimeError(
                    f"The block {block.window} {block.index} has no labels: "
                    f"{report.error} Blocks that are done are kept: go on with "
                    "resume=True."
                )
            job.journal.add({"name": block.name, "status": "done"})
            n_done += 1
            yield BlockStep(n_done, n, block.index, block.window)
    job.finish()
    return job.finished()
