"""What came of the images of a batch, and the journal that it is kept in."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from napari_mmtseg.batch_plan import BatchItem, BatchPlan
from napari_mmtseg.errors import InputError
from napari_mmtseg.extras import import_extra
from napari_mmtseg.files import write_atomically, written_whole

__all__ = ["BatchRecord", "Journal", "write_summary"]

_FORMAT = "napari-mmtseg batch"
_VERSION = 1


@dataclass(frozen=True)
class BatchRecord:
    """What came of one image.

    Attributes
    ----------
    item : BatchItem
        The image.
    status : {"waiting", "running", "done", "failed", "skipped", "cancelled"}
        "skipped": done in an earlier run.
    seconds : float
        Time that it took, reading and writing included.
    n_labels : int
        Number of different labels.
    shape : tuple of int
        Of the labels.
    pixels : dict of int
        Number of pixels by label, of labels that are classes.
    error : str
        Why it failed.
    """

    item: BatchItem
    status: str
    seconds: float = 0.0
    n_labels: int = 0
    shape: tuple[int, ...] = ()
    pixels: Mapping[int, int] = field(default_factory=dict)
    error: str = ""


class Journal:
    """Notes what is done, line by line, so that nothing of it is done again.

    Parameters
    ----------
    plan : BatchPlan
        Whose journal it is.
    about : mapping
        What has to be the same for a run to go on with an earlier one, by name.
    """

    def __init__(self, plan: BatchPlan, about: Mapping[str, Any]) -> None:
        self._path = plan.journal_path
        self._plan = plan
        self._about = json.loads(json.dumps(dict(about)))

    def begin(self) -> None:
        """Start anew.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        first = {"format": _FORMAT, "version": _VERSION, "about": self._about}
        line = json.dumps(first) + "\n"
        write_atomically(self._path, line.encode(), overwrite=True)

    def done_before(self) -> dict[str, BatchRecord]:
        """Return the records of images that are done, by name.

        Raises
        ------
        InputError
            If the earlier run was another one.
        """
        try:
            lines = self._path.read_text("utf-8").splitlines()
        except FileNotFoundError:
            raise InputError(
                f"{self._path.parent} holds no batch to go on with. Leave out --resume "
                "(resume)."
            ) from None
        except OSError as error:
            raise InputError(
                f"{self._path} cannot be read: {error.strerror}."
            ) from error
        first = _parsed(lines[0]) if lines else None
        if first is None or first.get("format") != _FORMAT:
            raise InputError(f"{self._path} is not the journal of a batch.")
        self._compare(first.get("about", {}))
        items = {item.name: item for item in self._plan.items}
        records = {}
        for line in lines[1:]:
            values = _parsed(line)  # None for a line that was cut off
            item = None if values is None else items.get(values.get("name", ""))
            if values is None or item is None or values.get("status") != "done":
                continue
            if os.path.lexists(item.labels):
                records[item.name] = BatchRecord(
                    item,
                    "skipped",
                    float(values["seconds"]),
                    int(values["n_labels"]),
                    tuple(values["shape"]),
                    {int(k): int(v) for k, v in values["pixels"].items()},
                )
        return records

    def note(self, record: BatchRecord) -> None:
        """Add the record of an image."""
        values = asdict(record)
        values.pop("item")
        line = json.dumps({"name": record.item.name, **values})
        # After a line that was cut off, ours begins on one of its own.
        with self._path.open("ab") as file:
            file.write(f"\n{line}\n".encode())
            file.flush()
            os.fsync(file.fileno())

    def _compare(self, before: Mapping[str, Any]) -> None:
        names = sorted({*before, *self._about})
        other = [n for n in names if before.get(n) != self._about.get(n)]
        if other:
            differences = "; ".join(
                f"{n} was {before.get(n)!r} and is {self._about.get(n)!r}"
                for n in other[:3]
            )
            raise InputError(
                f"The batch in {self._path.parent} was begun with other settings: "
                f"{differences}. Go on with the same (they are in "
                f"{self._plan.settings_path.name}), or name another folder."
            )


def write_summary(plan: BatchPlan, records: Sequence[BatchRecord]) -> Path:
    """Write the table of all images, as CSV or Parquet.

    Raises
    ------
    InputError
        If it cannot be written, or the library for Parquet is not there.
    """
    labels = sorted({label for record in records for label in record.pixels})
    rows = [
        {
            "name": record.item.name,
            "status": "done" if record.status == "skipped" else record.status,
            "seconds": round(record.seconds, 3),
            "n_labels": record.n_labels,
            "shape": " x ".join(map(str, record.shape)),
            "error": record.error,
            "image": str(record.item.image),
            "labels": str(record.item.labels),
            **{f"pixels_{label}": record.pixels.get(label, 0) for label in labels},
        }
        for record in records
    ]
    path = plan.summary_path
    if plan.request.summary == "parquet":
        arrow = import_extra("pyarrow")
        from pyarrow import parquet

        with written_whole(path, overwrite=True) as partial:
            parquet.write_table(arrow.Table.from_pylist(rows), partial)
        return path
    text = StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["name"])
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode(), overwrite=True)
    return path


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        values = json.loads(line)
    except ValueError:
        return None
    return values if isinstance(values, dict) else None
