"""Blocks of a large image: planned, labelled on a worker, and put together."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mmtseg.batch.journal import Journal, differences, read_journal
from napari_mmtseg.batch.model import digest
from napari_mmtseg.errors import Cancelled, InputError, import_extra
from napari_mmtseg.files.atomic import (
    PARTIAL,
    check_apart,
    check_output,
    write_atomically,
)
from napari_mmtseg.files.read import read_image
from napari_mmtseg.files.write_zarr import check_zarr_output
from napari_mmtseg.images.lazy import ArrayPart
from napari_mmtseg.images.stack import ImageStack, Location
from napari_mmtseg.images.tiles import tiles
from napari_mmtseg.progress import drain

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

CHUNK = 1024
"""Side in pixels of the chunks of the labels."""

_PART = 2048
"""Side in pixels of the parts between which a worker can give up."""

_NAME = "mmtseg"
"""Attribute of the finished array that holds the fields of its job."""


@dataclass(frozen=True)
class BlockJob:
    """A large image to label in blocks, its model and its labels.

    Until the labels are whole, a hidden folder beside them holds the model, the array,
    and a journal with these fields and the blocks that are done.
    """

    image: str
    out: str
    axes: str | None
    channel_axis: int | None
    shape: tuple[int, ...]
    dtype: str
    region: int
    model: str
    modified: int
    series: int | None = None
    channels: tuple[int, ...] | None = None

    @classmethod
    def planned(
        cls,
        model: MutualMeanTeachingModel,
        content: bytes,
        image: str | Path,
        out: str | Path,
        side: int,
        axes: str | None,
        channel_axis: int | None,
        series: int | None = None,
        channels: Sequence[int] | None = None,
    ) -> BlockJob:
        """Plan the labels of an image."""
        values = model.label_values
        largest = model.settings.max_labels if values is None else int(values.max())
        file = read_image(
            image,
            channel_axis=channel_axis,
            axes=axes,
            series=series,
            channels=channels,
        )
        stack = ImageStack.of(file.array, axes=file.axes, volumes=model.n_dims == 3)
        return cls(
            str(Path(image).absolute()),
            str(Path(out).absolute()),
            axes,
            channel_axis,
            stack.shape,
            np.min_scalar_type(largest).name,
            -(-side // CHUNK) * CHUNK,
            digest(content),
            # The time of a folder changes with what is put into it.
            Path(image).stat().st_mtime_ns if Path(image).is_file() else 0,
            series,
            None if channels is None else tuple(channels),
        )

    @property
    def folder(self) -> Path:
        """The hidden folder."""
        out = Path(self.out)
        return out.with_name(f"{PARTIAL}{out.name}")

    @property
    def journal(self) -> Journal:
        """The journal in the hidden folder."""
        return Journal(self.folder / "journal.jsonl", asdict(self))

    @property
    def model_path(self) -> Path:
        """Path of the model for the workers."""
        return self.folder / "model.safetensors"

    def check(self, *, resume: bool, overwrite: bool) -> None:
        """Refuse to replace labels without `overwrite`, and to resume other ones."""
        out = Path(self.out)
        check_apart(out, Path(self.image))
        check_zarr_output(out, overwrite=True)
        if resume:
            before = self._begun() or self._finished()
            if before is None and out.exists() and not overwrite:
                raise InputError(
                    f"{out} was not made block by block, so it cannot be resumed. Give "
                    "another name, or overwrite=True."
                )
            if before and (different := differences(before, self.journal.about)):
                raise InputError(
                    f"The labels {out} were begun with other settings: {different}. "
                    "Give the same, another name, or overwrite=True instead of "
                    "resume=True."
                )
        elif (out.exists() or self.folder.exists()) and not overwrite:
            raise InputError(
                f"{out} exists, or was begun. Go on with it (resume=True), "
                "replace it (overwrite=True), or give another name."
            )
        if not self.folder.exists():
            check_output(self.folder)

    def is_finished(self) -> bool:
        """Return whether the labels exist, made by an equal job."""
        return self._finished() == self.journal.about

    def begin(self, content: bytes, *, resume: bool) -> set[str]:
        """Make or resume the hidden folder; return names of blocks that are done."""
        journal = self.journal
        if resume and journal.path.exists():
            return {str(line.get("name")) for line in read_journal(journal.path)[1]}
        shutil.rmtree(self.folder, ignore_errors=True)
        try:
            self.folder.mkdir(parents=True)
        except OSError as error:
            raise InputError(
                f"The folder {self.folder} cannot be made: {error.strerror}."
            ) from error
        write_atomically(self.model_path, content)
        chunks = [1] * len(self.shape)
        chunks[-2:] = [min(CHUNK, n) for n in self.shape[-2:]]
        import_extra("zarr").create_array(
            str(self.folder / "labels"),
            shape=self.shape,
            chunks=tuple(chunks),
            dtype=self.dtype,
            attributes={_NAME: journal.about},
        )
        journal.start()  # last: with a journal the folder is complete
        return set()

    def labels(self) -> Any:
        """Open the labels for writing."""
        return import_extra("zarr").open_array(str(self.folder / "labels"), mode="r+")

    def finish(self) -> None:
        """Let the labels appear, and remove the hidden folder."""
        out = Path(self.out)
        if out.exists():
            out.rename(self.folder / "replaced")
        (self.folder / "labels").rename(out)
        shutil.rmtree(self.folder, ignore_errors=True)

    def finished(self) -> Any:
        """Open the finished labels."""
        return import_extra("zarr").open_array(self.out, mode="r")

    def _begun(self) -> dict[str, Any] | None:
        if self.journal.path.exists():
            return dict(read_journal(self.journal.path)[0].get("about", {}))
        if (self.folder / "job.json").exists():
            raise InputError(
                f"The labels {self.out} were begun by an earlier version and cannot be "
                "resumed. Begin again (overwrite=True), or give another "
                "name."
            )
        return None

    def _finished(self) -> dict[str, Any] | None:
        if not (Path(self.out) / "zarr.json").is_file():
            return None
        values: dict[str, Any] | None = dict(self.finished().attrs).get(_NAME)
        return values


@dataclass(frozen=True)
class Block:
    """One block, as a task for a worker."""

    job: BlockJob
    n_dims: int
    name: str
    index: tuple[int, ...]
    window: tuple[slice, ...]

    @classmethod
    def all_of(cls, job: BlockJob, n_dims: int) -> Iterator[Block]:
        """Yield all blocks of an image; a frame that is not large is one block."""
        stack = image_stack(job, n_dims)
        shape = stack.first.shape[1:]
        side = list(shape)
        if stack.first.is_large:
            side[-2:] = [job.region] * 2
        parts = [tile.core for tile in tiles(shape, side, 0)]
        places = ((index, part) for index in stack.indices() for part in parts)
        for number, (index, part) in enumerate(places):
            yield cls(job, n_dims, str(number), index, part)


def label_block(block: Block, should_cancel: Callable[[], bool]) -> None:
    """Label one block on a worker."""
    model = _model(block.job)
    stack = image_stack(block.job, block.n_dims)
    frame = stack.frame(block.index)
    labels = block.job.labels()
    if frame.is_large:
        sides = [*frame.shape[1:-2], _PART, _PART]
        for part in tiles(frame.shape[1:], sides, 0, block.window):
            if should_cancel():
                raise Cancelled
            found = model.predict_window(frame, part.core)
            here = Location(block.index, part.core)
            labels[stack.place(here)] = found.astype(labels.dtype)
    else:
        # As a slice of a stack, not as an image of its own.
        image = ArrayPart(stack.array, _kept(frame.index))
        place = _kept(stack.place(stack.whole(block.index)))
        found = np.empty(ArrayPart(labels, place).shape, np.int32)
        drain(model.iter_labels(image, axes=stack.axes, out=found), should_cancel)
        labels[place] = found.astype(labels.dtype)


def _kept(index: tuple[int | slice, ...]) -> tuple[slice, ...]:
    """Return an index of the same part that keeps all axes."""
    return tuple(i if isinstance(i, slice) else slice(i, i + 1) for i in index)


@lru_cache(maxsize=2)
def _model(job: BlockJob) -> MutualMeanTeachingModel:
    from napari_mmtseg.engine.model.fitted import load_model

    return load_model(job.model_path)


@lru_cache(maxsize=2)
def image_stack(job: BlockJob, n_dims: int) -> ImageStack:
    """Open the image of a job."""
    image = read_image(
        job.image,
        channel_axis=job.channel_axis,
        axes=job.axes,
        series=job.series,
        channels=job.channels,
    )
    return ImageStack.of(image.array, axes=image.axes, volumes=n_dims == 3)
