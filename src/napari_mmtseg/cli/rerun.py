"""``mmtseg rerun``: repeat labels from their provenance, and compare."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from napari_mmtseg.cli.options import PATH, Decorator, output_options
from napari_mmtseg.cli.progress import Report, count, follow, percent, run_report
from napari_mmtseg.errors import InputError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from napari_mmtseg.files.provenance import Provenance
    from napari_mmtseg.files.read import ImageFile

DIFFERENT = 1
"""Exit code if the labels are not the same."""

_READING = ("channel_axis", "axes", "series", "channels")
"""Options of reading an image."""

_OTHER = {
    "image": "--image",
    "model": "--model",
    "scribbles": "--scribbles",
    "area": "--area",
}
"""Options that name files which lie elsewhere now."""


def _moved(name: str) -> Decorator:
    return click.option(
        _OTHER[name],
        f"{name}_path",
        type=PATH,
        metavar="FILE",
        help=f"Where the {name} lies now, if not where it was.",
    )


@click.argument("labels", type=PATH)
@click.option(
    "-o",
    "--output",
    "labels_path",
    type=PATH,
    metavar="FILE",
    help="Also write the repeated labels.",
)
@_moved("image")
@_moved("model")
@_moved("scribbles")
@_moved("area")
@output_options
def rerun(
    labels: Path,
    labels_path: Path | None,
    image_path: Path | None,
    model_path: Path | None,
    scribbles_path: Path | None,
    area_path: Path | None,
    overwrite: bool,
    quiet: bool,
) -> int:
    """Repeat the label file LABELS from what it says of itself, and compare.

    Image, model, scribbles, area and settings are those that LABELS names; files must
    be the same. On the same machine and with the same software every pixel is equal;
    the exit code is 1 if one is not.
    """
    from napari_mmtseg.cli import image_files
    from napari_mmtseg.files.provenance import read_provenance
    from napari_mmtseg.segmentation.of_file import provenance_of, settings_of

    about = read_provenance(labels)
    given = {
        "image": image_path,
        "model": model_path,
        "scribbles": scribbles_path,
        "area": area_path,
    }
    files = _files(labels, about, given)
    if labels_path is not None:
        main = files.get("image") or files["labels"]
        image_files.check_outputs(main, labels_path, None, overwrite)
        if labels_path.resolve() == labels.resolve():
            raise InputError(f"{labels} is what is repeated. Give another name.")
    changes, options = settings_of(about), dict(about.options)
    again = provenance_of(about.command, labels_path or labels, files, **options)
    for line in _other_software(about, again):
        click.echo(f"Note: {line}", err=True)
    steps = _repeated(labels, about, files)
    found, source = follow(steps, _report, quiet=quiet)
    if labels_path is not None:
        output = changes.get("output", "classes")
        image_files.write_labels(labels_path, found, output, source, overwrite, again)
    return _compare(labels, found, source)


def _files(
    labels: Path, about: Provenance, given: Mapping[str, Path | None]
) -> dict[str, Path]:
    """Find the files that labels were made from, and check that they are the same."""
    found = {}
    for name, stamp in about.files.items():
        path = given.get(name) or stamp.find(labels.parent)
        if path is None:
            advice = f" Say where it lies now: {_OTHER[name]} FILE." * (name in _OTHER)
            raise InputError(
                f"{labels} was made from the {name} {stamp.name}, which is neither "
                f"{labels.parent / stamp.path} nor in the folder of the labels.{advice}"
            )
        if not path.exists():
            raise InputError(f"There is no file {path}.")
        if not stamp.is_same(path):
            raise InputError(
                f"{path} is not the {name} that {labels} was made from: it has another "
                f"content. Give the right one with {_OTHER.get(name, 'its old name')}."
            )
        found[name] = path
    for name, path in given.items():
        if path is not None and name not in about.files:
            raise InputError(f"{labels} was made without {name}. Leave out {path}.")
    return found


def _repeated(
    labels: Path, about: Provenance, files: Mapping[str, Path]
) -> Generator[Any, Any, tuple[NDArray[Any], ImageFile]]:
    """Do the same work as the command has done; returns its labels."""
    from napari_mmtseg.cli import image_files
    from napari_mmtseg.cli.objects import iter_objects_file, read_labels
    from napari_mmtseg.segmentation import of_file
    from napari_mmtseg.settings.fields import SegmentationSettings

    options, changes = about.options, of_file.settings_of(about)
    try:
        settings = SegmentationSettings(**changes)
    except (InputError, TypeError) as error:
        release = about.made_with.get("napari-mmtseg")
        raise InputError(
            f"{labels} was made by napari-mmtseg {release}, with settings that this "
            f"release does not have: {error} Repeat it with that release."
        ) from error
    if about.command == "objects":
        source = read_labels(files["labels"])
        objects = yield from iter_objects_file(
            source,
            files.get("image"),
            options.get("classes", ()),
            bool(options.get("volumes")),
            settings,
        )
        return objects.labels, source
    source = image_files.read(
        files["image"],
        *(options.get(name) for name in _READING),
    )
    if about.command == "apply":
        model = of_file.load_changed(files["model"], changes)
        steps = of_file.iter_apply_file(source, model, options.get("n_labels"))
        return (yield from steps), source
    start = None
    if "model" in files:
        start = of_file.load_changed(files["model"], {})
    result = yield from of_file.iter_segment_file(
        source,
        settings,
        area=image_files.read_painted(files.get("area")),
        scribbles=image_files.read_painted(files.get("scribbles")),
        model=start,
    )
    return result.labels, source


def _report(step: Any) -> Report:
    if isinstance(step, float):
        return percent("labels (%)")(step)
    return run_report(step)


def _other_software(before: Provenance, now: Provenance) -> list[str]:
    """List versions and processors other than those that labels were made with."""
    return [
        f"the labels were made with {name} {was}, here is {now.made_with.get(name)}; "
        "some pixels may differ."
        for name, was in before.made_with.items()
        if was != now.made_with.get(name)
    ]


def _compare(labels: Path, found: NDArray[Any], source: ImageFile) -> int:
    """Say whether labels are the same as those of a file, and return the exit code."""
    import numpy as np

    from napari_mmtseg.files.provenance import LABEL_GROUP
    from napari_mmtseg.files.read import read_image
    from napari_mmtseg.files.write import file_order

    inside = labels / "labels" / LABEL_GROUP if labels.is_dir() else labels
    before = read_image(inside).array
    found = found.transpose(file_order(source.label_axes))
    if before.shape != found.shape:
        sizes = (" x ".join(map(str, a.shape)) for a in (before, found))
        click.echo(f"{labels}: {{}} pixels before, {{}} now".format(*sizes))
        return DIFFERENT
    n = sum(
        int(np.count_nonzero(np.asarray(before[i]) != found[i]))
        for i in range(len(found))
    )
    if n:
        click.echo(
            f"{labels}: {n} of {found.size} pixels differ ({n / found.size:.2%})"
        )
        return DIFFERENT
    click.echo(f"{labels}: repeated, all {count(found.size, 'pixel')} are equal")
    return 0
