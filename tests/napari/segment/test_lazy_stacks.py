"""Stacks that are not read as a whole, and labels that do not fit in memory."""

import dask.array as da
import numpy as np
import pytest
import zarr
from qtpy.QtWidgets import QApplication

import napari
import napari_mmtseg as mm
from tests.napari.driving import (
    QUICK,
    assert_the_same,
    click,
    in_a_thread,
    labels_layers,
    run_to_the_end,
    set_values,
)
from tests.napari.stacks import IMAGE, STACK, CountedStack


def lazy_dask(tmp_path, data):
    return da.from_array(data, chunks=(*(1,) * (data.ndim - 2), *data.shape[-2:]))


def lazy_zarr(tmp_path, data):
    array = zarr.create_array(
        tmp_path / "stack.zarr",
        shape=data.shape,
        chunks=(*(1,) * (data.ndim - 2), *data.shape[-2:]),
        dtype=data.dtype,
    )
    array[...] = data
    return array


def lazy_memmap(tmp_path, data):
    array = np.memmap(tmp_path / "stack.raw", data.dtype, "w+", shape=data.shape)
    array[...] = data
    return array


@pytest.mark.parametrize("lazy", [lazy_dask, lazy_zarr, lazy_memmap])
def test_lazy_stacks_give_the_same_labels(viewer, panel, qtbot, tmp_path, lazy):
    viewer.add_image(lazy(tmp_path, STACK), name="stack", contrast_limits=(0, 255))
    panel.axes.value = "Z Y X"
    assert "read while it runs" in panel.hint.text()
    run_to_the_end(panel, qtbot)
    expected = in_a_thread(mm.segment, STACK, axes="ZYX", background="auto", **QUICK)
    assert_the_same(labels_layers(viewer)[0].data, expected)


def test_of_several_levels_the_finest_is_segmented(viewer, panel, qtbot):
    levels = [STACK, STACK[:, ::2, ::2]]
    viewer.add_image(levels, multiscale=True, name="stack", scale=(3, 0.5, 0.5))
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert labels.data.shape == STACK.shape
    np.testing.assert_allclose(labels.scale, (3, 0.5, 0.5))


def test_a_lazy_stack_is_never_read_as_a_whole(viewer, panel, qtbot):
    stack = CountedStack(STACK)
    viewer.add_image(stack, name="stack", contrast_limits=(0, 255), multiscale=False)
    stack.read.clear()
    run_to_the_end(panel, qtbot)
    assert max(stack.read) <= IMAGE.size
    assert labels_layers(viewer)[0].data.shape == STACK.shape


@pytest.mark.window
def test_labels_that_lie_in_a_file(viewer, panel, qtbot):
    viewer.add_image(STACK, name="stack")
    set_values(panel, memory_share=0.0)
    assert "go to a file on disk" in panel.memory.text()
    assert "color" in panel.memory.styleSheet()
    run_to_the_end(panel, qtbot)
    (labels,) = labels_layers(viewer)
    assert isinstance(labels.data, np.memmap)
    assert "temporary file" in panel.class_count_section.about.text()
    assert not panel.class_count_section.slider.isVisibleTo(panel.native)
    labels.data_setitem((np.array([3]), np.array([0]), np.array([0])), 9)
    assert labels.data[3, 0, 0] == 9


@pytest.mark.parametrize("lazy", [False, True])
def test_the_code_of_a_stack_gives_the_same_labels(
    viewer, panel, qtbot, monkeypatch, lazy
):
    data = np.stack([STACK, STACK[:, ::-1]], axis=1)  # with two channels
    data = da.from_array(data, chunks=(1, 2, 48, 64)) if lazy else data
    viewer.add_image(
        data, name="stack", scale=(2, 1, 1, 1), contrast_limits=(0, 255),
        axis_labels=("z", "c", "y", "x"),
    )  # fmt: skip
    box = np.array([[4, 6], [4, 60], [44, 60], [44, 6]], float)
    shapes = viewer.add_shapes([box], shape_type="rectangle")
    panel.area.value = f"box around {shapes.name}"
    set_values(panel, n_labels=2)
    click(qtbot, panel.settings_actions.copy_button)
    code = QApplication.clipboard().text()
    assert "axes='ZCYX'" in code
    assert "[:, :, 4:44, 6:60]" in code
    assert ("da.asarray" in code) == lazy
    run_to_the_end(panel, qtbot)
    monkeypatch.setattr(napari, "current_viewer", lambda: viewer)
    names = {}
    exec(code, names)
    (labels,) = labels_layers(viewer)
    assert labels.data.shape == (6, 1, 40, 54)
    np.testing.assert_array_equal(names["labels"], labels.data[:, 0])
