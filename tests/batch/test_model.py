import numpy as np
import pytest
import tifffile
from skimage.io import imsave

import napari_mmtseg as mm
from napari_mmtseg import InputError, SegmentationSettings
from napari_mmtseg.batch.plan import BatchRequest
from napari_mmtseg.batch.run import iter_batch, run_batch
from napari_mmtseg.cli.main import main
from tests.batch.folders import QUICK, square, write_images

FEW = {**QUICK, "n_steps": 4, "warm_start_steps": 2}


@pytest.fixture(scope="module")
def fitted():
    return mm.fit(square(9), **FEW)


@pytest.fixture
def saved(tmp_path, fitted):
    path = tmp_path / "m.safetensors"
    fitted.save(path)
    return path


def request(tmp_path, **options):
    return BatchRequest(tmp_path / "in", tmp_path / "out", **options)


def test_what_a_model_leaves_open_is_taken(tmp_path, saved, fitted):
    # A spot far smaller, and a square far larger, than the smallest region that is
    # kept: rounding, which differs between machines, moves a border at most.
    image = square(0)
    image[2:38, 40:] = 40
    image[4:12, 40:48] = 190
    (tmp_path / "in").mkdir()
    imsave(tmp_path / "in" / "a0.png", image, check_contrast=False)
    asked = SegmentationSettings(output="regions", min_region_size=180)
    result = run_batch(request(tmp_path, model=saved, settings=asked))
    labels = tifffile.imread(tmp_path / "out" / "a0.tif")
    other = mm.load_model(saved)
    other.settings = other.settings.replace(min_region_size=180)
    np.testing.assert_array_equal(labels, other.predict(image, output="regions"))
    assert labels[8, 44] == labels[0, 0]
    all_regions = fitted.predict(image, output="regions")
    assert all_regions[8, 44] != all_regions[0, 0]
    used = SegmentationSettings.from_json(result.settings_path)
    assert used == fitted.settings.replace(output="regions", min_region_size=180)


def test_as_many_classes_as_asked_for(tmp_path, saved, fitted):
    write_images(tmp_path / "in", 1)
    asked = SegmentationSettings(n_labels=3)
    run_batch(request(tmp_path, model=saved, settings=asked))
    labels = tifffile.imread(tmp_path / "out" / "a0.tif")
    np.testing.assert_array_equal(labels, fitted.labels(square(0), 3))


def test_what_fitting_has_settled_is_refused(tmp_path, saved):
    write_images(tmp_path / "in", 1)
    asked = SegmentationSettings(seed=3, output="regions")
    with pytest.raises(InputError, match=r"seed=0, not 3, .*n_labels, output"):
        iter_batch(request(tmp_path, model=saved, settings=asked))
    same = SegmentationSettings(**FEW)
    iter_batch(request(tmp_path, model=saved, settings=same)).close()
    assert not (tmp_path / "out").exists()


def test_settings_of_a_model_on_the_command_line(tmp_path, capsys):
    source = write_images(tmp_path / "in", 1)
    saved = tmp_path / "m.safetensors"
    mm.fit(square(9), **FEW, output="regions").save(saved)
    words = ["batch", str(source), str(tmp_path / "out"), "--model", str(saved)]
    assert main([*words, "--seed", "3"]) == 2
    told = capsys.readouterr().err
    assert "was fitted with --seed=0, not 3, and that stays" in told
    # What is usual may differ from what the model was fitted with.
    assert main([*words, "--output", "classes"]) == 0
    assert tifffile.imread(tmp_path / "out" / "a0.tif").max() == 2
    kept = tmp_path / "out" / "mmtseg-settings.json"
    again = ["batch", str(source), str(tmp_path / "again"), "--model", str(saved)]
    assert main([*again, "--settings", str(kept)]) == 0
    assert tifffile.imread(tmp_path / "again" / "a0.tif").max() == 2


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_model_that_is_none_is_refused_before_anything(tmp_path, overwrite):
    write_images(tmp_path / "in", 2)
    bad = tmp_path / "bad.safetensors"
    bad.write_bytes(b"no model")
    if overwrite:
        run_batch(request(tmp_path, settings=SegmentationSettings(**FEW)))
    before = {p: p.read_bytes() for p in (tmp_path / "out").glob("*")}
    with pytest.raises(InputError, match="is not a model"):
        run_batch(request(tmp_path, model=bad, overwrite=overwrite))
    assert {p: p.read_bytes() for p in (tmp_path / "out").glob("*")} == before


def test_the_model_of_the_folder_itself(tmp_path):
    write_images(tmp_path / "in", 2)
    settings = SegmentationSettings(**FEW)
    path = run_batch(request(tmp_path, settings=settings)).model_path
    content = path.read_bytes()
    result = run_batch(request(tmp_path, model=path, overwrite=True))
    assert [r.status for r in result.records] == ["done"] * 2
    assert path.read_bytes() == content
