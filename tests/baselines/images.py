"""Images with a knowable answer."""

import numpy as np

NETWORKS = ("iic", "kanezaki", "kim")
QUICK = {
    **{name: {"n_steps": 30, "max_labels": 12} for name in NETWORKS},
    "felzenszwalb": {"scale": 1, "min_size": 2},
}
"""Parameters that make a method fast, or fit for tiny images."""


def two_values(height=32, width=40):
    """Return a bright rectangle on a dark ground, and its labels."""
    image = np.zeros((height, width), np.uint8)
    image[height // 4 : -height // 4, width // 4 : -width // 4] = 200
    return image, 1 + (image > 0).astype(np.int32)
