import pytest

from napari_mmtseg.files import formats
from napari_mmtseg.files.formats import find_format, in_words, stem


@pytest.mark.parametrize(
    ("name", "format_name", "expected"),
    [
        ("a.b.TIF", "tif", "a.b"),
        ("a.Ome.Tiff", "ome.tif", "a"),
        ("a.ome.zarr", "zarr", "a"),
        ("a.png", "png", "a"),
        ("a.webp", None, "a"),
        ("a", None, "a"),
    ],
)
def test_the_longest_suffix_counts(name, format_name, expected):
    found = find_format(name)
    assert (found and found.name) == format_name
    assert stem(name) == expected


def test_what_can_be_written():
    assert formats.LABEL_SUFFIXES == (".tif", ".tiff", ".png", ".zarr")
    assert formats.CONFIDENCE_SUFFIXES == (".tif", ".tiff")
    assert {*formats.LABEL_SUFFIXES, ".czi", ".jpeg"} < {*formats.IMAGE_SUFFIXES}
    usual = {"tif": ".tif", "ome.tif": ".ome.tif", "png": ".png", "zarr": ".zarr"}
    assert usual == formats.FILE_FORMATS


def test_suffixes_in_words():
    assert in_words((".tif", ".tiff", ".png")) == ".tif, .tiff or .png"
    assert in_words((".zarr",)) == ".zarr"
