import numpy as np
import pytest
from benchmarks.stained_tissue import UNKNOWN, StainedTissue
from benchmarks.strokes import strokes
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage import data as images

import napari_mmtseg as mm
from napari_mmtseg.progress import drain
from napari_mmtseg.segmentation.fit import iter_fit

QUICK = {"n_steps": 4, "warm_start_steps": 3, "max_labels": 8, "device": "cpu"}


def two_textures(height=64, width=96, seed=0):
    """Fine and coarse stripes of the same mean and the same range, side by side."""
    rows, columns = np.indices((height, width))
    fine, coarse = rows // 1 % 2, rows // 6 % 2
    noise = np.random.default_rng(seed).normal(0, 0.05, (height, width))
    image = np.where(columns < width // 2, fine, coarse) + noise
    return image.astype(np.float32), np.where(columns < width // 2, 1, 2)


def strokes_on(truth, values=(4, 9)):
    scribbles = np.zeros(truth.shape, np.int64)
    scribbles[20:23, 8:24], scribbles[40:43, 60:80] = values
    return scribbles


def stopped(steps):
    while True:
        try:
            steps.send("stop")
        except StopIteration as end:
            return end.value


def three_levels():
    image = np.zeros((48, 60), np.float32)
    image[:, 20:40], image[:, 40:] = 0.5, 1
    return image + np.random.default_rng(0).normal(0, 0.02, image.shape)


def test_textures_of_equal_mean_are_told_apart_by_two_strokes():
    image, truth = two_textures()
    scribbles = strokes_on(truth)
    labels = mm.segment(image, scribbles=scribbles)
    assert set(np.unique(labels)) == {4, 9}
    assert (labels == np.where(truth == 1, 4, 9)).mean() > 0.95


@given(st.data())
@settings(max_examples=25)
def test_painted_pixels_always_come_back_as_painted(data):
    image = data.draw(
        arrays(np.float32, (12, 14), elements=st.sampled_from([0.0, 0.5, 1.0]))
    )
    values = st.sampled_from([0, 0, 0, 1, 2, 7])
    scribbles = data.draw(arrays(np.int32, (12, 14), elements=values))
    if not scribbles.any():
        return
    labels = mm.segment(
        image,
        scribbles=scribbles,
        min_region_size=data.draw(st.integers(0, 9)),
        **QUICK,
    )
    painted = scribbles > 0
    np.testing.assert_array_equal(labels[painted], scribbles[painted])
    if len(np.unique(scribbles[painted])) > 1:
        assert set(np.unique(labels)) == set(np.unique(scribbles[painted]))


def test_nuclei_in_tissue_are_found_though_regions_are_larger():
    part = slice(150, 400)
    image = images.immunohistochemistry()[part, part]
    truth = StainedTissue().read_truths()[0][part, part].astype(int)
    truth[truth == UNKNOWN] = -1
    painted = strokes(truth, 0, per_class=6, length=12)
    labels = mm.segment(image, scribbles=painted, n_steps=20, warm_start_steps=15)
    for value in range(3):
        there = (truth == value) & (painted == 0)
        assert (labels[there] == value + 1).mean() > 0.85


def test_other_classes_are_found_beside_the_painted_ones():
    image = three_levels()
    scribbles = np.zeros(image.shape, int)
    scribbles[10:13, 25:35] = 2
    labels = mm.segment(image, scribbles=scribbles, n_labels=3)
    # The smallest free values, from dark to bright.
    assert [int(labels[24, x]) for x in (5, 30, 55)] == [1, 2, 3]
    alone = mm.segment(image, scribbles=scribbles)
    assert alone[24, 30] == 2
    assert {1, 2} <= set(np.unique(alone))
    assert 2 not in (alone[24, 5], alone[24, 55])


def test_fewer_classes_than_asked_for_are_said_so():
    scribbles = np.zeros((20, 20), int)
    scribbles[3, 3:9] = 4
    with pytest.warns(UserWarning, match="Only 1 of the 3 classes"):
        labels = mm.segment(np.ones((20, 20)), scribbles=scribbles, n_labels=3)
    assert (labels == 4).all()


def test_a_second_run_takes_corrections_and_new_classes():
    image = three_levels()
    scribbles = np.zeros(image.shape, int)
    scribbles[10:13, 4:16], scribbles[10:13, 45:55] = 1, 2
    first = drain(mm.iter_segment(image, scribbles=scribbles))
    scribbles[30:33, 22:38] = 6
    second = drain(mm.iter_segment(image, scribbles=scribbles, model=first.model))
    assert second.n_steps <= first.n_steps / 3
    assert [int(second.labels[24, x]) for x in (5, 30, 55)] == [1, 6, 2]
    np.testing.assert_array_equal(second.model.label_values, [1, 6, 2])


def test_classes_that_were_found_stay_but_for_what_is_painted():
    image = three_levels()
    found = drain(mm.iter_segment(image, n_labels=2))
    scribbles = np.zeros(image.shape, int)
    scribbles[20:23, 24:36] = 5
    mended = drain(mm.iter_segment(image, scribbles=scribbles, model=found.model))
    assert (mended.labels[:, 22:38] == 5).mean() > 0.9
    rest = np.r_[0:18, 42:60]
    assert (mended.labels[:, rest] == found.labels[:, rest]).mean() > 0.98
    hierarchy = mended.hierarchy
    np.testing.assert_array_equal(hierarchy.labels(), mended.labels)


@pytest.mark.parametrize("merging", ["classes", "regions"])
@pytest.mark.parametrize("texture", [0.0, 0.5])
def test_confirming_a_class_changes_next_to_nothing(merging, texture):
    image, _ = two_textures()
    chosen = {"merging": merging, "texture": texture, "n_labels": 2}
    found = drain(mm.iter_segment(image, **chosen))
    scribbles = np.zeros(image.shape, int)
    scribbles[30:32, 10:20] = found.labels[30:32, 10:20]
    again = drain(mm.iter_segment(image, scribbles=scribbles, model=found.model))
    # Where noise alone tells textures apart, training on moves borders: .84 to .98.
    assert (again.labels == found.labels).mean() > 0.75


def test_another_image_gets_the_same_values_also_from_a_file(tmp_path):
    image, truth = two_textures()
    model = mm.fit(image, scribbles=strokes_on(truth))
    other, _ = two_textures(seed=1)
    labels = model.predict(other[:, ::-1])
    assert (labels[:, ::-1] == np.where(truth == 1, 4, 9)).mean() > 0.95
    path = tmp_path / "model.safetensors"
    model.save(path)
    loaded = mm.load_model(path)
    np.testing.assert_array_equal(loaded.predict(other[:, ::-1]), labels)
    np.testing.assert_array_equal(loaded.label_values, model.label_values)
    assert set(np.unique(model.labels(other, n_labels=1))) <= {4, 9}
    # What was loaded can be taught, too.
    again = mm.segment(image, scribbles=strokes_on(truth, (9, 4)), model=loaded)
    assert again[21, 10] == 9


def test_several_images_share_the_strokes():
    image, truth = two_textures()
    second, _ = two_textures(seed=3)
    only_left = np.where(truth == 1, strokes_on(truth), 0)
    only_right = np.where(truth == 2, strokes_on(truth), 0)
    model = mm.fit([image, second], scribbles=[only_left, only_right])
    assert (model.predict(image) == np.where(truth == 1, 4, 9)).mean() > 0.95
    model = mm.fit([image, second], model=model, **QUICK)
    assert set(model.label_values) == {4, 9}
    model = mm.fit([image, second], scribbles=[strokes_on(truth), None])
    assert (model.predict(second) == np.where(truth == 1, 4, 9)).mean() > 0.95


def test_values_of_any_model_are_kept(tmp_path):
    image = three_levels()
    model = mm.fit(image, n_labels=3)
    model.label_values = np.array([3, 8, 5], np.int32)
    path = tmp_path / "model.safetensors"
    model.save(path)
    labels = mm.load_model(path).predict(image)
    assert [int(labels[24, x]) for x in (5, 30, 55)] == [3, 8, 5]
    assert set(np.unique(model.labels(image, n_labels=2))) < {3, 5, 8}


def test_values_that_a_model_was_given_are_what_is_painted():
    image = three_levels()
    found = drain(mm.iter_segment(image, n_labels=3))
    found.model.label_values = np.array([3, 8, 5], np.int32)
    scribbles = np.zeros(image.shape, int)
    scribbles[20:23, 24:36] = 8
    labels = mm.segment(image, scribbles=scribbles, model=found.model)
    assert [int(labels[24, x]) for x in (5, 30, 55)] == [3, 8, 5]


def test_previews_show_painted_values():
    image, truth = two_textures()
    scribbles = strokes_on(truth)
    steps = mm.iter_segment(image, scribbles=scribbles, preview_interval=0, **QUICK)
    shown = [step.labels for step in steps if step.labels is not None]
    assert shown
    for labels in shown:
        assert set(np.unique(labels)) <= {4, 9}
        np.testing.assert_array_equal(labels[scribbles > 0], scribbles[scribbles > 0])


def test_stop_keeps_what_there_is_and_cancel_leaves():
    image, truth = two_textures()
    steps = mm.iter_segment(image, scribbles=strokes_on(truth))
    next(steps)
    result = stopped(steps)
    assert result.stop_reason == "stopped by the user"
    assert set(np.unique(result.labels)) == {4, 9}
    steps = mm.iter_segment(
        image, scribbles=strokes_on(truth), should_cancel=lambda: True
    )
    with pytest.raises(mm.Cancelled):
        list(steps)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"scribbles": np.zeros((64, 96), int)}, "empty"),
        ({"scribbles": np.ones((64, 95), int)}, "shape"),
        ({"scribbles": np.ones((64, 96))}, "type float64"),
        ({"scribbles": np.full((64, 96), -2)}, "from -2"),
        ({"n_labels": 1}, "2 classes are painted"),
        ({"method": "kmeans"}, "method=kmeans cannot use scribbles"),
    ],
)
def test_bad_input_is_refused_at_once(change, said):
    image, truth = two_textures()
    with pytest.raises(mm.InputError, match=said):
        mm.iter_segment(image, **{"scribbles": strokes_on(truth), **change})


def test_a_model_that_does_not_fit_is_refused():
    image, truth = two_textures()
    model = mm.fit(image, scribbles=strokes_on(truth), **QUICK)
    colour = np.stack([image] * 3, axis=-1)
    with pytest.raises(mm.InputError, match="3 channels does not fit"):
        mm.iter_segment(colour, model=model)
    with pytest.raises(mm.InputError, match="together are 2"):
        mm.iter_segment(image, model=model, n_labels=3)
    many = np.zeros(image.shape, int)
    many[0, :20] = np.arange(20) + 20
    with pytest.raises(mm.InputError, match="more than max_labels=8"):
        mm.iter_segment(image, scribbles=many, model=model)
    with pytest.raises(mm.InputError, match="for 1 images are given for 2"):
        iter_fit([image, image], scribbles=[many])


def test_one_image_learns_from_another():
    image, truth = two_textures()
    other, _ = two_textures(seed=1)
    here, there = strokes_on(truth), strokes_on(truth)
    here[here == 9] = 0
    there[there == 4] = 0
    labels = mm.segment(image, scribbles=here, examples=[(other, there)])
    assert set(np.unique(labels)) == {4, 9}
    assert (labels == np.where(truth == 1, 4, 9)).mean() > 0.95
    assert (labels[here > 0] == 4).all()


def test_an_example_of_another_kind_is_refused():
    image, truth = two_textures()
    colour = np.stack([image] * 3, -1)
    with pytest.raises(mm.InputError, match="channels"):
        mm.iter_segment(  # at once, before the first step
            image, scribbles=strokes_on(truth), examples=[(colour, strokes_on(truth))]
        )
