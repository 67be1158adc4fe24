"""A folder on a Dask cluster: 1 and 2 workers measured, 100 on paper.

``python -m benchmarks.scaling`` labels the same folder of synthetic images with one
model, with 1 and 2 worker processes of one thread each, in turn; the ratio of the
medians counts. Then it measures what more workers do not make faster: planning a
folder, fitting the one model, passing on tasks (empty ones), the line in the journal
for every image, the summary. From these it computes what more workers would take,

    seconds = serial + images x max(seconds of an image / workers, overhead of a task)

It leaves out what a shared disk and a network cost.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from distributed import Client, LocalCluster
from skimage.data import binary_blobs
from skimage.io import imsave

from benchmarks.machine import describe_machine
from benchmarks.tables import markdown_table
from napari_mmtseg.batch.cluster.executor import cluster_pool
from napari_mmtseg.batch.journal import Journal
from napari_mmtseg.batch.plan import BatchPlan, BatchRequest, plan_batch
from napari_mmtseg.batch.previous import note_record, start_journal
from napari_mmtseg.batch.record import BatchRecord, write_summary
from napari_mmtseg.batch.run import iter_batch
from napari_mmtseg.batch.runner import Hooks, run_tasks

_WARM_UP = 4
"""Images that workers label before the clock runs: they load PyTorch and the model."""


@dataclass(frozen=True)
class Serial:
    """What more workers do not make faster, in seconds.

    The first two and the last are of a whole folder, the others of one image.
    """

    planning: float
    fitting: float
    passing_on: float
    noting: float
    summary: float

    def seconds(self, n_images: int, image: float, workers: float) -> float:
        """Return what a folder takes, without the fit where `fitting` is 0."""
        overhead = self.passing_on + self.noting
        whole = self.planning + self.fitting + self.summary
        return whole + n_images * max(image / workers, overhead)


def write_images(folder: Path, n: int, side: int) -> None:
    """Write images of blobs in noise."""
    folder.mkdir()
    for i in range(n):
        rng = np.random.default_rng(i)
        blobs = binary_blobs(side, blob_size_fraction=0.08, rng=i)
        image = 60 + 90 * blobs + rng.normal(0, 12, blobs.shape)
        imsave(folder / f"{i:05}.png", np.clip(image, 0, 255).astype(np.uint8))


def labelling_seconds(request: BatchRequest, client: Client) -> float:
    """Return the time from the first image to the last."""
    start = 0.0
    for step in iter_batch(request, scheduler=client):
        if step.phase == "labelling" and not start:
            start = time.perf_counter()
        if step.phase == "finished":
            return time.perf_counter() - start
    raise RuntimeError("The batch did not finish.")


def rates(
    request: BatchRequest, workers: Sequence[int], repeats: int
) -> dict[int, list[float]]:
    """Return images per second for every number of workers, measured in turn."""
    found: dict[int, list[float]] = {n: [] for n in workers}
    n_images = len(plan_batch(replace(request, overwrite=True)).items)
    for repeat in range(repeats):
        for n in workers:
            with _cluster(n) as client:
                first = replace(
                    request,
                    pattern=f"0000[0-{_WARM_UP - 1}].png",
                    target=request.target.with_name(f"warm-{repeat}-{n}"),
                )
                labelling_seconds(first, client)
                target = request.target.with_name(f"out-{repeat}-{n}")
                seconds = labelling_seconds(replace(request, target=target), client)
            found[n].append(n_images / seconds)
    return found


class _cluster:
    """Worker processes with one thread each, and a client of them."""

    def __init__(self, n_workers: int) -> None:
        self._cluster = LocalCluster(
            n_workers=n_workers,
            threads_per_worker=1,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
        )

    def __enter__(self) -> Client:
        self._client = Client(self._cluster, set_as_default=False)
        return self._client

    def __exit__(self, *_: object) -> None:
        self._client.close()
        self._cluster.close()


@dataclass(frozen=True)
class Empty:
    """A task without any work."""

    name: str


def nothing(task: Empty, should_cancel: Callable[[], bool]) -> None:
    """Do an empty task."""


def pass_on(n: int, client: Client, folder: Path) -> None:
    """Let a cluster do empty tasks."""
    tasks = [Empty(str(i)) for i in range(n)]
    pool = cluster_pool(client, "cpu")
    for _ in run_tasks(pool, nothing, tasks, folder, Hooks(lambda: False)):
        pass


def fitting_seconds(request: BatchRequest) -> float:
    """Return how long the one model takes, with the threads of this process."""
    times = [time.perf_counter()]
    for step in iter_batch(replace(request, model=None)):
        times.append(time.perf_counter())
        if step.phase == "labelling":
            break
    return times[-1] - times[0]


def measured_serial(request: BatchRequest, n_images: int, n_tasks: int) -> Serial:
    """Measure it for a folder of so many images."""
    with tempfile.TemporaryDirectory(dir=request.target.parent) as name:
        folder = Path(name)
        (folder / "in").mkdir()
        for i in range(n_images):
            (folder / "in" / f"{i:06}.png").touch()
        big = replace(request, source=folder / "in", target=folder / "out")
        start = time.perf_counter()
        plan = plan_batch(big)
        planning = time.perf_counter() - start
        (folder / "out").mkdir()
        records = [_record(plan, i) for i in range(n_images)]
        start = time.perf_counter()
        write_summary(plan, records)
        summary = time.perf_counter() - start
        journal = Journal(plan.journal_path, {})
        start_journal(journal, plan)
        start = time.perf_counter()
        for record in records[:200]:
            note_record(journal, record)
        noting = (time.perf_counter() - start) / len(records[:200])
    with _cluster(2) as client, tempfile.TemporaryDirectory() as name:
        pass_on(8, client, Path(name))
        start = time.perf_counter()
        pass_on(n_tasks, client, Path(name))
        passing_on = (time.perf_counter() - start) / n_tasks
    fit = replace(request, target=request.target.with_name("fit"))
    return Serial(planning, fitting_seconds(fit), passing_on, noting, summary)


def _record(plan: BatchPlan, i: int) -> BatchRecord:
    pixels = {1: 1000, 2: 1000, 3: 1000}
    return BatchRecord(plan.items[i], "done", 1.0, 3, (512, 512), pixels)


def on_paper(
    serial: Serial, n_images: int, image: float, workers: Sequence[int]
) -> list[list[str]]:
    """Return rows: workers, seconds, speed-up and efficiency; then without the fit."""
    rows = []
    for n in workers:
        row = [str(n)]
        for kind in (serial, replace(serial, fitting=0.0)):
            seconds = kind.seconds(n_images, image, n)
            gain = kind.seconds(n_images, image, 1) / seconds
            row += [f"{seconds:.0f}", f"{gain:.1f}", f"{gain / n:.2f}"]
        rows.append(row)
    return rows


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=48, help="in the folder")
    parser.add_argument("--side", type=int, default=512, help="in pixels")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--tasks", type=int, default=2000, help="empty ones")
    parser.add_argument(
        "--many", type=int, default=10_000, help="images of the folder on paper"
    )
    given = parser.parse_args(argv)
    torch.set_num_threads(1)
    print(describe_machine(torch.device("cpu"), 1), end="\n\n")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_images(folder / "in", given.images, given.side)
        request = BatchRequest(folder / "in", folder / "out")
        for step in iter_batch(replace(request, target=folder / "model")):
            if step.phase == "labelling":
                break
        model = next((folder / "model").glob("*.safetensors"))
        known = replace(request, model=model)
        found = rates(known, (1, 2), given.repeats)
        serial = measured_serial(request, given.many, given.tasks)
    middle = {n: statistics.median(values) for n, values in found.items()}
    print(
        markdown_table(
            ["workers", "images per second", "lowest", "highest", "/ 1 worker"],
            [
                [n, middle[n], min(values), max(values), middle[n] / middle[1]]
                for n, values in found.items()
            ],
        ),
        end="\n\n",
    )
    parts = [
        [f"planning {given.many} images", f"{serial.planning:.2f} s"],
        ["fitting the one model, 1 thread", f"{serial.fitting:.1f} s"],
        ["passing on a task", f"{1e3 * serial.passing_on:.2f} ms"],
        ["noting an image in the journal", f"{1e3 * serial.noting:.2f} ms"],
        [f"summary of {given.many} images", f"{serial.summary:.2f} s"],
    ]
    print(markdown_table(["what more workers do not make faster", ""], parts))
    overhead = serial.passing_on + serial.noting
    print(f"\nOne process passes on {1 / overhead:.0f} images per second at most.\n")
    columns = ["seconds", "speed-up", "of each worker"]
    again = [f"{name}, model given" for name in columns]
    rows = on_paper(serial, given.many, 1 / middle[1], (1, 2, 10, 100, 1000))
    print(f"On paper, {given.many} images of {given.side} x {given.side}:\n")
    print(markdown_table(["workers", *columns, *again], rows))


if __name__ == "__main__":
    main()
