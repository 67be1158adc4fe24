"""Outcome of each image of a batch, and the table of all."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import Literal

from napari_mmtseg.batch.plan import BatchItem, BatchPlan
from napari_mmtseg.files.atomic import write_atomically
from napari_mmtseg.files.write_table import write_tables

ImageStatus = Literal["waiting", "running", "done", "failed", "skipped", "cancelled"]
"""State of an image; "skipped" if it was done in an earlier run."""


@dataclass(frozen=True)
class BatchRecord:
    """Outcome of one image.

    Attributes
    ----------
    item : BatchItem
        The image.
    status : {"waiting", "running", "done", "failed", "skipped", "cancelled"}
        "skipped" if it was done in an earlier run.
    seconds : float
        Time that it took, reading and writing included.
    n_labels : int
        Number of different labels.
    shape : tuple of int
        Shape of the labels.
    pixels : dict of int
        Number of pixels by label, if labels are classes.
    error : str
        Why it failed; for an image that is done, remarks about its file.
    is_lost : bool
        Whether its worker was lost; its label file may still appear.
    is_unreadable : bool
        Whether it failed because its file is damaged, missing or no image.
    """

    item: BatchItem
    status: ImageStatus
    seconds: float = 0.0
    n_labels: int = 0
    shape: tuple[int, ...] = ()
    pixels: Mapping[int, int] = field(default_factory=dict)
    error: str = ""
    is_lost: bool = False
    is_unreadable: bool = False


def write_summary(plan: BatchPlan, records: Sequence[BatchRecord]) -> Path:
    """Write the table of all images as CSV and return its path."""
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
    text = StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["name"])
    writer.writeheader()
    writer.writerows(rows)
    # File names are bytes; those that are not UTF-8 keep their bytes.
    content = text.getvalue().encode("utf-8", "surrogateescape")
    write_atomically(plan.summary_path, content, overwrite=True)
    return plan.summary_path


def write_objects(plan: BatchPlan, records: Sequence[BatchRecord]) -> Path:
    """Write the tables of the objects of all images as one, and return its path."""
    tables = []
    for record in records:
        path = plan.table_path(record.item)
        if record.status in ("done", "skipped") and path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                header, *rows = csv.reader(file)
            tables.append((record.item.name, header, rows))
    write_tables(plan.objects_path, tables)
    return plan.objects_path
