"""What came of the images of a batch, and the table of it."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Any

from napari_mmtseg.batch.plan import BatchItem, BatchPlan
from napari_mmtseg.errors import import_extra
from napari_mmtseg.files.atomic import write_atomically, written_whole

__all__ = ["BatchRecord", "write_summary"]


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
        Why it failed; of one that is done, what is remarkable about its file.
    is_lost : bool
        Nothing has been heard of whoever was to label it: a label file may yet come.
    """

    item: BatchItem
    status: str
    seconds: float = 0.0
    n_labels: int = 0
    shape: tuple[int, ...] = ()
    pixels: Mapping[int, int] = field(default_factory=dict)
    error: str = ""
    is_lost: bool = False


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
            table = [{k: _text(v) for k, v in row.items()} for row in rows]
            parquet.write_table(arrow.Table.from_pylist(table), partial)
        return path
    text = StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["name"])
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, _bytes(text.getvalue()), overwrite=True)
    return path


def _bytes(text: str) -> bytes:
    # Names of files are bytes; those that are no UTF-8 stay the bytes that they are.
    return text.encode("utf-8", "surrogateescape")


def _text(value: Any) -> Any:
    # Parquet holds UTF-8 and nothing else.
    return _bytes(value).decode("utf-8", "replace") if isinstance(value, str) else value
