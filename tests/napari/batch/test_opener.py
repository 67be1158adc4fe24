"""Images of a batch and their labels as layers."""

import numpy as np
import pytest
import tifffile

from napari_mmtseg.napari.batch import opener as batch_opener
from tests.napari.batch.driving import (
    choose,
    run,
    statuses,
)
from tests.napari.driving import assert_found, click, two_levels


@pytest.fixture
def layers(viewer):
    return viewer.layers


@pytest.fixture
def panel(batch_panel, qtbot, labelled):
    """The panel with a batch that is done."""
    batch_panel.form.mode.value = "each"
    choose(batch_panel, qtbot, labelled)
    assert set(statuses(batch_panel).values()) == {"skipped"}
    return batch_panel


def select(panel, name):
    names = [record.item.name for record in panel.table.images.records]
    panel.table.selectRow(names.index(name))


def open_selected(panel, qtbot):
    click(qtbot, panel.open_button)
    qtbot.waitUntil(lambda: panel.open_button.isEnabled(), timeout=20_000)


def open_row(panel, qtbot, name):
    select(panel, name)
    (index,) = panel.table.selectionModel().selectedRows()
    panel.table.doubleClicked.emit(index)
    qtbot.waitUntil(lambda: panel.open_button.isEnabled(), timeout=20_000)


def test_a_double_click_opens_image_and_labels(panel, qtbot, layers):
    open_row(panel, qtbot, "c.tif")
    image, labels = layers
    assert image.name == "c.tif"
    np.testing.assert_array_equal(image.data, two_levels()[0])
    np.testing.assert_allclose(image.scale, (0.25, 0.5))
    assert [str(unit) for unit in labels.units] == ["micrometer", "micrometer"]
    np.testing.assert_allclose(labels.extent.world, image.extent.world)
    assert_found(labels.data, two_levels()[1])
    assert labels.opacity <= 0.5  # the image stays visible
    assert labels.colormap.name == "classes"


def test_labels_in_ome_zarr_are_opened(batch_panel, qtbot, folder, layers):
    pytest.importorskip("ome_zarr")
    batch_panel.form.file_format.value = "zarr"
    batch_panel.form.pattern.value = "c.tif"
    choose(batch_panel, qtbot, folder)
    run(batch_panel, qtbot)
    assert statuses(batch_panel) == {"c.tif": "done"}
    open_row(batch_panel, qtbot, "c.tif")
    image, labels = layers
    np.testing.assert_allclose(labels.extent.world, image.extent.world)
    assert_found(labels.data, two_levels()[1])


def test_a_stack_is_opened_with_its_labels(panel, qtbot, layers):
    open_row(panel, qtbot, "depth.tif")
    image, labels = layers
    assert labels.data.shape == image.data.shape == (3, 48, 64)
    np.testing.assert_allclose(image.scale, (2, 1, 1))
    np.testing.assert_allclose(labels.extent.world, image.extent.world)


def test_depth_before_time_lies_below_its_labels(panel, qtbot, layers):
    open_row(panel, qtbot, "depth_time.tif")
    assert len(layers) == 2
    for layer in layers:
        assert layer.data.shape == (3, 2, 48, 64)
        assert layer.axis_labels == ("T", "Z", "Y", "X")


def test_the_next_image_hides_the_one_before(panel, qtbot, layers):
    for name in ("a.png", "b.png"):
        select(panel, name)
        open_selected(panel, qtbot)
    assert [layer.name for layer in layers] == [
        "a.png",
        "a.png labels",
        "b.png",
        "b.png labels",
    ]
    assert [layer.visible for layer in layers] == [False, False, True, True]
    # Labels that are open already are shown again, edits and all.
    layers["a.png labels"].data[0, 0] = 7
    select(panel, "a.png")
    open_selected(panel, qtbot)
    assert len(layers) == 4
    assert layers["a.png labels"].data[0, 0] == 7
    assert layers["a.png labels"].visible
    assert not layers["b.png"].visible


def test_an_image_without_labels_opens_alone(
    batch_panel, qtbot, folder, layers, notifications
):
    (folder / "b.png").write_bytes(b"no image")
    choose(batch_panel, qtbot, folder)
    select(batch_panel, "a.png")
    open_selected(batch_panel, qtbot)
    assert [layer.name for layer in layers] == ["a.png"]
    select(batch_panel, "b.png")
    open_selected(batch_panel, qtbot)
    ((severity, message),) = notifications
    assert severity == "warning"
    assert "is not an image" in message


def test_channels_and_colours_lie_below_their_labels(panel, qtbot, layers):
    for name in ("channels.tif", "colours.png"):
        open_row(panel, qtbot, name)
    assert [layer.data.shape for layer in layers] == [
        (3, 48, 64),
        (48, 64),
        (48, 64, 3),
        (48, 64),
    ]
    assert layers["colours.png"].rgb
    assert [type(layer).__name__ for layer in layers] == ["Image", "Labels"] * 2


def test_a_large_image_with_channels_is_read_as_it_is_shown(
    batch_panel, qtbot, tmp_path, layers, monkeypatch
):
    zarr = pytest.importorskip("zarr")
    source = tmp_path / "images"
    image, _ = two_levels()
    stack = np.stack([np.stack([image, 255 - image])] * 5)
    array = zarr.open_array(
        source / "large.zarr", mode="w", shape=stack.shape, dtype=stack.dtype,
        chunks=(1, 1, 48, 64),
    )  # fmt: skip
    array[:] = stack
    monkeypatch.setattr(batch_opener, "_LARGEST", 100)
    batch_panel.form.axes.value = "ZCYX"
    choose(batch_panel, qtbot, source)
    open_row(batch_panel, qtbot, "large.zarr")
    (layer,) = layers
    assert not isinstance(layer.data, np.ndarray)
    assert layer.data.shape == (2, 5, 48, 64)
    assert layer.axis_labels == ("C", "Z", "Y", "X")
    np.testing.assert_array_equal(layer.data[1], stack[:, 1])


def test_a_series_is_labelled_and_opened(batch_panel, qtbot, tmp_path, layers):
    source = tmp_path / "several"
    source.mkdir()
    first, second = two_levels()[0], two_levels()[0][:24].T
    with tifffile.TiffWriter(source / "a.tif") as file:
        for pixels in (first, second):
            file.write(pixels, photometric="minisblack", metadata=None)
    batch_panel.form.mode.value = "each"
    batch_panel.form.series.value = 1
    choose(batch_panel, qtbot, source)
    run(batch_panel, qtbot)
    assert statuses(batch_panel) == {"a.tif": "done"}
    remark = batch_panel.table.images.records[0].error
    open_row(batch_panel, qtbot, "a.tif")
    assert [layer.data.shape for layer in layers] == [second.shape] * 2
    assert batch_panel.form.request().series == 1
    assert remark == ""  # it was asked for
    batch_panel.form.series.value = -1
    assert batch_panel.form.series.native.text() == "largest"
    assert batch_panel.form.request().series is None
    open_row(batch_panel, qtbot, "a.tif")
    assert any(layer.data.shape == first.shape for layer in layers)
