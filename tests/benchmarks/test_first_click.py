import numpy as np
import pytest
from benchmarks.scripted_images import (
    CHANGES,
    ChangedImage,
    ScriptedImage,
    scripted_images,
    strong_noise,
    uneven_light,
)

from benchmarks import first_click


def test_the_coins_are_a_background_and_24_coins():
    from skimage.measure import label

    (truth,) = scripted_images()[0].read_truths()
    assert np.unique(truth).tolist() == [0, 1]
    assert truth[0, 0] == 0
    sizes = np.bincount(label(truth, background=0).ravel())[1:]
    assert (sizes > 200).sum() == 24


def test_composites_are_made_of_their_textures():
    images = [image for image in scripted_images() if image.collection == "textures"]
    assert len(images) == 12
    assert sorted({image.true_number() for image in images}) == [2, 3]
    first = ScriptedImage("textures", "halves of brick, grass")
    pixels, (truth,) = first.read_image(), first.read_truths()
    assert pixels.shape == truth.shape == (384, 384)
    assert (truth == (np.arange(384) >= 192)).all()
    second = ScriptedImage("textures", "halves of grass, gravel").read_image()
    assert (pixels[:, :192] != second[:, :192]).any()
    for image in images:
        assert np.bincount(image.read_truths()[0].ravel()).min() > 0.1 * 384**2


def test_changes_keep_truth_and_type():
    image = np.full((32, 48), 100, np.uint8)
    lit = uneven_light(image)
    assert (lit[0, 0], lit[-1, -1], lit.dtype) == (50, 150, np.uint8)
    assert lit[0, -1] == lit[-1, 0] == 100
    colours = uneven_light(np.full((8, 8, 3), 200, np.uint8))
    assert colours[-1, -1].tolist() == [255, 255, 255]
    image[:, 24:] = 200
    noisy = strong_noise(image).astype(int) - image
    assert np.std(noisy) == pytest.approx(5, rel=0.1)
    changed = ChangedImage(scripted_images()[0], "noise")
    assert changed.name == "coins, noise"
    assert changed.true_number() == 2
    assert (changed.read_image() != scripted_images()[0].read_image()).any()


def record(collection, method, number, score, labels=2, change=""):
    return {
        "collection": collection,
        "image": "a" + change,
        "method": method,
        "number": number,
        "change": change,
        "mean_iou": score,
        "n_labels": labels,
        "true_number": 2,
        "seconds": 1.0,
    }


def records_of(collection, method, told, automatic, labels=2):
    baselines = zip(first_click.BASELINES, (0.3, 0.5, 0.4), strict=True)
    return [
        record(collection, method, "true", told),
        record(collection, method, "automatic", automatic, labels),
        *(
            record(collection, method, "automatic", automatic / 2, 2, change)
            for change in CHANGES
        ),
        *(record(collection, name, "true", score) for name, score in baselines),
    ]


def test_figures_of_a_set():
    records = records_of("cells", "default", 0.8, 0.6, labels=3)
    figures = first_click.figures_of_sets(records, "default")["cells"]
    expected = {"baseline": 0.5, "told": 0.8, "automatic": 0.6, "right": 0.0}
    expected |= {"uneven light": 0.3, "noise": 0.3, "seconds": 1.0}
    assert figures == pytest.approx(expected)
    assert "| cells | 1 | 0.500 | 0.800 | 0.600 | 0.000 |" in first_click.table(
        records, "default"
    )


def test_the_choice_for_a_set_is_made_on_the_others():
    records = []
    # "a" is best on cells alone, "b" on the two others.
    for collection, a, b in (
        ("cells", 0.9, 0.1),
        ("rock", 0.3, 0.6),
        ("wood", 0.3, 0.6),
    ):
        records += records_of(collection, "a", a, a)
        records += records_of(collection, "b", b, b)
    table = first_click.leave_one_out_table(records, ["a", "b"])
    assert "| cells | b | 0.500 | 0.100 | 0.100 |" in table
    assert "| rock | a | 0.500 | 0.300 |" in table


def test_every_image_is_told_automatic_and_changed(data_folder):
    arguments = ["--data", str(data_folder), "--limit", "1"]
    tasks = first_click.tasks(first_click.parse(arguments))
    ours = [task for task in tasks if task.method.spec == "default"]
    assert {task.image.collection for task in ours} == {"cells", "coins", "textures"}
    assert len(ours) == 3 * (2 + len(CHANGES))
    others = [task for task in tasks if task.method.spec != "default"]
    assert {task.number for task in others} == {"true"}
    found = first_click.evaluate(ours[0])
    assert found["true_number"] == 3
    assert 0 < found["mean_iou"] <= 1
