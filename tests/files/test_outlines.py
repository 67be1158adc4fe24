"""Outlines, opened again by readers that are not ours."""

import json

import jsonschema
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import points_in_poly

from napari_mmtseg import InputError
from napari_mmtseg.files.outlines import ClassStyle, ObjectClasses, iter_outlines
from napari_mmtseg.files.write import write_labels
from napari_mmtseg.files.write_geojson import write_geojson
from napari_mmtseg.files.write_rois import write_rois
from napari_mmtseg.files.write_zarr import describe_labels

LABELS = np.zeros((12, 16), np.uint16)
LABELS[2:9, 2:9] = 1
LABELS[4:6, 4:6] = 0
LABELS[0:3, 12:16] = 2
LABELS[8:12, 12:14] = 2
CLASSES = ObjectClasses(
    np.array([0, 1, 2]), {1: ClassStyle("nuclei", (255, 128, 0)), 2: ClassStyle("ü")}
)
RING = {
    "type": "array",
    "minItems": 4,
    "items": {
        "type": "array",
        "minItems": 2,
        "maxItems": 2,
        "items": {"type": "number"},
    },
}
POLYGON = {"type": "array", "minItems": 1, "items": RING}
SCHEMA = {
    "type": "object",
    "required": ["type", "features"],
    "properties": {
        "type": {"const": "FeatureCollection"},
        "features": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["type", "geometry", "properties"],
                "properties": {
                    "type": {"const": "Feature"},
                    "geometry": {
                        "oneOf": [
                            {
                                "properties": {
                                    "type": {"const": "Polygon"},
                                    "coordinates": POLYGON,
                                }
                            },
                            {
                                "properties": {
                                    "type": {"const": "MultiPolygon"},
                                    "coordinates": {"type": "array", "items": POLYGON},
                                }
                            },
                        ]
                    },
                    "properties": {
                        "type": "object",
                        "properties": {
                            "objectType": {"enum": ["detection", "annotation"]},
                            "classification": {
                                "type": "object",
                                "required": ["name"],
                                "properties": {
                                    "color": {
                                        "type": "array",
                                        "minItems": 3,
                                        "maxItems": 3,
                                    }
                                },
                            },
                        },
                    },
                },
            },
        },
    },
}
"""GeoJSON (RFC 7946) as QuPath reads it."""


def drawn(rings, shape):
    y, x = np.indices(shape)
    centers = np.stack([x.ravel() + 0.5, y.ravel() + 0.5], axis=1)
    outer, *holes = (points_in_poly(centers, np.asarray(ring)) for ring in rings)
    for hole in holes:
        outer &= ~hole
    return outer.reshape(shape)


@given(arrays(np.uint8, (7, 9), elements=st.integers(0, 3)))
def test_polygons_hold_just_the_pixels_of_a_label(labels):
    if not labels.any():
        return
    found = np.zeros_like(labels)
    for outline in iter_outlines(labels):
        for piece in outline.pieces:
            found[drawn(piece, labels.shape)] = outline.label
    np.testing.assert_array_equal(found, labels)


class TestGeoJson:
    def test_schema_holes_pieces_and_class(self, tmp_path):
        path = tmp_path / "a.geojson"
        measured = {1: {"area (µm²)": 45.0, "solidity": float("nan")}}
        write_geojson(path, LABELS, axes="YX", classes=CLASSES, measurements=measured)
        content = json.loads(path.read_text("utf-8"))
        jsonschema.validate(content, SCHEMA)
        first, second = content["features"]
        assert first["geometry"]["type"] == "Polygon"
        assert len(first["geometry"]["coordinates"]) == 2
        nuclei = {"name": "nuclei", "color": [255, 128, 0]}
        assert first["properties"]["classification"] == nuclei
        assert first["properties"]["measurements"] == {"area (µm²)": 45.0}
        assert second["geometry"]["type"] == "MultiPolygon"
        assert second["properties"]["classification"] == {"name": "ü"}
        ring = first["geometry"]["coordinates"]
        np.testing.assert_array_equal(drawn(ring, LABELS.shape), LABELS == 1)

    def test_planes(self, tmp_path):
        path = tmp_path / "a.geojson"
        stack = np.stack([LABELS * 0, LABELS])[:, np.newaxis]
        write_geojson(path, stack, axes="TZYX")
        planes = [
            f["geometry"]["plane"] for f in json.loads(path.read_text())["features"]
        ]
        assert planes == [{"c": -1, "z": 0, "t": 1}] * 2


class TestRois:
    def test_roifile_reads_name_colour_and_shape(self, tmp_path):
        roifile = pytest.importorskip("roifile")
        path = tmp_path / "a.zip"
        write_rois(path, LABELS, axes="YX", classes=CLASSES)
        rois = roifile.roiread(path)
        assert [roi.name for roi in rois] == ["0001 nuclei", "0002.1 ü", "0002.2 ü"]
        assert rois[0].stroke_color == b"\xff\xff\x80\x00"
        assert [roi.group for roi in rois] == [1, 2, 2]
        assert all(roi.roitype == roifile.ROI_TYPE.POLYGON for roi in rois)
        mask = drawn([rois[0].coordinates()], LABELS.shape)
        expected = LABELS == 1
        expected[4:6, 4:6] = True  # no holes in ImageJ
        np.testing.assert_array_equal(mask, expected)

    def test_positions(self, tmp_path):
        roifile = pytest.importorskip("roifile")
        write_rois(tmp_path / "a.zip", np.stack([LABELS * 0, LABELS]), axes="ZYX")
        first = roifile.roiread(tmp_path / "a.zip")[0]
        assert (first.position, first.z_position, first.name) == (2, 2, "0001-2")


def test_ome_zarr_reads_classes_and_colours(tmp_path):
    reader = pytest.importorskip("ome_zarr.reader")
    parse_url = pytest.importorskip("ome_zarr.io").parse_url
    write_labels(tmp_path / "a.zarr", LABELS, classes=CLASSES)
    place = parse_url(str(tmp_path / "a.zarr" / "labels" / "mmtseg"))
    (node,) = reader.Reader(place)()
    assert node.metadata["properties"] == {1: {"class": "nuclei"}, 2: {"class": "ü"}}
    assert node.metadata["color"] == {1: [1.0, 128 / 255, 0.0, 1.0]}


def test_zarr_metadata_of_classes(tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "a.zarr"), mode="w")
    group.attrs["ome"] = {"version": "0.5", "image-label": {"version": "0.5"}}
    describe_labels(group, LABELS, CLASSES)
    assert zarr.open_group(str(tmp_path / "a.zarr")).attrs["ome"]["image-label"] == {
        "version": "0.5",
        "properties": [
            {"label-value": 1, "class": "nuclei"},
            {"label-value": 2, "class": "ü"},
        ],
        "colors": [{"label-value": 1, "rgba": [255, 128, 0, 255]}],
    }


@pytest.mark.parametrize("write", [write_rois, write_geojson])
def test_refused(write, tmp_path):
    suffix = ".zip" if write is write_rois else ".geojson"
    path = tmp_path / f"a{suffix}"
    with pytest.raises(InputError, match="no objects to write"):
        write(path, LABELS * 0, axes="YX")
    assert not path.exists()
    with pytest.raises(InputError, match="has to end in"):
        write(tmp_path / "a.txt", LABELS, axes="YX")
    path.write_text("mine")
    with pytest.raises(InputError, match="exists"):
        write(path, LABELS, axes="YX")
    assert path.read_text() == "mine"


def test_without_roifile(monkeypatch, tmp_path):
    monkeypatch.setitem(__import__("sys").modules, "roifile", None)
    with pytest.raises(InputError, match=r"napari-mmtseg\[objects\]"):
        write_rois(tmp_path / "a.zip", LABELS, axes="YX")
