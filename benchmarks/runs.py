"""Many runs of many methods: options, processes, and a file that a run goes on from."""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

import napari_mmtseg as mm
from benchmarks.datasets import DATASETS, SPLITS, ImageWithTruth, labelled_images
from benchmarks.machine import describe_machine, versions
from benchmarks.methods import Method, device_of, parse_methods
from benchmarks.processes import in_processes
from benchmarks.tables import Record
from napari_mmtseg.files.atomic import check_output, write_atomically

_SECONDS_BETWEEN_WRITES = 5.0
_KEY = ("method", "collection", "image", "seed", "number")


@dataclass(frozen=True)
class Task:
    """One method on one image.

    Attributes
    ----------
    number : {"own", "true", "automatic"}
        The number of labels: a photograph is segmented at the method's ``own``, a
        class map at the ``true`` one or, without any, at the ``automatic`` one.
    seed : int
        The seed, or the number of seeds where a run takes several.
    """

    method: Method
    image: ImageWithTruth
    number: str
    seed: int

    def n_labels(self) -> int | None:
        """Return the number of labels to ask for."""
        return self.image.true_number() if self.number == "true" else None

    def record(self) -> Record:
        """Return what tells this run from all others."""
        image = self.image
        key = (self.method.spec, image.collection, image.name, self.seed, self.number)
        return dict(zip(_KEY, key, strict=True))


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose images, methods and processes."""
    parser.add_argument("--dataset", choices=DATASETS, default="bsds500")
    parser.add_argument(
        "--automatic",
        action="store_true",
        help="microscopy: run once more without the true number of classes",
    )
    add_common_options(parser, split="val")


def add_common_options(parser: argparse.ArgumentParser, split: str) -> None:
    """Add the options of every benchmark of images with truth."""
    parser.add_argument("--data", type=Path, required=True, help="benchmark images")
    parser.add_argument("--split", choices=SPLITS, default=split)
    parser.add_argument(
        "--methods",
        nargs="+",
        default=["default"],
        metavar="SPEC",
        help="name or name:key=value,key=value; several separated by spaces, commas or "
        "semicolons",
    )
    parser.add_argument("--seeds", type=_positive, default=1, help="from 0 on")
    parser.add_argument(
        "--limit", type=_positive, help="images of each set, evenly spread"
    )
    parser.add_argument(
        "--json",
        type=Path,
        help="file of every figure; a run that was interrupted goes on from it",
    )
    parser.add_argument("--processes", type=_positive, default=cores())
    parser.add_argument(
        "--threads", type=_positive, default=1, help="threads of each process"
    )


def cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def run_all(
    benchmark: str,
    arguments: argparse.Namespace,
    work: Callable[[Task], Record],
    seeds: Iterable[int],
    more: Sequence[ImageWithTruth] = (),
) -> Record:
    """Do what is not yet in the file, and return the whole of it.

    Parameters
    ----------
    benchmark : str
        Name of the benchmark.
    arguments : Namespace
        As :func:`add_options` has them.
    work : callable
        Segments and compares; must be importable by other processes.
    seeds : iterable of int
        The seed of a task.
    more : sequence of ImageWithTruth
        Images besides those of the data set.

    Raises
    ------
    InputError
        If methods or images are not known, or the file is of other settings.
    """
    methods = parse_methods(arguments.methods)
    images = labelled_images(
        arguments.data, arguments.dataset, arguments.split, arguments.limit
    )
    numbers = ["own"]
    if arguments.dataset == "microscopy":
        numbers = ["true", "automatic"][: 1 + arguments.automatic]
        for method in methods:
            if method.settings().get("n_labels", 0) is not None:
                raise mm.InputError(
                    f"{method.spec} cannot be given the true number of classes: it has "
                    "no n_labels, or a value for it."
                )
    tasks = [
        Task(method, image, number, seed)
        for method in methods
        for number in numbers
        for image in (*images, *more)
        for seed in seeds
    ]
    return run_tasks(benchmark, arguments, tasks, work)


def run_tasks(
    benchmark: str,
    arguments: argparse.Namespace,
    tasks: Sequence[Task],
    work: Callable[[Task], Record],
) -> Record:
    """Do the tasks that are not yet in the file; see :func:`run_all`."""
    results = {
        "benchmark": benchmark,
        "dataset": arguments.dataset,
        "split": arguments.split,
        "machine": describe_machine(
            device_of(task.method for task in tasks), arguments.threads
        ),
        "versions": versions(),
        "settings": {task.method.spec: task.method.settings() for task in tasks},
        "runs": [],
    }
    if arguments.json is not None:
        results = _go_on(arguments.json, results)
    wanted = [_key(task.record()) for task in tasks]
    done = {_key(run) for run in results["runs"]}
    left = [task for task, key in zip(tasks, wanted, strict=True) if key not in done]
    with _kept(arguments.json, results):
        written = time.monotonic()
        processes = min(arguments.processes, len(left))
        do = partial(_recorded, work)
        for record in in_processes(do, left, processes, arguments.threads):
            results["runs"].append(record)
            if time.monotonic() - written > _SECONDS_BETWEEN_WRITES:
                _write(arguments.json, results)
                written = time.monotonic()
    order = {key: place for place, key in enumerate(wanted)}
    asked = [run for run in results["runs"] if _key(run) in order]
    return {**results, "runs": sorted(asked, key=lambda run: order[_key(run)])}


def _key(run: Record) -> tuple[Any, ...]:
    return tuple(run[name] for name in _KEY)


def _go_on(path: Path, results: Record) -> Record:
    """Take over the runs of a file, if it was made in the same way."""
    check_output(path, suffixes=[".json"], overwrite=True)
    if not path.exists():
        return results
    # As the file has it: tuples are lists there.
    results = json.loads(_encode(results))
    try:
        before = json.loads(path.read_text(encoding="utf-8"))
        settings = {**before["settings"], **results["settings"]}
        differing = [
            name
            for name in ("benchmark", "dataset", "split", "machine", "versions")
            if before[name] != results[name]
        ]
        if settings != {**settings, **before["settings"]}:
            differing.append("settings")
        runs = before["runs"]
    except (ValueError, KeyError, TypeError) as error:
        raise mm.InputError(f"{path} is no file of a benchmark's runs.") from error
    if differing:
        raise mm.InputError(
            f"{path} holds runs of another kind ({', '.join(differing)} differ): "
            "figures would not compare. Give another file."
        )
    return {**results, "settings": settings, "runs": runs}


@contextmanager
def _kept(path: Path | None, results: Record) -> Iterator[None]:
    try:
        yield
    finally:
        _write(path, results)


def _write(path: Path | None, results: Record) -> None:
    if path is not None:
        write_atomically(path, _encode(results), overwrite=True)


def _encode(results: Record) -> bytes:
    return (json.dumps(results, indent=1, default=_plain) + "\n").encode()


def _plain(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else str(value)


def _recorded(work: Callable[[Task], Record], task: Task) -> Record:
    return {**task.record(), **work(task)}


def timed_segmentation(
    task: Task, image: np.ndarray, seed: int
) -> tuple[np.ndarray, float]:
    """Return labels and the seconds that they took."""
    n_labels = task.n_labels()
    start = time.perf_counter()
    labels = task.method(image, seed=seed, n_labels=n_labels)
    return labels, time.perf_counter() - start
