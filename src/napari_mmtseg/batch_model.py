"""The one model of a batch: a saved one, a fitted one, or that of an earlier run."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from napari_mmtseg.batch_fitting import fit_batch
from napari_mmtseg.batch_item import FREE_SETTINGS
from napari_mmtseg.batch_journal import Past
from napari_mmtseg.batch_plan import BatchPlan
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import write_atomically
from napari_mmtseg.progress import SegmentationStep
from napari_mmtseg.settings.fields import SegmentationSettings, parameters

__all__ = ["SavedModel", "check_past_model", "digest", "make_model", "settings_with"]


@dataclass(frozen=True)
class SavedModel:
    """A model that a batch was given.

    Attributes
    ----------
    content : bytes
        The file.
    digest : str
        Tells it from others.
    """

    content: bytes
    digest: str

    @classmethod
    def read(cls, path: Path) -> SavedModel:
        """Read the file.

        Raises
        ------
        InputError
            If it cannot be read.
        """
        try:
            content = path.read_bytes()
        except OSError as error:
            raise InputError(
                f"The model {path} cannot be read: {error.strerror}."
            ) from error
        return cls(content, _digest(content))


def digest(path: Path) -> str:
    """Return what tells the model in a file from others; empty without a file."""
    try:
        return _digest(path.read_bytes())
    except OSError:
        return ""


def settings_with(path: Path, asked: SegmentationSettings) -> SegmentationSettings:
    """Return the settings that a saved model labels with.

    Parameters
    ----------
    path : Path
        Its file.
    asked : SegmentationSettings
        Those of the model with some of them changed, or changes of the usual ones.

    Raises
    ------
    InputError
        If the file is no model, or a setting is asked for that fitting has settled.
    """
    from napari_mmtseg.engine.model.fitted import load_model

    fitted = load_model(path).settings
    values = fitted.to_dict()
    settled = {name: values[name] for name in parameters() if name not in FREE_SETTINGS}
    changes = asked.to_dict()
    if any(changes[name] != value for name, value in settled.items()):
        usual = SegmentationSettings().to_dict()
        changes = {n: v for n, v in changes.items() if v != usual[n]}
        if changes.get("max_labels") == changes.get("n_labels"):
            changes.pop("max_labels", None)  # which follows the other
    other = [n for n in settled if n in changes and changes[n] != settled[n]]
    if other:
        listed = ", ".join(f"{n}={values[n]}, not {changes[n]}" for n in other)
        raise InputError(
            f"The model {path} was fitted with {listed}, and that stays. Settings that "
            f"are accepted with a saved model: {', '.join(FREE_SETTINGS)}."
        )
    free = {n: changes[n] for n in FREE_SETTINGS if changes.get(n) is not None}
    return fitted.replace(**free)


def check_past_model(plan: BatchPlan, past: Past) -> None:
    """Refuse to go on without the model that has made the labels that are there.

    Raises
    ------
    InputError
        If its file is gone or holds another one.
    """
    if len(past.done) in (0, len(plan.items)) or digest(plan.model_path) == past.model:
        return
    what = "has given way to another" if plan.model_path.exists() else "is gone"
    raise InputError(
        f"{plan.model_path}, the model of the labels that are there, {what}. Put it "
        "back, begin anew (--overwrite, overwrite=True), or name another folder."
    )


def make_model(
    plan: BatchPlan,
    past: Past,
    saved: SavedModel | None,
    should_cancel: Callable[[], bool] | None,
) -> Generator[SegmentationStep, None, None]:
    """Put the model where it is kept.

    Yields
    ------
    SegmentationStep
        While one is fitted.
    """
    there = digest(plan.model_path)
    if there and there == (past.model if saved is None else saved.digest):
        return
    if saved is not None:
        write_atomically(plan.model_path, saved.content, overwrite=True)
        return
    model = yield from fit_batch(plan, should_cancel)
    model.save(plan.model_path, overwrite=True)


def _digest(content: bytes) -> str:
    return blake2b(content, digest_size=16).hexdigest()
