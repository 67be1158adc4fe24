"""Benchmarks of napari-mmtseg, run with ``python -m benchmarks.NAME``."""
