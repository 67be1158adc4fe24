"""Labels with holes, islands and slices that differ."""

import numpy as np

PLANE = np.zeros((24, 30), np.int32)
PLANE[2:20, 2:12] = 1  # encloses a hole and an island
PLANE[5:9, 5:9] = 0
PLANE[12, 5] = 2
PLANE[2:10, 14:22] = 2
PLANE[12:20, 16:28] = 5
PLANE[11, 20] = 5  # sticks out
PLANE[22:24, 26:30] = 2
PLANE[22, 1] = 7


def stack():
    filled = PLANE.copy()
    filled[5:9, 5:9] = 1
    last = filled.copy()
    last[20:, :3] = 5
    return np.stack([filled, PLANE, last])
