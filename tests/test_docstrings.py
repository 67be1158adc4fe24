import doctest
import importlib

import pytest

MODULES = [
    "settings",
    "segmentation",
    "regions",
    "arrays",
    "files",
    "uncertain_regions",
]


@pytest.mark.parametrize("name", MODULES)
def test_examples_in_docstrings_run(name):
    module = importlib.import_module(f"napari_mmtseg.{name}")
    assert doctest.testmod(module).failed == 0
