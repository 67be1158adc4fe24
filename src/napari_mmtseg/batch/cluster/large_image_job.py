"""A large image that is labelled region by region, and what of it is done."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_mmtseg.engine.model.tiles import tiles
from napari_mmtseg.errors import InputError, import_extra
from napari_mmtseg.files.atomic import (
    PARTIAL,
    check_apart,
    check_output,
    write_atomically,
)
from napari_mmtseg.files.read import read_image
from napari_mmtseg.files.write_zarr import check_zarr_output
from napari_mmtseg.images.stack import ImageStack

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

__all__ = ["RegionJob", "model_content"]

_CHUNK = 1024
_NAME = "mmtseg"
"""Attribute of the finished array that tells what it was made of."""

Region = tuple[tuple[int, ...], tuple[slice, ...]]


@dataclass(frozen=True)
class RegionJob:
    """What is labelled, with what, and where to.

    All of it is in a hidden folder beside the labels until these are whole: the model,
    the array, and an empty file for every region that is done.

    Attributes
    ----------
    image, out : str
        Where the image is and the labels will be.
    axes : str or None
        As for :func:`~napari_mmtseg.files.read.read_image`.
    channel_axis : int or None
        The same.
    shape : tuple of int
        Of the labels.
    dtype : str
        Theirs.
    region : int
        Side of a region in pixels, a multiple of the chunks.
    model : str
        Digest of the model.
    modified : int
        When the image was changed last, where it is a file.
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

    @classmethod
    def planned(
        cls,
        model: MutualMeanTeachingModel,
        content: bytes,
        image: str | Path,
        out: str | Path,
        region: int,
        axes: str | None,
        channel_axis: int | None,
    ) -> RegionJob:
        """Look at an image and plan its regions.

        Parameters
        ----------
        model : MutualMeanTeachingModel
            Labels it.
        content : bytes
            The same as a file.
        image, out, region, axes, channel_axis
            As for :func:`~napari_mmtseg.batch.cluster.large_image.label_on_cluster`.

        Raises
        ------
        InputError
            If the image cannot be read or `region` is no size.
        """
        import_extra("zarr")
        if isinstance(region, bool) or not isinstance(region, int) or region < 1:
            raise InputError(
                f"region={region!r} is no side of a region. Give a number of pixels, "
                f"such as {4 * _CHUNK}."
            )
        values = model.label_values
        largest = model.settings.max_labels if values is None else int(values.max())
        file = read_image(image, channel_axis=channel_axis, axes=axes)
        stack = ImageStack.of(file.array, axes=file.axes, volumes=model.n_dims == 3)
        return cls(
            str(Path(image).absolute()),
            str(Path(out).absolute()),
            axes,
            channel_axis,
            stack.shape,
            np.min_scalar_type(largest).name,
            -(-region // _CHUNK) * _CHUNK,
            blake2b(content, digest_size=16).hexdigest(),
            # A folder changes with what is put into it.
            Path(image).stat().st_mtime_ns if Path(image).is_file() else 0,
        )

    @property
    def _folder(self) -> Path:
        out = Path(self.out)
        return out.with_name(f"{PARTIAL}{out.name}")

    @property
    def model_path(self) -> Path:
        """Where the workers find the model."""
        return self._folder / "model.safetensors"

    def regions(self, stack: ImageStack) -> Iterator[Region]:
        """Yield index and window of every region.

        Parameters
        ----------
        stack : ImageStack
            The image. Of a small frame all is one region: it is looked at as a whole.
        """
        shape = stack.first.shape[1:]
        side = list(shape)
        if stack.first.is_large:
            side[-2:] = [self.region] * 2
        for index in stack.indices():
            for tile in tiles(shape, side, 0):
                yield index, tile.core

    def check(self, *, resume: bool, overwrite: bool) -> None:
        """Refuse what is there already and not meant.

        Raises
        ------
        InputError
            If there are labels, or a part of them, and neither is asked for; if those
            to go on with are others; or if something else would be replaced.
        """
        out = Path(self.out)
        check_apart(out, Path(self.image))
        check_zarr_output(out, overwrite=True)
        if resume:
            before = self._about() or self._finished()
            if before is not None and before != self._values():
                other = sorted(
                    name
                    for name, value in self._values().items()
                    if before.get(name) != value
                )
                raise InputError(
                    f"The labels {out} were begun with another "
                    f"{' and another '.join(other)}. Give the same, another name, or "
                    "overwrite=True instead of resume=True."
                )
            if before is None and out.exists() and not overwrite:
                raise InputError(
                    f"{out} was not made region by region, so there is nothing to go "
                    "on with. Give another name, or overwrite=True."
                )
        elif (out.exists() or self._folder.exists()) and not overwrite:
            raise InputError(
                f"{out} exists, or was begun. Go on with it (--resume, resume=True), "
                "replace it (--overwrite, overwrite=True), or give another name."
            )
        if not self._folder.exists():
            check_output(self._folder)

    def is_finished(self) -> bool:
        """Whether the labels are there, made of the same."""
        return self._finished() == self._values()

    def begin(self, content: bytes, *, resume: bool) -> None:
        """Make what the workers need; without `resume` anew.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        if resume and self._about() is not None:
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        try:
            (self._folder / "done").mkdir(parents=True)
        except OSError as error:
            raise InputError(
                f"The folder {self._folder} cannot be made: {error.strerror}."
            ) from error
        write_atomically(self.model_path, content)
        chunks = [1] * len(self.shape)
        chunks[-2:] = [min(_CHUNK, n) for n in self.shape[-2:]]
        zarr = import_extra("zarr")
        zarr.create_array(
            str(self._folder / "labels"),
            shape=self.shape,
            chunks=tuple(chunks),
            dtype=self.dtype,
            attributes={_NAME: self._values()},
        )
        # Last: what is there can be gone on with.
        write_atomically(self._folder / "job.json", json.dumps(self._values()).encode())

    def labels(self) -> Any:
        """Open the labels for writing."""
        return import_extra("zarr").open_array(str(self._folder / "labels"), mode="r+")

    def note(self, number: int) -> None:
        """Keep in mind that a region is done."""
        (self._folder / "done" / str(number)).touch()

    def done(self) -> set[int]:
        """Return the numbers of regions that are done."""
        return {int(path.name) for path in (self._folder / "done").iterdir()}

    def finish(self) -> None:
        """Let the labels appear, and take the folder away."""
        out = Path(self.out)
        if out.exists():
            out.rename(self._folder / "replaced")
        (self._folder / "labels").rename(out)
        shutil.rmtree(self._folder, ignore_errors=True)

    def finished(self) -> Any:
        """Open the labels that have appeared."""
        return import_extra("zarr").open_array(self.out, mode="r")

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return values

    def _about(self) -> dict[str, Any] | None:
        try:
            values: dict[str, Any] = json.loads(
                (self._folder / "job.json").read_text("utf-8")
            )
        except FileNotFoundError:
            return None
        return values

    def _finished(self) -> dict[str, Any] | None:
        if not (Path(self.out) / "zarr.json").is_file():
            return None
        values: dict[str, Any] | None = dict(self.finished().attrs).get(_NAME)
        return values


def model_content(model: MutualMeanTeachingModel | str | Path) -> bytes:
    """Return what the file of a model holds."""
    if isinstance(model, (str, Path)):
        return Path(model).read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "model.safetensors")
        model.save(path)
        return path.read_bytes()
