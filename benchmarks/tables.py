"""Tables in markdown, from the runs of a benchmark."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

Record = dict[str, Any]


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return a table; numbers with three digits after the point unless integers."""
    lines = [header, ["---"] * len(header)]
    lines += [[_cell(value) for value in row] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3f}" if isinstance(value, float) else str(value)


def grouped(runs: Sequence[Record], *names: str) -> dict[tuple[Any, ...], list[Record]]:
    """Group runs by the values of some of their entries, in order of appearance."""
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for run in runs:
        groups.setdefault(tuple(run[name] for name in names), []).append(run)
    return groups


def mean(runs: Sequence[Record], name: str) -> float:
    """Mean of one figure over runs."""
    return float(np.mean([run[name] for run in runs]))


def headline(results: Record, n_seeds: int) -> str:
    """Return what the figures of a table were measured on."""
    n_images = len({(run["collection"], run["image"]) for run in results["runs"]})
    return (
        f"{results['dataset']} {results['split']}, {n_images} images, "
        f"{n_seeds} seed{'s' * (n_seeds != 1)}; {results['machine']} "
        "of each process"
    )
