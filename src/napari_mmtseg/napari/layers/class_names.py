"""Names of classes in the features of a Labels layer, where napari shows them.

The table of features has one row per label, found by its column `index`; all columns of
other origin stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

INDEX = "index"
NAME = "name"


def class_names(features: Any) -> dict[int, str]:
    """Return the names of classes, by label."""
    if NAME not in features or not len(features):
        return {}
    rows = zip(_indices(features), features[NAME], strict=True)
    return {int(i): str(name) for i, name in rows if _is_name(name)}


def with_name(
    features: Any, value: int, name: str, others: Iterable[int] = ()
) -> pd.DataFrame:
    """Return features with another name for a class; none if that is empty.

    In a table that is empty so far, the labels `others` get a row as well: napari says
    that a label without a row has no properties.
    """
    table = _indexed(features)
    if NAME not in table:
        table[NAME] = None
    table[NAME] = table[NAME].astype(object)
    if not len(table):
        values = sorted({int(v) for v in others if v} | {value})
        table = pd.DataFrame({INDEX: values, NAME: [None] * len(values)}, dtype=object)
        table[INDEX] = table[INDEX].astype(np.int64)
    if value not in set(table[INDEX]):
        table = table.reindex(range(len(table) + 1))
        table.loc[len(table) - 1, INDEX] = value
        table[INDEX] = table[INDEX].astype(np.int64)
    table[NAME] = table[NAME].astype(object)
    table.loc[table[INDEX] == value, NAME] = name or None
    return table


def all_numbers(features: Any, numbers: Mapping[int, int]) -> dict[int, int]:
    """Add a free label for each row whose label is among the new, but not the old ones.

    `numbers` is the new label of every old one.
    """
    labels = [int(i) for i in _indices(features)]
    everywhere, new = dict(numbers), set(numbers.values())
    free = max([0, *new, *labels]) + 1
    for value in labels:
        if value in new and value not in everywhere:
            everywhere[value] = free
            free += 1
    return everywhere


def renumbered(features: Any, numbers: Mapping[int, int]) -> pd.DataFrame:
    """Return features whose rows follow classes to other labels.

    `numbers` is the new label of every old one, as from :func:`all_numbers`.
    """
    table = _indexed(features)
    table[INDEX] = [numbers.get(value, value) for value in table[INDEX]]
    return table


def _indexed(features: Any) -> pd.DataFrame:
    table = pd.DataFrame(features).copy()
    if INDEX not in table:
        table.insert(0, INDEX, np.arange(len(table)))
    return table


def _indices(features: Any) -> Iterable[int]:
    return features[INDEX] if INDEX in features else range(len(features))


def _is_name(name: Any) -> bool:
    return name is not None and bool(pd.notna(name)) and name != ""
