import subprocess
import sys
import warnings

import numpy as np
import pytest
import torch
from skimage import data

import napari_mmtseg as mm
from napari_mmtseg.engine.device import choose_device
from tests.draining import drain

QUICK = {"n_steps": 6, "warm_start_steps": 3, "max_labels": 8}


def two_levels(height=32, width=40, dtype=np.uint8):
    image = np.zeros((height, width))
    image[height // 4 : -height // 4, width // 4 : -width // 4] = 1
    if np.dtype(dtype).kind in "ui":
        image *= 200 if np.dtype(dtype) != np.int8 else 100
    return image.astype(dtype)


@pytest.mark.parametrize("smoothness", [0, 2, 50])
def test_two_levels_become_two_classes_from_dark_to_bright(smoothness):
    image = two_levels()
    labels = mm.segment(image, n_labels=2, continuity_weight=smoothness)
    assert labels.dtype == np.int32
    assert (labels == 1 + (image > 0)).mean() > 0.95


@pytest.mark.parametrize(
    "dtype", ["bool", "u1", "i1", "u2", "i2", "u4", "i4", "f2", "f4", "f8"]
)
def test_any_data_type(dtype):
    image = two_levels(dtype=dtype)
    labels = mm.segment(image, n_labels=2)
    assert (labels == 1 + (image > 0)).mean() > 0.95


@pytest.mark.parametrize(
    ("shape", "channel_axis"),
    [((20, 24), None), ((20, 24, 3), None), ((5, 20, 24), 0), ((20, 2, 24), 1)],
)
@pytest.mark.parametrize("preset", ["default", "paper"])
def test_labels_have_the_shape_without_channels(shape, channel_axis, preset):
    image = np.random.default_rng(0).random(shape)
    quick = {"n_steps": 3, "max_labels": 6}
    labels = mm.segment(
        image,
        channel_axis=channel_axis,
        settings=mm.SegmentationSettings(preset, **quick),
    )
    assert labels.shape == (20, 24)
    assert set(np.unique(labels)) == set(range(1, labels.max() + 1))


@pytest.mark.parametrize("shape", [(8, 8), (8, 9, 3), (8, 300), (301, 9)])
def test_tiny_and_thin_images(shape):
    image = np.random.default_rng(0).integers(0, 255, shape).astype(np.uint8)
    assert mm.segment(image, **QUICK).shape == shape[:2]


@pytest.mark.parametrize("preset", ["default", "fast"])
@pytest.mark.parametrize("shape", [(20, 20), (20, 20, 3)])
def test_a_constant_image_is_one_class(shape, preset):
    with pytest.warns(UserWarning, match="flat or pure noise"):
        labels = mm.segment(np.full(shape, 7, np.uint8), preset=preset)
    assert (labels == 1).all()


def test_fewer_classes_than_asked_for_are_said_so():
    with pytest.warns(UserWarning, match="only 1 of the 3 classes"):
        mm.segment(np.full((20, 20), 7, np.uint8), n_labels=3)


def test_values_that_are_not_finite_are_said_so():
    image = two_levels(dtype=float)
    image[0, 0] = np.nan
    with pytest.warns(UserWarning, match="NaN"):
        labels = mm.segment(image, n_labels=2)
    assert labels[0, 0] == 1


@pytest.mark.parametrize("n_labels", [1, 2, 4, 6])
def test_the_number_of_classes_is_kept(n_labels):
    gradient = np.tile(np.linspace(0, 255, 64).astype(np.uint8), (48, 1))
    labels = mm.segment(gradient, n_labels=n_labels)
    assert len(np.unique(labels)) == n_labels


def test_regions_split_classes():
    image = np.zeros((40, 60), np.uint8)
    image[10:30, 5:20] = image[10:30, 40:55] = 255
    assert mm.segment(image, n_labels=2).max() == 2
    regions = mm.segment(image, n_labels=2, output="regions")
    assert regions[20, 12] != regions[20, 47]
    assert regions.max() >= 3


@pytest.mark.parametrize("preset", ["default", "paper"])
def test_the_same_seed_gives_the_same_labels_bit_for_bit(preset):
    image = np.random.default_rng(0).random((40, 50, 3))
    settings = mm.SegmentationSettings(
        preset, n_steps=8, max_labels=12, merging="classes", merge_threshold=1.0
    )
    torch.manual_seed(1)
    first = mm.segment(image, settings=settings)
    torch.manual_seed(2)
    np.random.seed(2)  # noqa: NPY002
    np.testing.assert_array_equal(first, mm.segment(image, settings=settings))
    assert (first != mm.segment(image, settings=settings, seed=1)).any()


def test_the_callers_state_is_left_as_it_was():
    torch.manual_seed(3)
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    threads, dtype = torch.get_num_threads(), torch.get_default_dtype()
    mm.segment(two_levels(), **QUICK)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert (np.random.get_state()[1] == before[1]).all()  # noqa: NPY002
    assert (torch.get_num_threads(), torch.get_default_dtype()) == (threads, dtype)
    assert torch.is_grad_enabled()


def test_another_default_dtype_changes_nothing():
    expected = mm.segment(two_levels(), **QUICK)
    torch.set_default_dtype(torch.float64)
    try:
        labels = mm.segment(two_levels(), **QUICK)
        assert torch.get_default_dtype() == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)
    np.testing.assert_array_equal(labels, expected)


def test_grad_mode_of_the_caller_does_not_matter():
    expected = mm.segment(two_levels(), **QUICK)
    with torch.no_grad():
        np.testing.assert_array_equal(mm.segment(two_levels(), **QUICK), expected)
    with torch.inference_mode():
        np.testing.assert_array_equal(mm.segment(two_levels(), **QUICK), expected)


def test_the_image_is_not_changed():
    image = two_levels(dtype=float)
    image[0, 0] = np.nan
    copy = image.copy()
    image.flags.writeable = False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        mm.segment(image, **QUICK)
    np.testing.assert_array_equal(image, copy)


def test_progress_tells_what_happens():
    seen, result = drain(
        mm.iter_segment(two_levels(), n_labels=2, preview_interval=0, **QUICK)
    )
    phases = list(dict.fromkeys(step.phase for step in seen))
    assert phases == ["preparing", "warm start", "teaching", "prediction"]
    training = [s for s in seen if s.phase in ("warm start", "teaching")]
    assert [s.step for s in training] == list(range(1, 7))
    for step in training:
        assert step.n_steps == 6
        assert np.isfinite([step.similarity_loss, step.continuity_loss]).all()
        assert step.labels.shape == (32, 40)
        assert 1 <= step.labels.min() <= step.labels.max() <= 8
        assert step.n_labels >= 1
    assert (result.n_steps, result.n_labels) == (6, 2)
    assert result.stop_reason == "all steps are done"
    assert (result.device, result.labels.shape) == (choose_device().type, (32, 40))
    assert result.precision in ("float32", "bfloat16")
    assert result.seconds > 0
    assert result.settings.n_labels == 2


def test_previews_come_only_when_asked_for():
    seen, _ = drain(mm.iter_segment(two_levels(), **QUICK))
    assert all(step.labels is None for step in seen)


@pytest.mark.parametrize("after", [0, 1, 4, 7])
def test_stop_keeps_what_there_is(after):
    steps = mm.iter_segment(two_levels(), n_labels=2, n_steps=500)
    for _ in range(after):
        next(steps)
    if after:
        steps.send("stop")
    else:
        next(steps)
        steps.send("stop")
    _, result = drain(steps)
    assert result.stop_reason == "stopped by the user"
    assert result.n_steps <= max(after, 1)
    assert result.labels.shape == (32, 40)


def test_close_ends_it_at_any_time():
    for after in (1, 3, 6):
        steps = mm.iter_segment(two_levels(), **QUICK)
        for _ in range(after):
            next(steps)
        steps.close()
        with pytest.raises(StopIteration):
            next(steps)


def test_bad_input_is_refused_before_the_work():
    with pytest.raises(mm.InputError, match="1 spatial axes"):
        mm.iter_segment(np.zeros(20))
    with pytest.raises(mm.InputError, match="Did you mean n_labels"):
        mm.iter_segment(two_levels(), n_label=3)
    with pytest.raises(mm.InputError, match="SegmentationSettings"):
        mm.iter_segment(two_levels(), settings={"n_labels": 3})


def test_overrides_go_over_the_settings():
    settings = mm.SegmentationSettings(n_labels=3, **QUICK)
    _, result = drain(mm.iter_segment(two_levels(), settings=settings, n_labels=2))
    assert result.settings == settings.replace(n_labels=2)


def test_importing_the_package_is_light():
    code = (
        "import sys, napari_mmtseg; "
        "from napari_mmtseg import SegmentationSettings, segment; "
        "SegmentationSettings('paper'); "
        "assert not {'torch', 'napari', 'qtpy', 'magicgui'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("background", ["auto", "darkest", 1])
def test_background_is_0_in_labels_model_and_hierarchy(background):
    image = two_levels()
    result = drain(mm.iter_segment(image, n_labels=2, background=background, **QUICK))[
        1
    ]
    assert (result.labels == (image > 0)).mean() > 0.95
    assert result.n_labels == 2
    np.testing.assert_array_equal(result.model.predict(image), result.labels)
    np.testing.assert_array_equal(result.hierarchy.labels(), result.labels)
    model = mm.fit(image, n_labels=2, background=background, **QUICK)
    np.testing.assert_array_equal(model.predict(image), result.labels)


@pytest.mark.parametrize("background", ["auto", "darkest"])
def test_previews_have_the_background_of_the_result(background):
    image = two_levels()
    asked = {"n_labels": 2, "background": background, "preview_interval": 0}
    steps, result = drain(mm.iter_segment(image, **asked, **QUICK))
    previews = [step.labels for step in steps if step.labels is not None]
    assert previews
    assert all((p == result.labels).mean() > 0.9 for p in previews)


def test_background_survives_a_file_of_a_model(tmp_path):
    image = two_levels()
    model = mm.fit(image, n_labels=2, background="auto", **QUICK)
    model.save(tmp_path / "a.safetensors")
    labels = mm.load_model(tmp_path / "a.safetensors").predict(image)
    assert labels.min() == 0
    np.testing.assert_array_equal(labels, model.predict(image))


def test_objects_on_a_background_are_numbered_from_1():
    image = np.zeros((40, 60), np.uint8)
    image[10:30, 5:20] = image[10:30, 40:55] = 255
    asked = {"n_labels": 2, "background": "auto", "output": "regions"}
    labels = mm.segment(image, min_region_size=20, **asked, **QUICK)
    assert sorted(np.unique(labels)) == [0, 1, 2]
    assert labels[20, 12] != labels[20, 47]


def test_painted_classes_keep_their_labels_whatever_is_background():
    image = two_levels()
    painted = np.zeros(image.shape, int)
    painted[1, 2:9], painted[16, 15:25] = 7, 5
    labels = mm.segment(image, scribbles=painted, background="darkest", **QUICK)
    assert set(np.unique(labels)) == {5, 7}


def test_a_label_that_cannot_be_background_is_refused():
    with pytest.raises(mm.InputError, match="background=3 is more than the 2 classes"):
        mm.segment(two_levels(), n_labels=2, background=3)
    with pytest.raises(mm.InputError, match="or a label from 1"):
        mm.segment(two_levels(), background="dark")


def test_a_run_from_a_model_keeps_its_background():
    image = two_levels()
    model = mm.fit(image, n_labels=2, background="auto", **QUICK)
    painted = np.zeros(image.shape, int)
    painted[1, 2:9] = 4
    labels = mm.segment(image, scribbles=painted, model=model)
    assert (labels[painted > 0] == 4).all()
    assert set(np.unique(labels)) <= {0, 1, 4}
    assert labels[16, 20] == 1


def test_labels_do_not_depend_on_the_number_of_threads():
    # Batch norm adds up in as many parts as there are threads.
    results = []
    for n in (1, 3):
        torch.set_num_threads(n)
        results.append(mm.segment(data.coins(), preset="fast"))
        assert torch.get_num_threads() == n
    assert np.array_equal(*results)


@pytest.mark.parametrize("stack", ["one_model", "slice_by_slice"])
def test_hot_pixels_are_said_once(stack):
    rng = np.random.default_rng(0)
    image = rng.normal(100, 5, (64, 64))
    image[20:40, 20:40] += 100
    image[rng.random(image.shape) < 0.002] = 6e4
    for pixels, options in ((image, {}), (np.stack([image] * 3), {"axes": "ZYX"})):
        with pytest.warns(UserWarning, match="hot or dead pixels") as caught:
            mm.segment(pixels, stack=stack, **options, **QUICK)
        assert len(caught) == 1


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_masked_pixels_count_as_pixels_without_a_value(dtype):
    image = two_levels(dtype=dtype)
    mask = np.zeros(image.shape, bool)
    mask[:3] = True
    bad = np.where(mask, np.nan, image)
    spoilt = np.where(mask, 255, image).astype(dtype)
    with pytest.warns(UserWarning, match="120 pixels that are NaN") as caught:
        expected = mm.segment(bad, **QUICK)
    assert len(caught) == 1
    with pytest.warns(UserWarning, match="120 masked pixels are treated") as caught:
        labels = mm.segment(np.ma.masked_array(spoilt, mask), **QUICK)
    assert len(caught) == 1
    np.testing.assert_array_equal(labels, expected)
    model = mm.fit(image, **QUICK)
    with pytest.warns(UserWarning, match="120 masked pixels") as caught:
        labels = model.labels(np.ma.masked_array(spoilt, mask))
    assert len(caught) == 1
    with pytest.warns(UserWarning, match="120 pixels that are NaN"):
        np.testing.assert_array_equal(labels, model.labels(bad))


def test_masked_and_infinite_pixels_are_told_apart():
    image = np.ma.masked_array(two_levels(dtype=np.float32))
    image[0, :4] = np.ma.masked
    image[1, :3] = np.inf
    with pytest.warns(UserWarning, match="4 masked pixels and 3 that are NaN"):
        mm.segment(image, **QUICK)


def test_masked_paint_is_no_paint():
    image = two_levels()
    strokes = np.zeros(image.shape, np.uint8)
    strokes[2, 2:9], strokes[16, 15:25], strokes[30, :] = 1, 2, 9
    masked = np.ma.masked_equal(strokes, 9)
    assert set(np.unique(mm.segment(image, scribbles=masked, **QUICK))) == {1, 2}


def test_a_fixed_range_of_values():
    image = two_levels().astype(np.float32)
    image[:, :4] = 4000  # a scale bar, say
    right = 1 + (image[:, 8:] > 0)
    automatic = mm.segment(image, n_labels=2, **QUICK)
    fixed = mm.segment(image, n_labels=2, brightest_value=200, **QUICK)
    assert (fixed[:, 8:] == right).mean() > 0.98
    assert (automatic[:, 8:] == right).mean() < 0.9
    with pytest.raises(mm.InputError, match="darkest_value=5 is not below"):
        mm.segment(image, darkest_value=5, brightest_value=5)


@pytest.mark.parametrize("shape", [(16, 17), (4, 16, 17)])
@pytest.mark.parametrize("dtype", ["f4", "f8", "g", "i8", "u8"])
def test_ends_of_a_data_type_are_values_like_others(shape, dtype):
    limits = np.finfo(dtype) if dtype in ("f4", "f8", "g") else np.iinfo(dtype)
    ends = np.array([limits.min, limits.max, 0], dtype)
    image = ends[np.random.default_rng(0).integers(0, 3, shape)]
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        warnings.simplefilter("ignore", UserWarning)
        labels = mm.segment(image, axes="ZYX"[-len(shape) :], **QUICK)
    assert labels.shape == shape


def test_a_background_beyond_fewer_classes_is_no_obstacle():
    steps = np.repeat(np.arange(0, 200, 40, dtype=np.uint8), 12)
    image = steps + np.random.default_rng(0).integers(0, 4, (32, 60)).astype(np.uint8)
    settings = mm.SegmentationSettings(
        "fast", n_labels=5, background=5, merging="classes", **QUICK
    )
    _, result = drain(mm.iter_segment(image, settings=settings))
    model = result.model.with_n_labels(result.hierarchy, 2)
    assert model.settings.n_labels == 2
    assert len(model.label_values) == 2
