"""Folders of small images."""

import numpy as np
import tifffile
from skimage.io import imsave

from napari_mmtseg.batch.plan import BatchRequest

QUICK = {"n_steps": 8, "warm_start_steps": 7, "max_labels": 4, "n_labels": 2}


def square(seed, shape=(40, 48)):
    """Return a bright square in the dark, somewhere."""
    rng = np.random.default_rng(seed)
    image = rng.normal(0, 5, shape) + 40
    y, x = rng.integers(2, 16, 2)
    image[y : y + 16, x : x + 20] += 150
    return image.astype(np.uint8)


def write_images(folder, n=3):
    """Write images a0.png, a1.png, ... and return their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(n):
        imsave(folder / f"a{i}.png", square(i), check_contrast=False)
    return folder


def write_stack(path, n=3):
    """Write a z-stack with pixel sizes."""
    stack = np.stack([square(5)] * n)
    metadata = {
        "axes": "ZYX",
        "PhysicalSizeZ": 2.0,
        "PhysicalSizeY": 0.5,
        "PhysicalSizeX": 0.5,
    }
    tifffile.imwrite(path, stack, ome=True, metadata=metadata)
    return stack


def batch_request(tmp_path, **options):
    folders = {"source": tmp_path / "in", "target": tmp_path / "out"}
    return BatchRequest(**{**folders, **options})
