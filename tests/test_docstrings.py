import doctest
import importlib

import pytest

MODULES = [
    "notices",
    "progress",
    "settings.fields",
    "segmentation.segment",
    "labels.regions",
    "images.arrays",
    "files.atomic",
    "labels.uncertainty",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    module = importlib.import_module(f"napari_mmtseg.{name}")
    assert doctest.testmod(module).failed == 0
