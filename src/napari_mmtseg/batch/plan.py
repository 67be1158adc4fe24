"""The plan of a batch: its images, and where their labels go."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from os import PathLike
from pathlib import Path

from napari_mmtseg.errors import Cancelled, InputError
from napari_mmtseg.files.atomic import PARTIAL
from napari_mmtseg.files.formats import FILE_FORMATS, IMAGE_SUFFIXES
from napari_mmtseg.images.channel_numbers import check_numbers
from napari_mmtseg.settings.fields import SegmentationSettings

MODES = ("one_model", "each")

MODEL_NAME = "mmtseg-model.safetensors"
SETTINGS_NAME = "mmtseg-settings.json"
JOURNAL_NAME = ".mmtseg-journal.jsonl"
SUMMARY_NAME = "mmtseg-summary.csv"
TABLES_NAME = "mmtseg-objects"

_OPTIONAL = ("fit_on", "axes", "channel_axis", "series")
"""Parts of a request that may be None."""

_SHOWN = 5
"""Number of names that an error lists."""


@dataclass(frozen=True)
class BatchRequest:
    """Request to label a folder of images.

    Attributes
    ----------
    source : path-like
        Folder of the images.
    target : path-like
        Folder of the labels; made if it does not exist.
    pattern : str
        Glob pattern of the images in `source`, such as ``"*.tif"`` or ``"**/*"``.
        Hidden files, and those that are not images by their endings, are left out.
    mode : {"one_model", "each"}
        One model for all images, so that a class is the same everywhere, or a model
        for each.
    model : path-like, optional
        Saved model to use in mode "one_model".
    fit_on : int, optional
        Number of images that the one model is fitted on, spread evenly over all; 16
        without it.
    settings : SegmentationSettings
        All settings.
    n_workers : int
        Processes that work side by side.
    resume : bool
        Go on with an earlier batch in `target`.
    overwrite : bool
        Replace existing label files.
    file_format : {"tif", "ome.tif", "png", "zarr"}
        Format of the label files; "tif" holds the same as "ome.tif".
    axes, channel_axis : str, int, optional
        Axes of the images as stored, if the files do not name them.
    measure : bool
        Measure every object, or every label, on the channels of its image: a table
        for each image in ``mmtseg-objects/``, and one of all, ``mmtseg-objects.csv``.
    series : int, optional
        Number of the image, from 0, in files that hold several; without it the one with
        the largest pages.
    channels : sequence of int, optional
        Numbers of the channels to use, from 0; all without it, or those that a saved
        model was fitted on.
    """

    source: Path
    target: Path
    pattern: str = "*"
    mode: str = "one_model"
    model: Path | None = None
    fit_on: int | None = None
    settings: SegmentationSettings = field(default_factory=SegmentationSettings)
    n_workers: int = 1
    resume: bool = False
    overwrite: bool = False
    file_format: str = "tif"
    axes: str | None = None
    channel_axis: int | None = None
    measure: bool = False
    series: int | None = None
    channels: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        if self.channels is not None:
            object.__setattr__(self, "channels", check_numbers(self.channels))
        for name in ("source", "target", "model"):
            value = getattr(self, name)
            if value is None and name == "model":
                continue
            if not isinstance(value, (str, PathLike)):
                raise InputError(f"{name}={value!r} is not the path of a file.")
            object.__setattr__(self, name, Path(value))
        for names, kind, words in (
            (("pattern", "mode", "file_format", "axes"), str, "a text"),
            (("fit_on", "channel_axis", "series"), int, "a whole number"),
            (("settings",), SegmentationSettings, "SegmentationSettings"),
        ):
            for name in names:
                value = getattr(self, name)
                is_left_out = value is None and name in _OPTIONAL
                if not (isinstance(value, kind) or is_left_out):
                    raise InputError(f"{name}={value!r} is not accepted: give {words}.")


@dataclass(frozen=True)
class BatchItem:
    """One image, named by its path in the folder, with "/", and its file of labels."""

    name: str
    image: Path
    labels: Path


@dataclass(frozen=True)
class BatchPlan:
    """Plan of a batch, with its images in the order of their names."""

    request: BatchRequest
    items: tuple[BatchItem, ...]

    @property
    def model_path(self) -> Path:
        """Path of the model of all images."""
        return self.request.target / MODEL_NAME

    @property
    def settings_path(self) -> Path:
        """Path of the settings."""
        return self.request.target / SETTINGS_NAME

    @property
    def summary_path(self) -> Path:
        """Path of the table of all images."""
        return self.request.target / SUMMARY_NAME

    @property
    def objects_path(self) -> Path:
        """Path of the table of all objects."""
        return self.request.target / f"{TABLES_NAME}.csv"

    def table_path(self, item: BatchItem) -> Path:
        """Return the path of the table of the objects of one image."""
        name = item.labels.relative_to(self.request.target)
        name = name.with_name(_stem(item.labels.name) + ".csv")
        return self.request.target / TABLES_NAME / name

    @property
    def journal_path(self) -> Path:
        """Path of the journal."""
        return self.request.target / JOURNAL_NAME


def plan_batch(
    request: BatchRequest, should_cancel: Callable[[], bool] | None = None
) -> BatchPlan:
    """Find the images of a batch and refuse impossible requests, before any work."""
    _check_options(request)
    source, target = request.source, request.target
    if not source.is_dir():
        what = "is a file" if source.exists() else "does not exist"
        raise InputError(
            f"{source} {what}: a batch takes a folder of images. For one image use "
            "`mmtseg segment` or napari_mmtseg.segment."
        )
    if target.exists() and not target.is_dir():
        raise InputError(f"{target} is a file; labels need a folder of their own.")
    if target.resolve() == source.resolve():
        raise InputError(
            f"{target} holds the images themselves. Name another folder for the "
            "labels; it is made if it does not exist."
        )
    if target.resolve() in source.resolve().parents:
        raise InputError(
            f"{target} holds the folder of the images, {source}. Name one for the "
            "labels that does not, such as a folder beside it."
        )
    suffix = FILE_FORMATS[request.file_format]
    items = []
    for path in sorted(_matching(request, should_cancel), key=lambda p: p.as_posix()):
        name = path.relative_to(source)
        labels = target / name.parent / (_stem(name.name) + suffix)
        items.append(BatchItem(name.as_posix(), path, labels))
    if not items:
        raise InputError(
            f"No image in {source} matches {request.pattern!r}. Images end in "
            f"{', '.join(IMAGE_SUFFIXES)}; ** stands for any folders, as in **/*.tif."
        )
    _refuse_collisions(items)
    plan = BatchPlan(request, tuple(items))
    if not request.resume and not request.overwrite:
        _refuse_existing(plan)
    return plan


def _check_options(request: BatchRequest) -> None:
    for name, value, accepted in (
        ("mode", request.mode, MODES),
        ("file_format", request.file_format, tuple(FILE_FORMATS)),
    ):
        if value not in accepted:
            raise InputError(
                f"{name}={value!r} is not accepted: give one of {', '.join(accepted)}."
            )
    if request.axes is not None:
        from napari_mmtseg.images.axes import parse_axes

        parse_axes(request.axes)
    for name, number in (("n_workers", request.n_workers), ("fit_on", request.fit_on)):
        if number is not None and number < 1:
            raise InputError(f"{name}={number} is not accepted: give at least 1.")
    if request.model is not None and request.fit_on is not None:
        raise InputError(
            "Give either an existing model or the number of images to fit one on."
        )
    if request.mode == "each" and (request.model or request.fit_on):
        raise InputError(
            "With a model for each image no model is shared: leave out the model and "
            "the number of images to fit it on."
        )
    if request.mode == "one_model" and request.settings.method != "mmt":
        raise InputError(
            f"method={request.settings.method} leaves no model that images could "
            "share. Use a model for each image (mode=each), or method=mmt."
        )
    if request.resume and request.overwrite:
        raise InputError(
            "Either go on with an earlier run (resume) or replace it (overwrite)."
        )


def _matching(
    request: BatchRequest, should_cancel: Callable[[], bool] | None
) -> Iterator[Path]:
    source, target = request.source, request.target.resolve()

    def check() -> None:
        if should_cancel is not None and should_cancel():
            raise Cancelled("The search for images was cancelled.")

    try:
        for path in matching_paths(source, request.pattern, _is_left_out, check):
            inside = path.relative_to(source)
            if (
                path.name.lower().endswith(IMAGE_SUFFIXES)
                and not path.name.startswith((".", PARTIAL))
                and not any(_is_left_out(part) for part in inside.parts[:-1])
                and (path.is_file() or path.name.lower().endswith(".zarr"))
                and target not in path.resolve().parents
            ):
                yield path
    except (ValueError, NotImplementedError) as error:
        raise InputError(
            f"{request.pattern!r} is not a pattern of file names in {source}: {error}. "
            "Examples: *.tif, or **/*.tif for all folders."
        ) from error


def _is_left_out(folder: str) -> bool:
    return folder.startswith((".", PARTIAL)) or folder.lower().endswith(".zarr")


def _stem(name: str) -> str:
    for ending in (".ome.tif", ".ome.tiff", ".ome.zarr"):
        if name.lower().endswith(ending):
            return name[: -len(ending)]
    return os.path.splitext(name)[0]


def _refuse_collisions(items: list[BatchItem]) -> None:
    sharing = defaultdict(list)
    for item in items:
        # Many file systems do not distinguish upper and lower case.
        sharing[str(item.labels).casefold()].append(item)
    several = [group for group in sharing.values() if len(group) > 1]
    if several:
        listed = "; ".join(
            f"{' and '.join(i.name for i in group)} both give {group[0].labels.name}"
            for group in several[:_SHOWN]
        )
        more = f" (and {len(several) - _SHOWN} more)" * (len(several) > _SHOWN)
        raise InputError(
            f"Label files would overwrite each other: {listed}{more}. Choose images of "
            "one kind with a pattern, such as *.tif."
        )


def results_there(plan: BatchPlan) -> list[str]:
    """Return the names of existing files that results of a batch would replace."""
    kept = (plan.model_path, plan.settings_path, plan.summary_path, plan.journal_path)
    there = [p.name for p in kept if p.exists()]
    labels = (item.labels for item in plan.items)
    return there + [path.name for path in labels if os.path.lexists(path)]


def first_names(names: Sequence[str], n: int) -> str:
    """Return the first `n` names in words, and how many there are beside them."""
    more = f" and {len(names) - n} more" * (len(names) > n)
    return ", ".join(names[:n]) + more


def _refuse_existing(plan: BatchPlan) -> None:
    there = results_there(plan)
    if there:
        raise InputError(
            f"{plan.request.target} holds results already: "
            f"{first_names(there, _SHOWN)}. Go on with them (resume=True), "
            "replace them (overwrite=True), or name another folder."
        )


_ANY_FOLDERS = "**/"


def matching_paths(
    folder: Path,
    pattern: str,
    is_left_out: Callable[[str], bool],
    check: Callable[[], None],
) -> Iterator[Path]:
    """Yield the paths that :meth:`pathlib.Path.glob` finds, each once."""
    before, recursive, after = pattern.partition(_ANY_FOLDERS)
    if not recursive or (before and not before.endswith("/")) or not after:
        for path in folder.glob(pattern):
            check()
            yield path
        return
    seen = set()
    for top in folder.glob(before) if before else [folder]:
        for place, folders, _ in os.walk(top):
            check()
            folders[:] = [name for name in folders if not is_left_out(name)]
            for path in matching_paths(Path(place), after, is_left_out, check):
                if path not in seen:
                    seen.add(path)
                    yield path
