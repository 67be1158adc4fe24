"""Tables as CSV that pandas, R and spreadsheets read."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from napari_mmtseg.files.atomic import write_atomically

SUFFIX = ".csv"


def write_table(
    path: str | Path,
    header: Sequence[str],
    rows: Iterable[Sequence[Any]],
    *,
    overwrite: bool = False,
) -> None:
    """Write a table with its header in the first line, in UTF-8.

    Numbers have as many digits as they need; true and false are 1 and 0. Raises
    InputError if the file exists or cannot be written.
    """
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(header)
    writer.writerows([_cell(value) for value in row] for row in rows)
    # File names are bytes; those that are not UTF-8 keep their bytes.
    content = text.getvalue().encode("utf-8", "surrogateescape")
    write_atomically(path, content, suffixes=(SUFFIX,), overwrite=overwrite)


def write_tables(
    path: str | Path,
    tables: Iterable[tuple[str, Sequence[str], Iterable[Sequence[Any]]]],
) -> None:
    """Write the tables of several images as one; the name of the image comes first.

    A column that an image does not have is empty there.
    """
    header: dict[str, int] = {"image": 0}
    rows: list[dict[str, Any]] = []
    for name, names, values in tables:
        for column in names:
            header.setdefault(column, len(header))
        rows += [
            {"image": name, **dict(zip(names, row, strict=True))} for row in values
        ]
    write_table(
        path,
        list(header),
        ([row.get(column, "") for column in header] for row in rows),
        overwrite=True,
    )


def _cell(value: Any) -> Any:
    if isinstance(value, (bool, np.bool_)):
        return int(value)
    if isinstance(value, (float, np.floating)):
        return "" if np.isnan(value) else f"{float(value):.7g}"
    return value
