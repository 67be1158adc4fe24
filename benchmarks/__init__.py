"""Benchmarks of napari-mmtseg, run with ``python -m benchmarks.NAME``."""

import os

# Benchmarks load torch before the package does, which would see to it.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")
