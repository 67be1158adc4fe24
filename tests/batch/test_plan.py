from pathlib import Path

import pytest

from napari_mmtseg import InputError, SegmentationSettings
from napari_mmtseg.batch.plan import BatchRequest, matching_paths, plan_batch
from napari_mmtseg.errors import Cancelled
from tests.batch.folders import write_images


def touch(folder: Path, *names: str) -> Path:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return folder


def names(source, target, **options):
    plan = plan_batch(BatchRequest(source, target, **options))
    return {i.name: i.labels.relative_to(target).as_posix() for i in plan.items}


def test_the_labels_of_name_png_are_name_tif(tmp_path):
    source = touch(tmp_path / "in", "b.png", "a.TIF", "c.ome.tiff", "d.jpg")
    assert names(source, tmp_path / "out") == {
        "a.TIF": "a.tif",
        "b.png": "b.tif",
        "c.ome.tiff": "c.tif",
        "d.jpg": "d.tif",
    }


def test_other_formats_have_other_endings(tmp_path):
    source = touch(tmp_path / "in", "b.png")
    for file_format in ("ome.tif", "png", "zarr"):
        found = names(source, tmp_path / "out", file_format=file_format)
        assert found == {"b.png": f"b.{file_format}"}


def test_folders_stay_where_a_pattern_reaches_into_them(tmp_path):
    source = touch(tmp_path / "in", "x/a.png", "x/y/a.png", "a.png")
    found = names(source, tmp_path / "out", pattern="**/*.png")
    assert found == {"a.png": "a.tif", "x/a.png": "x/a.tif", "x/y/a.png": "x/y/a.tif"}


def test_what_is_no_image_is_left_out(tmp_path):
    source = touch(
        tmp_path / "in",
        "a.png",
        "notes.txt",
        ".hidden.png",
        ".mmtseg-1/b.png",
        "out/c.png",
        "z.zarr/0/d.png",
    )
    (source / "z.zarr" / "zarr.json").touch()
    (source / "folder.png").mkdir()
    found = names(source, source / "out", pattern="**/*")
    assert found == {"a.png": "a.tif", "z.zarr": "z.tif"}


@pytest.mark.parametrize("other", ["a.tif", "A.jpg"])
def test_names_that_collide_are_refused(tmp_path, other):
    source = touch(tmp_path / "in", "a.png", other, "b.png")
    with pytest.raises(InputError, match=r"(a\.png|A\.jpg) and .* both give [aA]\.tif"):
        names(source, tmp_path / "out")
    assert names(source, tmp_path / "out", pattern="*.png") == {
        "a.png": "a.tif",
        "b.png": "b.tif",
    }


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"source": Path("nowhere")}, "does not exist"),
        ({"pattern": "*.gif"}, "No image"),
        ({"pattern": "/etc/*"}, "not a pattern"),
        ({"mode": "several"}, "one_model, each"),
        ({"file_format": "jpg"}, "ome.tif"),
        ({"n_workers": 0}, "at least 1"),
        ({"fit_on": 0}, "at least 1"),
        ({"fit_on": 2, "model": Path("m")}, "either an existing model"),
        ({"mode": "each", "fit_on": 2}, "leave out"),
        ({"settings": SegmentationSettings(method="kmeans")}, "mode=each"),
        ({"resume": True, "overwrite": True}, "Either"),
    ],
)
def test_what_cannot_be_is_refused(tmp_path, options, message):
    source = touch(tmp_path / "in", "a.png")
    values = {"source": source, "target": tmp_path / "out", **options}
    with pytest.raises(InputError, match=message):
        plan_batch(BatchRequest(**values))


def test_the_folder_of_the_images_is_not_that_of_the_labels(tmp_path):
    source = write_images(tmp_path / "in", 1)
    with pytest.raises(InputError, match="Name another folder"):
        plan_batch(BatchRequest(source, tmp_path / "x" / ".." / "in"))
    with pytest.raises(InputError, match="is a file"):
        plan_batch(BatchRequest(source / "a0.png", tmp_path / "out"))
    with pytest.raises(InputError, match="is a file"):
        plan_batch(BatchRequest(source, source / "a0.png"))


def test_the_folder_of_the_labels_does_not_hold_the_images(tmp_path):
    source = write_images(tmp_path / "out" / "in", 1)
    with pytest.raises(InputError, match="out holds the folder of the images"):
        plan_batch(BatchRequest(source, tmp_path / "out"))


def test_folders_may_be_strings(tmp_path):
    source = write_images(tmp_path / "in", 1)
    target = str(tmp_path / "out")
    request = BatchRequest(str(source), target, model="m.safetensors")
    assert request == BatchRequest(source, Path(target), model=Path("m.safetensors"))


def test_results_that_are_there_are_never_overwritten_unasked(tmp_path):
    source = write_images(tmp_path / "in", 2)
    target = touch(tmp_path / "out", "a1.tif")
    with pytest.raises(InputError, match=r"a1\.tif"):
        plan_batch(BatchRequest(source, target))
    assert len(plan_batch(BatchRequest(source, target, overwrite=True)).items) == 2


@pytest.mark.parametrize(
    "pattern", ["*.tif", "**/*.tif", "a/**/*", "*/**/c/*.tif", "**/**/*.png", "*/*"]
)
def test_a_search_finds_what_glob_finds(tmp_path, pattern):
    touch(tmp_path, "x.tif", "a/y.tif", "a/b/c/z.tif", "a/b/c/z.png", "d/c/w.tif")
    touch(tmp_path, "a/c/v.tif")
    found = list(matching_paths(tmp_path, pattern, lambda _: False, lambda: None))
    assert sorted(found) == sorted(set(tmp_path.glob(pattern)))
    assert len(found) == len(set(found))


def test_hidden_folders_and_chunks_are_not_searched(tmp_path):
    touch(tmp_path / "in", ".git/a.tif", "b.zarr/0/c.tif", "d/e.tif")
    plan = plan_batch(BatchRequest(tmp_path / "in", tmp_path / "out", pattern="**/*"))
    assert [item.name for item in plan.items] == ["b.zarr", "d/e.tif"]


def test_a_search_is_given_up(tmp_path):
    for i in range(9):
        (tmp_path / f"in/{i}").mkdir(parents=True)
    asked = []

    def should_cancel():
        asked.append(1)
        return len(asked) == 3

    request = BatchRequest(tmp_path / "in", tmp_path / "out", pattern="**/*.tif")
    with pytest.raises(Cancelled):
        plan_batch(request, should_cancel)
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"pattern": 3}, "pattern=3 is not accepted: give a text"),
        ({"axes": 3}, "axes=3"),
        ({"fit_on": "x"}, "give a whole number"),
        ({"settings": {}}, "give SegmentationSettings"),
        ({"model": 3}, "model=3 is not the path of a file"),
        ({"source": None}, "source=None is not the path"),
    ],
)
def test_parts_of_other_types_are_refused(options, words):
    with pytest.raises(InputError, match=words):
        BatchRequest(**{"source": "in", "target": "out", **options})
