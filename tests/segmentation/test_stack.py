import numpy as np
import pytest

import napari_mmtseg as mm
from napari_mmtseg.engine.model import tiled_inference as pieces
from napari_mmtseg.images import stack as frames
from napari_mmtseg.images.stack import ImageStack

QUICK = {"n_steps": 12, "warm_start_steps": 10, "n_crops": 4, "max_labels": 4}


def squares(n=5, shape=(40, 48), moved=2):
    """A bright square that moves through a dark, noisy stack; and where it is."""
    rng = np.random.default_rng(0)
    image = rng.normal(0, 5, (n, *shape)) + 50
    truth = np.zeros((n, *shape), bool)
    for i in range(n):
        truth[i, 8 + moved * i : 24 + moved * i, 10:30] = True
    image[truth] += 100
    return image.astype(np.uint8), truth


def drained(steps, answers=lambda step: None):
    """Run steps to the end, answering each; return the result and all steps."""
    told, answer = [], None
    while True:
        try:
            told.append(steps.send(answer))
        except StopIteration as end:
            return end.value, told
        answer = answers(told[-1])


@pytest.mark.parametrize("mode", ["one_model", "slice_by_slice"])
def test_a_stack_gets_labels_of_its_shape_and_the_same_classes(mode):
    image, truth = squares()
    labels = mm.segment(image, n_labels=2, stack=mode, **QUICK)
    assert labels.shape == image.shape
    assert labels.dtype == np.int32
    assert (labels[truth] == 2).mean() > 0.9
    assert (labels[~truth] == 1).mean() > 0.95


@pytest.mark.parametrize("mode", ["one_model", "slice_by_slice", "volume"])
@pytest.mark.parametrize("output", ["classes", "regions"])
def test_what_surrounds_the_square_is_0_in_every_slice(mode, output):
    image, truth = squares()
    asked = {"n_labels": 2, "stack": mode, "background": "auto", "output": output}
    labels = mm.segment(image, min_region_size=4, **asked, **QUICK)
    assert ((labels > 0) == truth).mean() > 0.95
    n = 1 if mode == "volume" or output == "classes" else len(image)
    assert len(np.unique(labels)) == n + 1
    if mode != "slice_by_slice" and output == "classes":
        model = mm.fit(image, **asked, **QUICK)
        assert ((model.predict(image) > 0) == truth).mean() > 0.95


def test_axes_channels_and_time_go_their_ways():
    image, _ = squares(4)
    by_hand = mm.segment(image, n_labels=2, **QUICK)
    film = np.stack([image, image], axis=-1).reshape(2, 2, 40, 48, 2)
    labels = mm.segment(film, axes="TZYXC", n_labels=2, **QUICK)
    assert labels.shape == (2, 2, 40, 48)
    assert (labels.reshape(4, 40, 48) == by_hand).mean() > 0.95


def test_a_stack_of_one_image_is_that_image():
    image, _ = squares(1)
    labels = mm.segment(image, **QUICK)
    np.testing.assert_array_equal(labels, mm.segment(image[0], **QUICK)[np.newaxis])


@pytest.mark.parametrize("kind", ["list", "memmap", "dask", "zarr"])
def test_whatever_is_array_like_gives_the_same(kind, tmp_path):
    image, _ = squares()
    expected = mm.segment(image, **QUICK)
    if kind == "list":
        given = image.tolist()
        expected = mm.segment(image.astype(int), **QUICK)
    elif kind == "memmap":
        given = np.memmap(tmp_path / "image", image.dtype, "w+", shape=image.shape)
        given[:] = image
    elif kind == "dask":
        given = pytest.importorskip("dask.array").from_array(image, chunks=(2, 17, 48))
    else:
        zarr = pytest.importorskip("zarr")
        given = zarr.create_array(
            tmp_path / "z", shape=image.shape, dtype="u1", chunks=(2, 20, 20)
        )
        given[:] = image
    np.testing.assert_array_equal(mm.segment(given, **QUICK), expected)


def test_labels_go_where_they_are_wanted(tmp_path):
    image, _ = squares()
    out = np.memmap(tmp_path / "labels", np.uint8, "w+", shape=image.shape)
    result = mm.segment(image, out=out, **QUICK)
    assert result is out
    np.testing.assert_array_equal(out, mm.segment(image, **QUICK))
    model = mm.fit(image, **QUICK)
    again = np.zeros(image.shape, np.int64)
    assert model.predict(image, out=again) is again
    np.testing.assert_array_equal(again, model.predict(image))
    one = np.zeros(image.shape[1:], np.uint16)
    mm.segment(image[0], out=one, **QUICK)
    np.testing.assert_array_equal(one, mm.segment(image[0], **QUICK))


def test_an_array_that_cannot_take_the_labels_is_refused():
    image, _ = squares()
    for out, message in [
        (np.zeros((5, 40, 47), int), "has the shape"),
        (np.zeros(image.shape, np.float32), "float32"),
        ("labels.tif", "is a str"),
    ]:
        with pytest.raises(mm.InputError, match=message):
            mm.iter_segment(image, out=out, **QUICK)


def test_large_labels_go_to_a_file(monkeypatch):
    image, _ = squares()
    expected = mm.segment(image, **QUICK)
    labels = mm.segment(image, memory_share=0.0, **QUICK)
    assert isinstance(labels, np.memmap)
    np.testing.assert_array_equal(labels, expected)
    labels[0, 0, 0] = 7  # writable


def test_tiles_change_no_label(monkeypatch):
    """A large image, by tiles and blocks, against the same one looked at as a whole."""
    rng = np.random.default_rng(1)
    image = rng.normal(0, 10, (150, 210)) + 60
    image[40:120, 60:180] += 80
    for texture in (0.0, 0.5):
        settings = {**QUICK, "texture": texture, "merging": "classes"}
        model = mm.fit(image, normalization="together", **settings)
        whole = model.predict(image)
        if texture:  # a large image has no small regions to average over
            whole = model._readout.merge_tree(model.settings, True).groups
        monkeypatch.setattr(frames, "LARGE", 100)
        monkeypatch.setattr("napari_mmtseg.engine.model.stack_inference._BLOCK", 96)
        tiled = model.predict(image)
        frame = ImageStack.of(image).frame()
        window = (slice(33, 120), slice(77, 200))
        np.testing.assert_array_equal(
            model.predict_window(frame, window), tiled[window]
        )
        if not texture:
            np.testing.assert_array_equal(tiled, whole)
        big = model.settings.replace(tile_size=4096)
        model.settings = big
        monkeypatch.setattr("napari_mmtseg.engine.model.stack_inference._BLOCK", 4096)
        np.testing.assert_array_equal(model.predict(image), tiled)
        monkeypatch.undo()


def test_a_large_image_is_learned_from_its_parts(monkeypatch):
    image, truth = squares(1, (200, 300))
    monkeypatch.setattr(frames, "LARGE", 10_000)
    labels = mm.segment(image[0], n_labels=2, **{**QUICK, "crop_size": 64})
    assert (labels[truth[0]] == 2).mean() > 0.8
    assert (labels[~truth[0]] == 1).mean() > 0.95


def test_memory_that_runs_out_halves_the_tile(monkeypatch):
    image = np.random.default_rng(0).random((1, 300, 400)).astype(np.float32)
    sizes = []

    def answer(part):
        if part[0].size > 40_000:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        sizes.append(part[0].size)
        return part + 1

    from napari_mmtseg.images.tiles import tiles

    whole = np.zeros_like(image)
    divided = list(tiles((300, 400), 256, 5))
    with pytest.warns(UserWarning, match="smaller tiles"):
        parts = list(pieces.predict_tiles(image, divided, answer))
    for tile, part in parts:
        whole[(slice(None), *tile.core)] = part
    np.testing.assert_array_equal(whole, image + 1)
    assert max(sizes) <= 40_000

    def never(part):
        raise RuntimeError("something else")

    with pytest.raises(RuntimeError, match="something else"):
        list(pieces.predict_tiles(image, divided, never))


def test_progress_tells_the_slice_and_previews_follow_the_viewer():
    image, _ = squares()
    shown = [(3,)]
    steps = mm.iter_segment(
        image, preview_interval=0.0, shown=lambda: shown[0], **QUICK
    )

    def look_elsewhere(step):
        if step.phase == "teaching":
            shown[0] = (1,)

    result, told = drained(steps, look_elsewhere)
    training = [s for s in told if s.labels is not None and s.phase != "prediction"]
    assert {s.index for s in training} == {(3,), (1,)}
    assert all(s.labels.shape == (40, 48) for s in training)
    finished = [s for s in told if s.phase == "prediction" and s.labels is not None]
    assert [s.index for s in finished] == [(i,) for i in range(5)]
    assert [s.n_done for s in finished] == [1, 2, 3, 4, 5]
    assert {s.n_slices for s in told} == {5}
    np.testing.assert_array_equal(result.hierarchy.labels(), result.labels)


@pytest.mark.parametrize("mode", ["one_model", "slice_by_slice"])
def test_stop_keeps_the_slices_that_are_done(mode):
    image, _ = squares()

    def stop_after_two(step):
        return "stop" if step.phase == "prediction" and step.n_done == 2 else None

    steps = mm.iter_segment(image, stack=mode, **QUICK)
    result, _ = drained(steps, stop_after_two)
    assert (result.labels[:2] > 0).all()
    assert (result.labels[2:] == 0).all()
    assert "2 of 5" in result.stop_reason


def _noted(steps, told):
    for step in steps:
        told.append(step.n_done)
        yield step


@pytest.mark.parametrize("mode", ["one_model", "slice_by_slice"])
def test_cancel_between_slices(mode):
    image, _ = squares()
    told = []
    steps = mm.iter_segment(
        image, stack=mode, should_cancel=lambda: told[-1:] == [2], **QUICK
    )
    with pytest.raises(mm.Cancelled):
        drained(_noted(steps, told))
    assert told[-1] == 2


def test_scribbles_on_a_stack_keep_their_values_in_every_slice():
    image, truth = squares()
    scribbles = np.zeros(image.shape, np.int32)
    scribbles[2, 2, 2:40], scribbles[2, 14:24, 15:28] = 9, 4
    scribbles[4, 38, 2:40] = 9
    labels = mm.segment(image, scribbles=scribbles, **QUICK)
    assert set(np.unique(labels)) == {4, 9}
    painted = scribbles > 0
    np.testing.assert_array_equal(labels[painted], scribbles[painted])
    assert (labels[truth] == 4).mean() > 0.95
    assert (labels[~truth] == 9).mean() > 0.95
    with pytest.raises(mm.InputError, match="do not fit"):
        mm.segment(image, scribbles=scribbles[0], **QUICK)
    with pytest.raises(mm.InputError, match="Nothing is painted"):
        mm.segment(image, scribbles=np.zeros_like(scribbles), **QUICK)


def test_regions_have_numbers_of_their_own_in_every_slice():
    image, _ = squares(3)
    labels = mm.segment(image, n_labels=2, output="regions", **QUICK)
    ids = [set(np.unique(plane)) for plane in labels]
    assert not ids[0] & ids[1]
    assert set.union(*ids) == set(range(1, labels.max() + 1))


def test_small_regions_are_absorbed_slice_by_slice():
    image, _ = squares(3)
    image[1, 35, 40] = 250
    labels = mm.segment(image, n_labels=2, min_region_size=20, **QUICK)
    assert labels[1, 35, 40] == labels[1, 34, 39]


def test_a_model_labels_stacks_slices_and_images_alike():
    image, _ = squares()
    model = mm.fit(image, n_labels=2, **QUICK)
    labels = model.predict(image)
    for plane, expected in zip(image, labels, strict=True):
        np.testing.assert_array_equal(model.predict(plane), expected)


def test_every_image_of_several_is_seen_by_its_own_values():
    image, truth = squares()
    images = [
        plane * s
        for plane, s in zip(image.astype(float), (1, 9, 3, 40, 7), strict=True)
    ]
    model = mm.fit(list(images[:3]), n_labels=2, **QUICK)
    for plane, square in zip(images, truth, strict=True):
        assert ((model.predict(plane) == 2) == square).mean() > 0.97


def test_what_cannot_be_is_refused_before_the_work():
    image, _ = squares()
    with pytest.raises(mm.InputError, match="slice_by_slice"):
        mm.iter_segment(image, method="kmeans")
    with pytest.raises(mm.InputError, match="one_model"):
        mm.iter_segment(image, stack="slice_by_slice", scribbles=image)
    model = mm.fit(image, **QUICK)
    frame = ImageStack.of(image).frame((0,))
    with pytest.raises(mm.InputError, match="does not lie in"):
        model.predict_window(frame, (slice(0, 10), slice(0, 100)))
