"""Which image of a file, or of a set of files, is meant."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest
import tifffile

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.pixel_size import PixelSize
from napari_mmtseg.files.read import read_image
from tests.files.images import GREY

UUIDS = [f"urn:uuid:{d * 8}-{d * 4}-4{d * 3}-8{d * 3}-{d * 12}" for d in "123"]
SCHEMA = "http://www.openmicroscopy.org/Schemas/OME/2016-06"


def planes(*names: str, along: str) -> str:
    return "".join(
        f'<TiffData IFD="0" PlaneCount="1" First{along}="{i}">'
        f'<UUID FileName="{name}">{UUIDS[i]}</UUID></TiffData>'
        for i, name in enumerate(names)
    )


def pixels(i: int, tiff_data: str, n_times: int = 1) -> str:
    return (
        f'<Image ID="Image:{i}" Name="Pos{i}"><Pixels ID="Pixels:{i}" '
        'DimensionOrder="XYCZT" Type="uint8" SizeX="32" SizeY="24" SizeZ="1" '
        f'SizeC="1" SizeT="{n_times}" PhysicalSizeX="{i + 1}" '
        f'PhysicalSizeY="{i + 1}"><Channel ID="Channel:{i}:0" SamplesPerPixel="1"/>'
        f"{tiff_data}</Pixels></Image>"
    )


def write_set(folder: Path, names: list[str], images: str) -> None:
    for i, (name, uuid) in enumerate(zip(names, UUIDS, strict=False)):
        xml = (
            '<?xml version="1.0" encoding="UTF-8"?>'
            f'<OME xmlns="{SCHEMA}" UUID="{uuid}">{images}</OME>'
        )
        tifffile.imwrite(folder / name, GREY // (i + 1), description=xml, metadata=None)


@pytest.mark.parametrize("alone", [True, False])
def test_a_position_is_the_one_in_its_file(tmp_path: Path, alone: bool) -> None:
    names = ["p0.ome.tif", "p1.ome.tif"]
    one = '<TiffData IFD="0" PlaneCount="1"><UUID FileName="{}">{}</UUID></TiffData>'
    images = "".join(
        pixels(i, one.format(name, UUIDS[i])) for i, name in enumerate(names)
    )
    write_set(tmp_path, names, images)
    if alone:
        (tmp_path / names[0]).unlink()
    image = read_image(tmp_path / names[1])
    np.testing.assert_array_equal(image.array, GREY // 2)
    assert image.pixel_size("X") == PixelSize(2.0, "µm")


@pytest.mark.parametrize("alone", [True, False])
def test_a_file_of_a_time_series_is_its_own_frames(tmp_path: Path, alone: bool) -> None:
    names = ["t0.ome.tif", "t1.ome.tif", "t2.ome.tif"]
    write_set(tmp_path, names, pixels(0, planes(*names, along="T"), 3))
    if alone:
        (tmp_path / names[0]).unlink()
    with pytest.warns(UserWarning, match="one of 3 files"):
        image = read_image(tmp_path / names[1])
    assert image.axes == "YX"
    np.testing.assert_array_equal(image.array, GREY // 2)


@pytest.mark.parametrize("flagged", [True, False])
def test_a_thumbnail_is_not_the_image(tmp_path: Path, flagged: bool) -> None:
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as file:
        small = GREY[::4, ::4]
        file.write(small, subfiletype=1 if flagged else 0, metadata=None)
        file.write(GREY, metadata=None)
    with pytest.warns(UserWarning, match=r"holds 2 images; number 1.*--series"):
        np.testing.assert_array_equal(read_image(path).array, GREY)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_array_equal(read_image(path, series=0).array, small)
    with pytest.raises(InputError, match=r"no image 2.*0 to 1"):
        read_image(path, series=2)
