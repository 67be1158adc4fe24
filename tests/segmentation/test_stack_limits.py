"""What stacks and large images meet at the limits: memory, disk, odd input, a stop."""

import os
import pickle
import subprocess
import sys
import warnings

import numpy as np
import pytest
from scipy.ndimage import uniform_filter

import napari_mmtseg as mm
from napari_mmtseg.engine.model import tiled_inference as pieces
from napari_mmtseg.images import stack as frames
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.images.tiles import tiles
from napari_mmtseg.labels.matching import LabelMatcher
from napari_mmtseg.segmentation.previews import SlicePreviews
from napari_mmtseg.segmentation.scribble_input import painted_crops
from tests.segmentation.test_stack import QUICK, drained, squares

FAST = {**QUICK, "n_steps": 4, "warm_start_steps": 2}


@pytest.fixture
def small_is_large(monkeypatch):
    monkeypatch.setattr(frames, "LARGE", 100)
    monkeypatch.setattr("napari_mmtseg.engine.model.stack_inference._BLOCK", 32)


def painted(shape, *strokes):
    scribbles = np.zeros(shape, np.int32)
    for place, value in strokes:
        scribbles[place] = value
    return scribbles


@pytest.mark.parametrize("n", [1, 4])
def test_labels_that_do_not_fit_into_out_are_refused_before_the_work(n):
    image, _ = squares(n)
    hints = painted(image.shape, (np.s_[0, 2:5, 2:8], 300), (np.s_[0, 12:20, 12:20], 5))
    out = np.zeros(image.shape, np.uint8)
    told = []

    with pytest.raises(mm.InputError, match="up to 300"):
        told.extend(mm.iter_segment(image, scribbles=hints, out=out, **FAST))
    assert {step.phase for step in told} <= {"preparing"}
    wide = np.zeros(image.shape, np.uint16)
    mm.segment(image, scribbles=hints, out=wide, **FAST)
    assert set(np.unique(wide)) == {5, 300}


def test_more_regions_than_out_can_count_are_refused():
    image = np.zeros((100, 100), np.uint8)
    for y, x in np.ndindex(3, 3):  # 20 by 20 squares
        image[y::5, x::5] = 200
    settings = {**FAST, "n_labels": 2, "output": "regions", "texture": 0.0}
    assert mm.segment(image, **settings).max() > 255
    for given in (image, np.stack([image, image])):
        with pytest.raises(mm.InputError, match="out holds uint8"):
            mm.segment(given, out=np.zeros(given.shape, np.uint8), **settings)


def test_what_cannot_be_written_to_is_refused_before_the_work(tmp_path):
    zarr = pytest.importorskip("zarr")
    image, _ = squares(2)
    closed = np.zeros(image.shape, np.uint8)
    closed.flags.writeable = False
    zarr.create_array(tmp_path / "z", shape=image.shape, dtype="u1", chunks=(1, 9, 9))
    for out in (closed, zarr.open_array(tmp_path / "z", mode="r")):
        with pytest.raises(mm.InputError, match="only be read"):
            mm.iter_segment(image, out=out, **FAST)
    model = mm.fit(image, **FAST)
    for out in (image, image[:, ::-1]):
        with pytest.raises(mm.InputError, match="is the image itself"):
            mm.iter_segment(image, out=out, **FAST)
        with pytest.raises(mm.InputError, match="is the image itself"):
            model.predict(image, out=out)


@pytest.mark.parametrize("shape", [(150, 260), (60, 300), (100, 100)])
def test_a_tile_without_neighbours_is_halved_with_its_halo(shape):
    image = np.random.default_rng(0).random((1, *shape)).astype(np.float32)

    def answer(part):  # every pixel depends on those up to 5 pixels away
        if part[0].size > image.size // 2:
            raise RuntimeError("CUDA out of memory")
        return uniform_filter(part, (0, 11, 11), mode="constant")

    found = np.zeros_like(image)
    with pytest.warns(UserWarning, match="smaller tiles"):
        parts = list(pieces.predict_tiles(image, list(tiles(shape, 512, 5)), answer))
    for tile, part in parts:
        found[(slice(None), *tile.core)] = part
    expected = uniform_filter(image, (0, 11, 11), mode="constant")
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_clean_up_of_blocks_keeps_what_is_painted(small_is_large):
    image, _ = squares(1, (60, 80))
    hints = painted(
        image[0].shape, (np.s_[2:4, 2:60], 1), (np.s_[12:20, 12:28], 2), ((50, 70), 2)
    )
    labels = mm.segment(image[0], scribbles=hints, min_region_size=9, **FAST)
    np.testing.assert_array_equal(labels[hints > 0], hints[hints > 0])


@pytest.mark.parametrize("asked", [{"min_region_size": 5}, {"output": "regions"}])
def test_a_stop_within_a_slice_keeps_the_blocks_that_are_done(small_is_large, asked):
    image, _ = squares(1, (60, 80))

    def stop_in_the_middle(step):
        return "stop" if step.fraction > 0.4 else None

    steps = mm.iter_segment(image[0], **asked, **FAST)
    result, _ = drained(steps, stop_in_the_middle)
    assert 0.3 < (result.labels > 0).mean() < 0.8
    assert result.n_labels == len(np.unique(result.labels)) - 1


@pytest.mark.parametrize("mode", ["one_model", "slice_by_slice"])
def test_after_a_stop_nothing_is_left_of_what_was_in_out(mode):
    image, _ = squares()
    out = np.full(image.shape, 9, np.uint8)

    def stop_after_two(step):
        return "stop" if step.phase == "prediction" and step.n_done == 2 else None

    drained(mm.iter_segment(image, stack=mode, out=out, **FAST), stop_after_two)
    assert (out[:2] > 0).all()
    assert (out[2:] == 0).all()


def test_a_stop_before_the_training_counts():
    image, _ = squares()
    steps = mm.iter_segment(image, **QUICK)
    at_once = {"preparing": "stop"}
    result, _ = drained(steps, lambda step: at_once.get(step.phase))
    assert result.n_steps <= 1


def test_cancel_while_parts_are_read():
    class Slow:
        shape, dtype, n_read = (200, 16, 16), np.dtype("u1"), 0

        def __getitem__(self, index):
            self.n_read += 1
            return np.zeros(self.shape, self.dtype)[index]

    image = Slow()
    steps = mm.iter_segment(image, should_cancel=lambda: image.n_read > 2, **QUICK)
    with pytest.raises(mm.Cancelled):
        drained(steps)
    assert image.n_read == 3


def test_a_model_that_was_used_can_be_sent_to_other_processes():
    image, _ = squares()
    model = mm.fit(image, **FAST)
    labels = model.predict(image)
    copy = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(copy.predict(image), labels)


def test_a_class_that_is_painted_in_one_slice_alone_is_learned():
    image, _ = squares(12)
    image[5, 30:38, 34:46] = 220
    hints = painted(image.shape, (np.s_[:, 1:3, 2:30], 1), (np.s_[5, 33, 36:44], 3))
    for i in range(12):
        hints[i, 12 + 2 * i if i < 10 else 38, 14:26] = 2
    labels = mm.segment(image, scribbles=hints, **{**QUICK, "n_crops": 3})
    np.testing.assert_array_equal(labels[hints > 0], hints[hints > 0])


def test_painted_parts_are_those_with_most_paint_and_one_of_each_value(monkeypatch):
    hints = painted(
        (5, 40, 48), (np.s_[:4, :9], 1), (np.s_[1, 9:12], 2), ((4, 0, 0), 7)
    )
    stack = ImageStack.of(np.zeros(hints.shape, np.uint8))
    chosen = [c.location.index for c in painted_crops(stack, hints, 3, 16)]
    assert chosen == [(1,), (0,), (4,)]
    monkeypatch.setattr("napari_mmtseg.segmentation.scribble_input._WHOLE", 100)
    parts = [crop.scribbles for crop in painted_crops(stack, hints, 1, 16)]
    assert {int(v) for part in parts for v in np.unique(part)} == {0, 1, 2, 7}
    assert all(part.shape == (16, 16) for part in parts)


def test_a_full_disk_is_told_before_it_is_met(tmp_path):
    script = (
        "import numpy as np, sys\n"
        "from napari_mmtseg import InputError\n"
        "from napari_mmtseg.labels.store import new_store\n"
        "try:\n"
        "    new_store((2**40,), np.uint8, 0.0)\n"
        "except InputError as error:\n"
        "    print(error)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "do not fit" in said
    assert str(tmp_path) in said


def test_large_volumes_have_no_preview(monkeypatch):
    previews = SlicePreviews((400, 400, 400), 0.0)
    assert previews.take((slice(0, 1),) * 3, np.ones((1, 1, 1), np.int32)) is None


def test_slice_by_slice_refuses_slices_that_are_too_large(small_is_large):
    image, _ = squares()
    with pytest.raises(mm.InputError, match="one_model"):
        mm.iter_segment(image, stack="slice_by_slice", **FAST)


@pytest.mark.parametrize("shape", [(8, 1300), (30, 5000), (3, 9, 2000)])
@pytest.mark.parametrize("merging", ["classes", "regions"])
def test_long_and_narrow_images(shape, merging):
    image = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    assert mm.segment(image, merging=merging, **FAST).shape == shape


def test_out_changes_no_label_of_regions():
    image, _ = squares(1, (96, 96))
    noise = np.random.default_rng(1).normal(0, 25, image[0].shape)
    model = mm.fit(image[0] + noise, merging="regions", n_labels=3, **FAST)
    expected = model.predict(image[0] + noise, output="regions")
    out = np.zeros(expected.shape, np.int32)
    model.predict(image[0] + noise, output="regions", out=out)
    np.testing.assert_array_equal(out, expected)


def test_a_slice_without_values_does_not_end_the_run():
    image, truth = squares()
    film = image.astype(np.float32)
    film[2] = np.nan
    with pytest.warns(UserWarning, match="no finite value"):
        labels = mm.segment(film, stack="slice_by_slice", n_labels=2, **QUICK)
    assert not labels[2].any()
    assert (labels[[0, 1, 3, 4]] > 0).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of NaN
        labels = mm.segment(film, normalization="each", n_labels=2, **QUICK)
    assert (labels[3][truth[3]] == 2).mean() > 0.9


def test_volumes_and_images_do_not_mix():
    volume = np.random.default_rng(0).random((6, 24, 24))
    for other in (volume[0], volume[:1]):
        with pytest.raises(mm.InputError, match="only volumes"):
            mm.fit([volume, other], stack="volume", **FAST)


def test_the_model_numbers_classes_as_the_result_does():
    rng = np.random.default_rng(3)
    image = rng.normal(50, 0.5, (60, 60))
    image[:, 30:] += 80
    image[20:30, 10:20] = 90  # in the middle of the others: clean-up takes it
    settings = {**QUICK, "n_labels": 3, "merging": "classes", "edge_scale": None}
    for given in (image, np.stack([image, image])):
        assert set(np.unique(mm.segment(given, **settings))) == {1, 2, 3}
        steps = mm.iter_segment(given, min_region_size=200, **settings)
        result, _ = drained(steps)
        assert set(np.unique(result.labels)) == {1, 2}
        np.testing.assert_array_equal(result.model.predict(given), result.labels)


def test_what_is_no_match_takes_no_partner_away(monkeypatch):
    likeness = np.array([[0.45, 0.19, 0], [0, 0.17, 0.55], [0, 0, 0.44]])
    matcher = LabelMatcher()
    matcher._known = dict.fromkeys([1, 2, 3])
    monkeypatch.setattr(matcher, "_likeness", lambda *_: likeness.copy())
    monkeypatch.setattr(matcher, "_remember", lambda *_: matcher._known.update({4: 0}))
    labels = np.array([[1, 2, 3]], np.int32)
    found = matcher.match(labels, np.zeros((1, 1, 3)))
    assert found[0, :2].tolist() == [1, 3]


def test_a_stack_with_its_slices_behind_keeps_no_hierarchy_that_would_differ():
    image, _ = squares()
    moved = np.moveaxis(image, 0, -1)
    result, _ = drained(mm.iter_segment(moved, axes="YXT", min_region_size=9, **FAST))
    assert result.hierarchy is None
    result, _ = drained(mm.iter_segment(moved, axes="YXT", **FAST))
    np.testing.assert_array_equal(result.hierarchy.labels(), result.labels)


def test_examples_of_a_stack_with_channels_are_its_slices():
    film = np.stack([squares(3)[0]] * 2, axis=1)  # (T, C, Y, X)
    hints = painted(film[0, 0].shape, (np.s_[2:4, 2:40], 1), (np.s_[12:20, 14:26], 2))
    labels = mm.segment(film, axes="TCYX", examples=[(film[0], hints)], **FAST)
    assert labels.shape == (3, 40, 48)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"axes": ("Z", "Y", "X")}, "is a tuple"),
        ({"axes": "CYX", "channel_axis": "a"}, "channel_axis"),
        ({"spacing": "abc"}, "does not fit"),
    ],
)
def test_arguments_of_the_wrong_kind_are_refused(options, message):
    image, _ = squares(3)
    with pytest.raises(mm.InputError, match=message):
        mm.iter_segment(image, **options)


def test_arrays_of_other_libraries_and_of_unknown_shape():
    torch = pytest.importorskip("torch")
    dask_array = pytest.importorskip("dask.array")
    image, _ = squares(2)
    expected = mm.segment(image, **FAST)
    labels = mm.segment(torch.from_numpy(image), **FAST)
    np.testing.assert_array_equal(labels, expected)
    values = dask_array.from_array(image)
    unknown = values[values[:, 0, 0] > 0]
    with pytest.raises(mm.InputError, match="compute_chunk_sizes"):
        mm.iter_segment(unknown, **FAST)


def test_a_lazy_stack_is_computed_once(small_is_large):
    dask_array = pytest.importorskip("dask.array")
    image, _ = squares(4, (90, 110))
    counted = []

    def read(block):
        counted.append(block.shape)
        return block

    lazy = dask_array.from_array(image, chunks=(2, 32, 32)).map_blocks(
        read, dtype=image.dtype, meta=np.empty((0, 0, 0), image.dtype)
    )
    model = mm.fit(image, normalization="together", **FAST)
    counted.clear()
    labels = model.predict(lazy)
    assert len(counted) == lazy.npartitions
    np.testing.assert_array_equal(labels, model.predict(image))


class Broken:
    """A stack whose last slices are gone."""

    def __init__(self, image, n_left):
        self._image, self._n_left = image, n_left
        self.shape, self.dtype = image.shape, image.dtype

    def __getitem__(self, index):
        if index[0] >= self._n_left:
            raise OSError("network drive gone")
        return self._image[index]


@pytest.mark.parametrize(("mode", "last"), [("one_model", 39), ("slice_by_slice", 2)])
def test_a_slice_that_cannot_be_read_does_not_take_those_before_with_it(mode, last):
    image, _ = squares(last + 1)  # of 40 slices the last is not learned from
    steps = mm.iter_segment(Broken(image, last), stack=mode, **FAST)
    with pytest.warns(UserWarning, match=f"slice {last} of .* network drive gone"):
        result, _ = drained(steps)
    assert (result.labels[:last] > 0).all()
    assert not result.labels[last].any()
    assert result.is_partial
    assert result.stop_reason == f"ended by an error after {last} of {last + 1} slices"


def test_an_image_that_cannot_be_read_at_all_is_refused():
    image, _ = squares()
    with pytest.raises(mm.InputError, match=r"cannot be read \(OSError"):
        mm.segment(Broken(image, 0), **FAST)
