from __future__ import annotations

import sys
import types

import numpy as np
import pytest

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.read import read_image


def test_what_no_library_reads_is_left_to_bioio(tmp_path, monkeypatch):
    path = tmp_path / "stack.czi"
    path.write_bytes(b"ZISRAWFILE" * 20)
    monkeypatch.setitem(sys.modules, "bioio", None)
    with pytest.raises(InputError, match=r"napari-mmtseg\[bioio\]"):
        read_image(path)
    pixels = np.arange(2 * 5 * 6, dtype=np.uint16).reshape(1, 1, 2, 5, 6)
    monkeypatch.setitem(sys.modules, "bioio", fake_bioio(pixels))
    exceptions = types.ModuleType("bioio_base.exceptions")
    exceptions.UnsupportedFileFormatError = ZeroDivisionError
    monkeypatch.setitem(sys.modules, "bioio_base", types.ModuleType("bioio_base"))
    monkeypatch.setitem(sys.modules, "bioio_base.exceptions", exceptions)
    image = read_image(path)
    assert image.axes == "ZYX"
    assert image.spacing == (2.0, 0.5, 0.5)
    np.testing.assert_array_equal(np.asarray(image.array), pixels[0, 0])


def fake_bioio(pixels):
    """Return a module whose images are these, for want of a reader."""
    module = types.ModuleType("bioio")
    module.BioImage = lambda path: types.SimpleNamespace(
        dask_data=pixels,
        scenes=("first",),
        set_scene=lambda number: None,
        dims=types.SimpleNamespace(order="TCZYX"),
        physical_pixel_sizes=(2.0, 0.5, 0.5),
    )
    return module
