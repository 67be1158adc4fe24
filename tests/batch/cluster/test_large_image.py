import os
import signal

import numpy as np
import pytest
import tifffile

import napari_mmtseg as mm
from napari_mmtseg import Cancelled, InputError
from napari_mmtseg.batch import iter_label_on_cluster, label_on_cluster
from napari_mmtseg.cli.main import main
from napari_mmtseg.files.read import read_image
from napari_mmtseg.images.picked_channels import PickedChannels
from napari_mmtseg.progress import drain
from tests.batch.folders import QUICK, square, write_stack

zarr = pytest.importorskip("zarr")

SIDE = 4100
"""So that the image is a large one, with narrow blocks at its border."""

N_SLICES = 9


@pytest.fixture(scope="module")
def model():
    few = {**QUICK, "n_conv_layers": 2, "precision": "float32", "texture": 0.0}
    return mm.fit(square(0), **few)


@pytest.fixture(scope="module")
def large(tmp_path_factory, model):
    """Return the path of a large zarr image and what this process makes of it."""
    folder = tmp_path_factory.mktemp("large")
    tile = np.tile(square(1), (SIDE // 40 + 1, SIDE // 48 + 1))[:SIDE, :SIDE]
    image = zarr.create_array(
        str(folder / "image.zarr"), shape=tile.shape, chunks=(512, 512), dtype="u1"
    )
    image[...] = tile + np.arange(SIDE, dtype=np.uint16)[:, None].astype(np.uint8) // 16
    labels = np.zeros(tile.shape, np.uint8)
    model.predict(image, out=labels)
    assert set(np.unique(labels)) == {1, 2}
    return folder / "image.zarr", labels


@pytest.fixture(scope="module")
def slices(tmp_path_factory, model):
    """Return the path of a stack, of which each slice is a block, and its labels."""
    path = tmp_path_factory.mktemp("slices") / "stack.ome.tif"
    stack = write_stack(path, N_SLICES)
    labels = np.zeros(stack.shape, np.uint8)
    model.predict(stack, axes="ZYX", out=labels)
    assert set(np.unique(labels)) == {1, 2}
    return path, labels


def test_an_image_of_a_file_with_several(tmp_path, client, model):
    path = tmp_path / "two.tif"
    with tifffile.TiffWriter(path) as file:
        for pixels in (square(2, (60, 64)), square(3)):
            file.write(pixels, photometric="minisblack", metadata=None)
    options = {"scheduler": client, "series": 1}
    labels = label_on_cluster(model, path, tmp_path / "labels.zarr", **options)
    np.testing.assert_array_equal(labels[...], model.predict(square(3)))
    with pytest.raises(InputError, match="has no image 2"):
        label_on_cluster(model, path, tmp_path / "b.zarr", scheduler=client, series=2)


def test_some_channels(tmp_path, client):
    image = np.stack([square(1), square(2), 255 - square(1)])
    path, picks = tmp_path / "three.tif", (0, 2)
    tifffile.imwrite(path, image, ome=True, metadata={"axes": "CYX"})
    model = mm.fit(image[list(picks)], channel_axis=0, **QUICK)
    expected = model.predict(image[list(picks)], axes="CYX")
    options = {"scheduler": client, "channels": picks}
    labels = label_on_cluster(model, path, tmp_path / "a.zarr", **options)
    np.testing.assert_array_equal(labels[...], expected)
    again = label_on_cluster(model, path, tmp_path / "a.zarr", resume=True, **options)
    np.testing.assert_array_equal(again[...], expected)
    model.picked_channels = PickedChannels(picks, 3)
    labels = label_on_cluster(model, path, tmp_path / "b.zarr", scheduler=client)
    np.testing.assert_array_equal(labels[...], expected)


def leftovers(folder):
    return sorted(p.name for p in folder.iterdir())


def test_a_worker_killed_and_the_same_labels(tmp_path, client, model, large):
    path, expected = large
    out = tmp_path / "labels.zarr"
    steps = iter_label_on_cluster(model, path, out, scheduler=client, region=2000)
    victim = next(iter(client.run(os.getpid).values()))
    n_done = []
    while True:
        try:
            step = next(steps)
        except StopIteration as end:
            labels = end.value
            break
        n_done.append(step.n_done)
        assert not out.exists()
        if step.n_done == 2:
            os.kill(victim, signal.SIGKILL)
    assert n_done == list(range(10))
    assert step.n_blocks == 9
    assert labels.chunks == (1024, 1024)
    np.testing.assert_array_equal(labels[...], expected)
    assert leftovers(tmp_path) == ["labels.zarr"]


def test_cancelled_and_resumed(tmp_path, client, model, slices):
    path, expected = slices
    out = tmp_path / "labels.zarr"
    saved = tmp_path / "model.safetensors"
    model.save(saved)
    cancelled = []
    options = {"scheduler": client, "region": 2048}
    steps = iter_label_on_cluster(
        saved, path, out, should_cancel=lambda: bool(cancelled), **options
    )
    while next(steps).n_done < 2:
        pass
    cancelled.append(True)
    with pytest.raises(Cancelled, match="resume"):
        drain(steps)
    assert not out.exists()
    with pytest.raises(InputError, match="resume=True"):
        label_on_cluster(model, path, out, **options)
    with pytest.raises(InputError, match=r"region \(was 2048, is 1024\)"):
        label_on_cluster(model, path, out, scheduler=client, region=1024, resume=True)
    steps = iter_label_on_cluster(model, path, out, resume=True, **options)
    assert next(steps).n_done >= 2
    np.testing.assert_array_equal(drain(steps)[...], expected)
    assert leftovers(tmp_path) == ["labels.zarr", "model.safetensors"]
    # What is finished is returned at once.
    done = list(iter_label_on_cluster(model, path, out, resume=True, **options))
    assert [(s.n_done, s.n_blocks) for s in done] == [(N_SLICES, N_SLICES)]
    with pytest.raises(InputError, match="overwrite=True"):
        label_on_cluster(model, path, out, **options)


@pytest.mark.parametrize("n", [1, 3])
def test_small_slices_are_looked_at_as_a_whole(tmp_path, client, model, n):
    stack = write_stack(tmp_path / "stack.ome.tif", n)
    axes = read_image(tmp_path / "stack.ome.tif").axes
    expected = np.zeros(stack.squeeze().shape, np.uint8)
    model.predict(stack.squeeze(), axes=axes, out=expected)
    out = tmp_path / "labels.zarr"
    labels = label_on_cluster(model, tmp_path / "stack.ome.tif", out, scheduler=client)
    np.testing.assert_array_equal(labels[...], expected)
    assert len(np.unique(expected)) == 2
    again = label_on_cluster(
        model, tmp_path / "stack.ome.tif", out, scheduler=client, overwrite=True
    )
    np.testing.assert_array_equal(again[...], expected)


def test_what_cannot_be_is_refused_before_the_work(tmp_path, model, large):
    path, _ = large
    out = tmp_path / "labels.zarr"
    nowhere = "tcp://127.0.0.1:1"
    cases = [
        ({"region": 0}, "side of a block"),
        ({"image": tmp_path / "none.zarr"}, "There is no file"),
        ({"out": tmp_path / "none" / "labels.zarr"}, "does not exist"),
        ({"axes": "CYX"}, "does not name the 2 axes"),
        ({"model": tmp_path / "none.safetensors"}, "none.safetensors"),
        ({"model": regions_of(model)}, "regions go on outside"),
    ]
    for given, message in cases:
        values = {"model": model, "image": path, "out": out, **given}
        with pytest.raises(InputError, match=message):
            iter_label_on_cluster(**values, scheduler=nowhere)
    assert leftovers(tmp_path) == []


@pytest.mark.parametrize("out", ["p/i.zarr", "p", "p/i.zarr/l.zarr", "p/x.zarr"])
def test_neither_the_image_nor_a_folder_is_replaced(tmp_path, model, out):
    (tmp_path / "p" / "x.zarr").mkdir(parents=True)
    zarr.create_array(str(tmp_path / "p" / "i.zarr"), data=square(0))
    (tmp_path / "p" / "x.zarr" / "notes.txt").touch()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match=r"image|not a (readable )?zarr"):
        label_on_cluster(
            model,
            tmp_path / "p" / "i.zarr",
            tmp_path / out,
            scheduler="tcp://127.0.0.1:1",
            overwrite=True,
        )
    assert sorted(tmp_path.rglob("*")) == before


def test_on_the_command_line(tmp_path, cluster, model, slices, capsys):
    path, expected = slices
    saved, out = tmp_path / "model.safetensors", tmp_path / "labels.zarr"
    model.save(saved)
    words = ["apply", str(saved), str(path), "-o", str(out)]
    address = ["--scheduler", cluster.scheduler_address]
    assert main([*words, *address, "--region", "2048"]) == 0
    told = capsys.readouterr()
    assert "labels.zarr: uint8 labels, 9 x 40 x 48 pixels" in told.out
    assert "blocks: 9 of 9" in told.err
    np.testing.assert_array_equal(zarr.open_array(str(out))[...], expected)
    assert main([*words, *address]) == 2
    assert "--resume" in capsys.readouterr().err
    assert main([*words, *address, "--region", "1024", "--resume"]) == 2
    assert "region (was 2048, is 1024)" in capsys.readouterr().err
    assert main([*words, "--resume"]) == 2
    assert "need --scheduler" in capsys.readouterr().err
    assert main([*words, *address, "--n-labels", "2"]) == 2
    assert "--n-labels cannot be combined with --scheduler" in capsys.readouterr().err
    words[-1] = str(tmp_path / "labels.tif")
    assert main([*words, *address]) == 2
    assert "ends in .zarr" in capsys.readouterr().err


def regions_of(model):
    import copy

    other = copy.copy(model)
    other.settings = model.settings.replace(output="regions")
    return other


def test_a_block_that_fails_ends_it_and_is_told(tmp_path, client, model, slices):
    path, expected = slices
    out = tmp_path / "labels.zarr"
    steps = iter_label_on_cluster(model, path, out, scheduler=client, region=1024)
    next(steps)
    hidden = next(tmp_path.iterdir())
    (hidden / "model.safetensors").rename(tmp_path / "moved")
    with pytest.raises(RuntimeError, match="go on with resume=True"):
        drain(steps)
    (tmp_path / "moved").rename(hidden / "model.safetensors")
    labels = label_on_cluster(
        model, path, out, scheduler=client, region=1024, resume=True
    )
    np.testing.assert_array_equal(labels[...], expected)


def test_labels_begun_by_an_earlier_version_are_not_resumed(tmp_path, model):
    zarr.create_array(str(tmp_path / "i.zarr"), data=square(0))
    hidden = tmp_path / ".mmtseg-labels.zarr"
    (hidden / "done").mkdir(parents=True)
    (hidden / "job.json").write_text("{}")
    with pytest.raises(InputError, match="earlier version and cannot be resumed"):
        label_on_cluster(
            model,
            tmp_path / "i.zarr",
            tmp_path / "labels.zarr",
            scheduler="tcp://127.0.0.1:1",
            resume=True,
        )
