"""Benchmarks of napari-mmtseg; each module is run with ``python -m benchmarks.NAME``."""
