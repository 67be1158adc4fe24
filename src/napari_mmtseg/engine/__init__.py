"""Mutual Mean-Teaching in PyTorch: the paper's Algorithm 1.

Read `network`, `losses`, `alignment`, `peer` and `training`, in this order. Other
packages use `training` (train, make_peers, Example), `examples`, `device`,
`cancellation` and `model`; `baselines` also `network`, `losses` and `peer`.
"""

from napari_mmtseg.openmp import short_waits

with short_waits():
    import torch  # noqa: F401
