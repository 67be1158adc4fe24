"""Objects found, against the true ones of nuclei in images and volumes.

``python -m benchmarks.objects --data DIR [--json FILE]`` separates the true foreground
by each method, and by settings of scikit-image's own watershed for comparison. With
``--automatic`` it also segments every image without a word and takes the objects of the
automatic classes, alone and with those that are too dim for them. How far these have to
be above the noise is then chosen on all sets but one, and that one is reported. An
object is found if its intersection over union with a true one
reaches .5; F1 (.5) counts these, and F1 (.5-.9) is the mean over thresholds from .5 to
.9. ``split`` counts true objects of which two found ones cover a quarter each,
``merged`` found ones that cover most of two true ones.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import imageio.v3 as iio
import numpy as np
import tifffile
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt, gaussian_filter
from skimage.feature import peak_local_max
from skimage.measure import label
from skimage.metrics import contingency_table
from skimage.segmentation import watershed

import napari_mmtseg as mm
from benchmarks.tables import Record, grouped, markdown_table, mean
from napari_mmtseg.objects import dim
from napari_mmtseg.objects.separation import typical_size

SETS = {"dsb2018_fluo": "fluorescence", "dsb2018_he": "stained tissue"}
VOLUMES = {"vol_stardist_demo": "volume", "vol_ovule": "plant volume"}
NOISE = (4.0, 6.0, 8.0, 12.0)
"""Deviations of the background above which a dim object may be."""
THRESHOLDS = np.arange(0.5, 0.95, 0.05)

Labels = NDArray[Any]


@dataclass(frozen=True)
class TrueObjects:
    """An image, or a volume, with its true objects."""

    collection: str
    name: str
    image: NDArray[Any]
    truth: Labels

    @property
    def grey(self) -> NDArray[Any]:
        """The image without channels."""
        is_colour = self.image.ndim > self.truth.ndim
        return self.image[..., :3].mean(-1) if is_colour else self.image


def true_objects(data: Path, limit: int | None = None) -> Iterator[TrueObjects]:
    """Yield images, at most `limit` of each set, and the volumes."""
    folder = data / "microscopy"
    for name, title in SETS.items():
        paths = sorted((folder / name / "instances").glob("*.png"))
        for path in paths[:limit]:
            image = next((folder / name / "images").glob(f"{path.stem}.*"))
            pixels = iio.imread(image)
            yield TrueObjects(title, path.stem, pixels, iio.imread(path))
    for name, title in VOLUMES.items():
        image, truth = folder / name / "image.tif", folder / name / "instances.tif"
        if truth.is_file():
            yield TrueObjects(
                title, name, tifffile.imread(image), tifffile.imread(truth)
            )


def object_scores(found: Labels, truth: Labels) -> Record:
    """Compare objects with the true ones.

    Returns
    -------
    dict
        ``f1``, ``mean_f1``, ``true`` and ``n`` objects, ``found``, ``split`` and
        ``merged`` ones.
    """
    table = contingency_table(truth, found, normalize=False).toarray()[1:, 1:]
    true_sizes = np.bincount(truth.ravel())[1:]
    sizes = np.bincount(found.ravel())[1:]
    table = table[true_sizes > 0][:, sizes > 0]
    true_sizes, sizes = true_sizes[true_sizes > 0], sizes[sizes > 0]
    union = true_sizes[:, np.newaxis] + sizes - table
    iou = np.sort(table / union, axis=1) if table.size else np.zeros(table.shape)
    best = iou.max(1, initial=0)
    # Above one half a partner is the only one.
    matched = (best[:, np.newaxis] >= THRESHOLDS).sum(0)
    f1 = 2 * matched / max(len(true_sizes) + len(sizes), 1)
    covered = table / true_sizes[:, np.newaxis]
    return {
        "f1": float(f1[0]),
        "mean_f1": float(f1.mean()),
        "true": len(true_sizes),
        "n": len(sizes),
        "found": int(matched[0]),
        "split": int(((covered >= 0.25).sum(1) >= 2).sum()),
        "merged": int(((covered > 0.5).sum(0) >= 2).sum()),
    }


def scikit_image(share: float, smoothing: float) -> Callable[[Labels], Labels]:
    """Return the usual recipe: peaks of the distance, then a watershed.

    The least distance of peaks, and the smoothing, are shares of the typical size.
    """

    def separate(mask: Labels) -> Labels:
        size = typical_size([mask], (1.0,) * mask.ndim) or 1.0
        distance = distance_transform_edt(mask)
        if smoothing:
            distance = gaussian_filter(distance, smoothing * size)
        apart = max(round(share * size), 1)
        peaks = peak_local_max(
            distance,
            min_distance=apart,
            labels=label(mask, connectivity=1),
            exclude_border=False,
        )
        markers = np.zeros(mask.shape, np.int32)
        markers[tuple(peaks.T)] = np.arange(1, len(peaks) + 1)
        return watershed(-distance, markers, mask=mask)

    return separate


def separations(item: TrueObjects) -> Iterator[tuple[str, Callable[[Labels], Labels]]]:
    """Yield the name of every way to tell objects apart, and a function of a mask."""
    volumes = item.truth.ndim == 3

    def ours(method: str) -> Callable[[Labels], Labels]:
        def separate(mask: Labels) -> Labels:
            classes, image = mask.astype(np.uint8), item.grey
            # The true foreground has no specks.
            options = {"volumes": volumes, "classes": [1], "smallest_object": 0}
            found = mm.find_objects(classes, image, separation=method, **options)
            return found.labels

        return separate

    for method in ("off", "distance", "intensity", "both"):
        yield method, ours(method)
    for share in (0.2, 0.35, 0.5):
        for smoothing in (0.0, 0.05):
            name = f"scikit-image {share:g}, {smoothing:g}"
            yield name, scikit_image(share, smoothing)


def evaluate(item: TrueObjects, automatic: bool) -> Iterator[Record]:
    """Yield the scores of every separation of one image."""
    about = {"collection": item.collection, "image": item.name}
    mask = item.truth > 0
    for name, separate in separations(item):
        scores = object_scores(separate(mask), item.truth)
        yield {**about, "foreground": "true", "method": name, **scores}
    if not automatic:
        return
    for method, found in automatic_objects(item):
        scores = object_scores(found, item.truth)
        yield {**about, "foreground": "automatic", "method": method, **scores}


def automatic_objects(item: TrueObjects) -> Iterator[tuple[Any, Labels]]:
    """Yield objects of automatic classes: alone, and with dim ones above any noise."""
    volumes = item.truth.ndim == 3
    options = {"axes": "ZYX", "stack": "volume"} if volumes else {}
    classes = mm.segment(item.image, **options)
    yield "classes alone", mm.find_objects(classes, volumes=volumes).labels
    for noise in NOISE:
        with mock.patch.object(dim, "_NOISE", noise):
            found = mm.find_objects(classes, item.grey, volumes=volumes)
        yield noise, found.labels


def leave_one_out(records: Sequence[Record]) -> str:
    """Return the scores of every set with the noise that is best for all others."""
    own = [r for r in records if r["foreground"] == "automatic"]
    means = {
        key: (mean(group, "f1"), mean(group, "mean_f1"))
        for key, group in grouped(own, "collection", "method").items()
    }
    sets = list(dict.fromkeys(r["collection"] for r in own))
    rows = []
    for left in sets:
        others = [name for name in sets if name != left]
        best = max(NOISE, key=lambda n: sum(means[name, n][0] for name in others))
        alone = means[left, "classes alone"]
        rows.append([left, f"{best:g}", *alone, *means[left, best]])
    header = ["left out", "noise chosen", "classes alone: F1 (.5)", "F1 (.5-.9)"]
    return markdown_table([*header, "with dim ones: F1 (.5)", "F1 (.5-.9)"], rows)


def table_of(records: Sequence[Record]) -> str:
    """Return a row for every set, foreground and method: means of F1, and sums."""
    header = ["set", "foreground", "separation", "images", "F1 (.5)", "F1 (.5-.9)"]
    header += ["true", "found", "split", "merged"]
    rows = []
    for key, own in grouped(records, "collection", "foreground", "method").items():
        if isinstance(key[-1], float):
            key = (*key[:-1], f"with dim ones, {key[-1]:g}")
        means = [float(np.mean([r[name] for r in own])) for name in ("f1", "mean_f1")]
        sums = [sum(r[n] for r in own) for n in ("true", "found", "split", "merged")]
        rows.append([*key, len(own), *means, *sums])
    return markdown_table(header, rows)


def main() -> None:
    """Print the table, and write all records."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--limit", type=int)
    parser.add_argument("--automatic", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    records = [
        record
        for item in true_objects(options.data, options.limit)
        for record in evaluate(item, options.automatic)
    ]
    print(table_of(records))
    if options.automatic:
        print(f"\n{leave_one_out(records)}")
    if options.json is not None:
        options.json.write_text(json.dumps(records, indent=1))


if __name__ == "__main__":
    main()
