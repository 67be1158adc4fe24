"""Discs and balls of known places, some of which touch."""

import numpy as np


def balls(shape, centers, radius):
    """Return a mask of balls, or discs, of one radius or one for each center."""
    radii = np.broadcast_to(radius, len(centers))
    places = np.indices(shape)
    mask = np.zeros(shape, bool)
    for center, r in zip(centers, radii, strict=True):
        offset = places - np.reshape(center, (-1,) + (1,) * len(shape))
        mask |= (offset**2).sum(0) <= r**2
    return mask


def crowd(n_rows, n_columns, radius=9, step=16):
    """Return a mask of discs in rows; neighbours touch along each row."""
    shape = (n_rows * 24, (n_columns + 1) * step)
    centers = [
        (12 + 24 * i, step + step * j) for i in range(n_rows) for j in range(n_columns)
    ]
    return balls(shape, centers, radius)
