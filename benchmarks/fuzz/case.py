"""One case: made from the seed and its number, run and judged."""

from __future__ import annotations

import resource
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.fuzz import arrays, files
from napari_mmtseg.errors import InputError

_MOST_MEMORY = 2**30
"""Bytes that a case may take beside what the process has had before."""

Case = Callable[[np.random.Generator], None]


def case_of(number: int) -> tuple[str, Case]:
    """Return the name and the function of a case: arrays and files in turn."""
    module = (arrays, files)[number % 2]
    found = module.CASES[number // 2 % len(module.CASES)]
    name = f"{module.__name__.rsplit('.', 1)[-1]}: {found.__name__.split('_')[0]}"
    return name, found


def run_case(seed: int, number: int) -> dict[str, Any]:
    """Run a case and return what it ends in: "result", "refusal" or what is wrong."""
    kind, run = case_of(number)
    start, taken = time.perf_counter(), _peak()
    details = ""
    try:
        run(np.random.default_rng([seed, number]))
        ends_in = "result"
    except InputError as error:
        ends_in, details = "refusal", str(error)
        if not details.rstrip().endswith((".", ")")) or len(details) < 15:
            ends_in = f"a refusal without a sentence: {details[-200:]}"
    except arrays.Wrong as error:
        ends_in, details = "wrong", str(error)
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        ends_in = f"{type(error).__name__} in {place.filename}:{place.lineno}"
        details = traceback.format_exc()
    if _peak() - taken > _MOST_MEMORY:
        ends_in = "memory"
    return {
        "number": number,
        "kind": kind,
        "ends_in": ends_in,
        "details": "" if ends_in == "result" else details[-2000:],
        "seconds": round(time.perf_counter() - start, 3),
    }


def run_cases(connection: Any, seed: int, numbers: Sequence[int], folder: str) -> None:
    """Run cases one after the other in a child process, and send what they end in.

    All their files are in `folder`.
    """
    tempfile.tempdir = folder
    files.make_files()
    connection.send("ready")
    for number in numbers:
        connection.send(run_case(seed, number))


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
