import threading
import warnings

import pytest
import tifffile

from napari_mmtseg import SegmentationSettings
from napari_mmtseg.batch import item as batch_item
from napari_mmtseg.batch.item import BatchTask, label_item
from napari_mmtseg.batch.model import fit_batch
from napari_mmtseg.batch.plan import BatchItem, plan_batch
from napari_mmtseg.progress import drain
from tests.batch.folders import QUICK, batch_request, square, write_images

FEW = SegmentationSettings(**{**QUICK, "n_steps": 4, "warm_start_steps": 2})


def write_two_images(path):
    """Write a file whose reader warns that only the first image is used."""
    with tifffile.TiffWriter(path) as file:
        file.write(square(1))
        file.write(square(2)[:30])


def overlapping(monkeypatch, module, works):
    """Run works in threads: all are reading at once, and the first ends first."""
    read, n = module.read_image, len(works)
    reading, turn = ([threading.Event() for _ in range(n)] for _ in range(2))
    mine = threading.local()
    results = [None] * n

    def read_together(*arguments, **options):
        reading[mine.number].set()
        assert turn[mine.number].wait(30)
        return read(*arguments, **options)

    def run(number):
        mine.number = number
        results[number] = works[number]()

    monkeypatch.setattr(module, "read_image", read_together)
    threads = [threading.Thread(target=run, args=(i,)) for i in range(n)]
    for thread, is_reading in zip(threads, reading, strict=True):
        thread.start()
        assert is_reading.wait(30)
    for thread, its_turn in zip(threads, turn, strict=True):
        its_turn.set()
        thread.join(60)
    return results


@pytest.fixture
def host():
    """Check that handlers and filters of warnings are those of the host afterwards."""
    handlers = warnings.showwarning, warnings._showwarnmsg_impl
    filters = list(warnings.filters)
    yield
    assert (warnings.showwarning, warnings._showwarnmsg_impl) == handlers
    # Libraries that are loaded meanwhile add some of their own in front.
    n_added = len(warnings.filters) - len(filters)
    assert warnings.filters[n_added:] == filters
    assert UserWarning not in [added[2] for added in warnings.filters[:n_added]]


def test_images_labelled_side_by_side_leave_warnings_of_the_host_alone(
    tmp_path, monkeypatch, host
):
    works = []
    for name in "ab":
        write_two_images(tmp_path / f"{name}.tif")
        item = BatchItem(name, tmp_path / f"{name}.tif", tmp_path / f"{name}.out.tif")
        works.append(lambda item=item: label_item(BatchTask(item, FEW)))
    records = overlapping(monkeypatch, batch_item, works)
    assert [r.status for r in records] == ["done"] * 2
    for record in records:
        assert f"{record.item.name}.tif holds 2 images" in record.error


def test_models_fitted_side_by_side_leave_warnings_of_the_host_alone(
    tmp_path, monkeypatch, host
):
    from napari_mmtseg.batch import model as batch_model

    works = []
    for name in "ab":
        write_images(tmp_path / name / "in", 1)
        plan = plan_batch(batch_request(tmp_path / name, settings=FEW))
        works.append(lambda plan=plan: drain(fit_batch(plan)))
    models = overlapping(monkeypatch, batch_model, works)
    assert [model.n_labels for model in models] == [2, 2]
