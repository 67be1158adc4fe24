"""Several layers, or some of an axis, as the channels of one image."""

import json

import numpy as np
import pytest

import napari_mmtseg as mm
from napari_mmtseg.images.picked_channels import PickedChannels
from napari_mmtseg.napari.layers.channels import (
    ChannelStack,
    axis_channels,
    is_same_image,
    layer_channels,
    with_channels,
)
from napari_mmtseg.napari.layers.result import result_of
from napari_mmtseg.napari.layers.source import choose_source
from napari_mmtseg.napari.segment.settings_actions import as_python
from tests.napari.driving import (
    QUICK,
    in_a_thread,
    labels_layers,
    run_to_the_end,
    set_values,
    two_levels,
    wait_for_end,
)


@pytest.fixture
def two(viewer, panel):
    """Two layers that only together show three classes."""
    first, _ = two_levels()
    second = np.zeros(first.shape, np.uint16)
    second[:, 40:] = 4000
    return [
        viewer.add_image(first, name="nuclei", scale=(2, 2)),
        viewer.add_image(second, name="membrane", scale=(2, 2)),
    ]


def titles(panel):
    return [box.text() for box in panel.choice.channels.boxes]


def checked(panel):
    return [box.text() for box in panel.choice.channels.boxes if box.isChecked()]


def test_layers_of_one_place_are_offered_and_selected_ones_checked(viewer, panel, two):
    viewer.add_image(np.zeros((9, 9)), name="other")
    viewer.add_image(np.zeros((48, 64)), name="elsewhere", translate=(5, 5))
    viewer.layers.selection.active = two[0]
    assert titles(panel) == ["nuclei", "membrane"]
    assert checked(panel) == ["nuclei"]
    assert panel.choice.source().channels == ()
    viewer.layers.selection = set(two)
    assert checked(panel) == ["nuclei", "membrane"]
    source = panel.choice.source()
    assert source.channels == ("nuclei", "membrane")
    assert source.name == "nuclei + membrane"
    assert "2 channels (C)" in panel.hint.text()
    panel.choice.channels.boxes[1].setChecked(False)
    assert panel.choice.source().channels == ()


def test_a_run_on_two_layers(viewer, panel, two, qtbot):
    viewer.layers.selection = set(two)
    set_values(panel, n_labels=3)
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert labels.name == "nuclei + membrane labels"
    assert labels.data.shape == (48, 64)
    np.testing.assert_allclose(labels.scale, (2, 2))
    both = np.stack([layer.data for layer in two])
    asked = {"n_labels": 3, "background": "auto", **QUICK}
    expected = in_a_thread(mm.segment, both, channel_axis=0, **asked)
    np.testing.assert_array_equal(labels.data, expected)
    about = labels.metadata["napari_mmtseg"]
    assert about["channels"] == ["nuclei", "membrane"]
    json.dumps(about)
    assert result_of(labels).model.channel_names == ("nuclei", "membrane")


def test_the_model_knows_its_channels(tmp_path):
    image = np.random.default_rng(0).random((2, 20, 20))
    model = mm.fit(image, channel_axis=0, **QUICK)
    model.channel_names = ("nuclei", "membrane")
    model.save(tmp_path / "a.safetensors")
    loaded = mm.load_model(tmp_path / "a.safetensors")
    assert loaded.channel_names == ("nuclei", "membrane")
    with pytest.raises(mm.InputError, match=r"fitted on 2 \(nuclei, membrane\)"):
        loaded.predict(image[0])


def test_code_for_the_same_run(viewer, two, monkeypatch):
    import napari

    monkeypatch.setattr(napari, "current_viewer", lambda: viewer)
    crop = (slice(2, 40), slice(0, 50))
    source = with_channels(
        choose_source(two[0], "Y X", crop=crop), layer_channels(two[0], viewer.layers)
    )
    settings = mm.SegmentationSettings(n_labels=3, **QUICK)
    code = as_python(source, settings)
    found = {}
    in_a_thread(exec, code, found)
    np.testing.assert_array_equal(found["image"], source.read())
    assert found["labels"].shape == (38, 50)


@pytest.mark.parametrize("axes", ["C Z Y X", "Z C Y X"])
def test_some_channels_of_a_stack(viewer, panel, axes):
    shape = (3, 5, 20, 24) if axes.startswith("C") else (5, 3, 20, 24)
    image = np.random.default_rng(0).random(shape)
    layer = viewer.add_image(image, name="stack")
    panel.axes.value = axes
    assert checked(panel) == ["channel 0", "channel 1", "channel 2"]
    assert panel.choice.source().channels == ()
    panel.choice.channels.boxes[1].setChecked(False)
    source = panel.choice.source()
    assert source.channels == ("channel 0", "channel 2")
    assert source.picked == PickedChannels((0, 2), 3)
    assert source.name == "stack"
    at = axes.split().index("C")
    expected = np.moveaxis(image, at, 0)[[0, 2]]
    np.testing.assert_array_equal(source.read(), expected)
    assert source.as_stack().shape == (5, 20, 24)
    whole = choose_source(layer, axes, all_slices=True)
    assert source.place.shape == whole.place.shape
    (part,) = {eval(code, {"layer": layer}).shape for code in source.channel_code}
    assert part == (5, 20, 24)
    for box in panel.choice.channels.boxes:
        box.setChecked(False)
    assert not panel.run_button.isEnabled()
    assert "Check at least one" in panel.reason.text()


@pytest.mark.parametrize("n_slices", [1, 3])
def test_a_model_of_some_channels_picks_them(viewer, panel, qtbot, n_slices):
    """Applied to another image with all of them, or with just these."""
    plane, _ = two_levels()
    noise = np.random.default_rng(0).integers(0, 4000, plane.shape).astype(np.uint16)
    image = np.stack([plane, noise, plane.max() - plane])
    axes = "C Y X"
    if n_slices > 1:
        image, axes = np.stack([image] * n_slices, 1), "C Z Y X"
    viewer.add_image(image, name="first")
    panel.axes.value = axes
    set_values(panel, n_labels=2)
    panel.choice.channels.boxes[1].setChecked(False)
    run_to_the_end(panel, qtbot)
    (first,) = labels_layers(viewer)
    model = result_of(first).model
    assert model.picked_channels == PickedChannels((0, 2), 3)
    for other in (image[..., ::-1, :], image[[0, 2]][..., ::-1, :]):
        viewer.add_image(other, name="second")
        panel.axes.value = axes
        panel.model_actions.apply_layer(first)
        wait_for_end(panel, qtbot)
        second = labels_layers(viewer)[-1]
        assert second is not first, panel.progress.text.text()
        same = second.data[..., ::-1, :].reshape(first.data.shape) == first.data
        assert same.mean() > 0.97
        viewer.layers.remove(second)


def test_channels_are_compared_by_what_they_are(two, viewer):
    source = choose_source(two[0], "Y X")
    channels = layer_channels(two[0], viewer.layers)
    both, again = (with_channels(source, channels) for _ in range(2))
    assert is_same_image(both, again)
    assert not is_same_image(both, with_channels(source, channels[:1]))
    assert not is_same_image(both, source)
    assert is_same_image(source, choose_source(two[0], "Y X"))
    assert both.array.dtype == np.uint16


def test_a_part_of_a_channel_stack_is_read():
    arrays = tuple(np.arange(12).reshape(3, 4) + 100 * i for i in range(3))
    stack = ChannelStack(arrays)
    assert stack.shape == (3, 3, 4)
    part = (slice(1, 3), slice(0, 2), 3)
    np.testing.assert_array_equal(stack[part], np.stack(arrays)[part])
    np.testing.assert_array_equal(stack[(1, 2, slice(None))], arrays[1][2])


def test_entries_of_an_axis(viewer):
    layer = viewer.add_image(np.arange(48).reshape(2, 4, 6))
    first, second = axis_channels(layer, 0)
    np.testing.assert_array_equal(np.asarray(second.array), layer.data[1])
    assert (first.name, second.code) == ("channel 0", "layer.data[1]")
    assert axis_channels(layer, 1)[2].code == "layer.data[:, 2]"
