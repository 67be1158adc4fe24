import numpy as np
import pytest
import tifffile

from napari_mmtseg import InputError, SegmentationSettings
from napari_mmtseg.batch.plan import BatchRequest
from napari_mmtseg.batch.run import run_batch
from napari_mmtseg.files.read import read_image
from tests.batch.folders import QUICK, square, write_images, write_stack

SETTINGS = SegmentationSettings(**{**QUICK, "n_steps": 4, "warm_start_steps": 2})


def request(tmp_path, **options):
    return BatchRequest(
        tmp_path / "in", tmp_path / "out", settings=SETTINGS, fit_on=4, **options
    )


def test_an_image_without_a_finite_value_gives_way(tmp_path):
    source = write_images(tmp_path / "in")
    tifffile.imwrite(source / "a.tif", np.full((40, 48), np.nan, np.float32))
    tifffile.imwrite(source / "b.tif", np.zeros((4, 4), np.uint8))
    result = run_batch(request(tmp_path))
    assert [r.status for r in result.records] == ["failed", *["done"] * 3, "failed"]


def test_the_file_is_named_where_no_image_can_be_used(tmp_path):
    source = tmp_path / "in"
    source.mkdir()
    tifffile.imwrite(source / "nan.tif", np.full((40, 48), np.nan, np.float32))
    with pytest.raises(InputError, match=r"nan\.tif: The image has no finite value"):
        run_batch(request(tmp_path))


@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("damaged", ["first", "last"])
def test_a_damaged_chunk_gives_way(tmp_path, n, damaged):
    zarr = pytest.importorskip("zarr")
    source = tmp_path / "in"
    source.mkdir()
    for name in "ab":
        write_stack(source / f"{name}.ome.tif", n)
    stack = np.stack([square(5)] * n)[..., :48]
    array = zarr.create_array(
        str(source / "c.zarr"), shape=stack.shape, chunks=(1, 40, 24), dtype="u1"
    )
    array[...] = stack
    chunks = sorted(p for p in (source / "c.zarr" / "c").rglob("*") if p.is_file())
    chunks[0 if damaged == "first" else -1].write_bytes(b"no chunk")
    result = run_batch(request(tmp_path))
    assert [r.status for r in result.records] == ["done", "done", "failed"]


def test_a_scale_that_does_not_fit_the_axes(tmp_path):
    zarr = pytest.importorskip("zarr")
    group = zarr.open_group(str(tmp_path / "i.zarr"), mode="w")
    group.create_array("0", data=square(0))
    scale = [{"type": "scale", "scale": [1.0, 1.0, 1.0]}]
    level = {"path": "0", "coordinateTransformations": scale}
    axes = [{"name": name, "type": "space"} for name in "yx"]
    group.attrs["ome"] = {"multiscales": [{"axes": axes, "datasets": [level]}]}
    with pytest.raises(InputError, match="fits its axes"):
        read_image(tmp_path / "i.zarr")


def test_stacks_that_the_format_cannot_hold_are_refused_before_the_fit(tmp_path):
    (tmp_path / "in").mkdir()
    write_stack(tmp_path / "in" / "s.ome.tif")
    with pytest.raises(InputError, match="PNG has two axes"):
        run_batch(request(tmp_path, file_format="png"))
    # Nothing is begun that would be in the way.
    assert [r.status for r in run_batch(request(tmp_path)).records] == ["done"]


def test_a_stack_among_images_is_reported_by_itself(tmp_path):
    write_stack(write_images(tmp_path / "in") / "s.ome.tif")
    result = run_batch(request(tmp_path, file_format="png"))
    assert [r.status for r in result.records] == [*["done"] * 3, "failed"]
    assert "PNG has two axes" in result.failed[0].error
