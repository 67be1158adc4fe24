"""Objects and their measurements in batches."""

from functools import partial

import numpy as np
import pandas
import pytest
import tifffile

from napari_mmtseg import InputError, SegmentationSettings
from napari_mmtseg.batch import run_batch
from napari_mmtseg.cli.main import main
from tests.batch.folders import QUICK, batch_request, write_images

SETTINGS = SegmentationSettings(**{**QUICK, "n_labels": 2, "output": "objects"})
request = partial(batch_request, settings=SETTINGS, measure=True)


@pytest.mark.parametrize("mode", ["one_model", "each"])
def test_one_table_of_all_objects(tmp_path, mode):
    write_images(tmp_path / "in")
    run_batch(request(tmp_path, mode=mode))
    table = pandas.read_csv(tmp_path / "out" / "mmtseg-objects.csv")
    assert set(table["image"]) == {"a0.png", "a1.png", "a2.png"}
    for name, rows in table.groupby("image"):
        labels = tifffile.imread(tmp_path / "out" / f"{name[:-4]}.tif")
        assert rows["label"].tolist() == np.unique(labels)[1:].tolist()
        assert set(rows["class"]) == {2}
        sizes = np.bincount(labels.ravel())[1:]
        assert rows["area (pixels²)"].tolist() == sizes[sizes > 0].tolist()
    own = pandas.read_csv(tmp_path / "out" / "mmtseg-objects" / "a1.csv")
    assert len(own) == (table["image"] == "a1.png").sum()


def test_resumed_batches_have_all_rows(tmp_path):
    write_images(tmp_path / "in", 1)
    run_batch(request(tmp_path, mode="each"))
    write_images(tmp_path / "in", 2)
    run_batch(request(tmp_path, mode="each", resume=True))
    table = pandas.read_csv(tmp_path / "out" / "mmtseg-objects.csv")
    assert set(table["image"]) == {"a0.png", "a1.png"}
    with pytest.raises(InputError, match="measure"):
        run_batch(request(tmp_path, mode="each", resume=True, measure=False))


def test_the_command(tmp_path, capsys):
    write_images(tmp_path / "in", 2)
    quick = [f"--{k.replace('_', '-')}={v}" for k, v in QUICK.items()]
    words = ["batch", str(tmp_path / "in"), str(tmp_path / "out"), "--measure", *quick]
    assert main(words) == 0
    assert "mmtseg-objects.csv: the table of all objects" in capsys.readouterr().out
    table = pandas.read_csv(tmp_path / "out" / "mmtseg-objects.csv")
    assert "class" not in table  # labels are the classes
