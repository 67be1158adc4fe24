"""The methods through segment, iter_segment, fit and the command line."""

import imageio.v3 as iio
import numpy as np
import pytest
from click.testing import CliRunner

import napari_mmtseg as mm
from napari_mmtseg import baselines
from napari_mmtseg.cli.commands import mmtseg
from napari_mmtseg.engine.device import choose_device
from napari_mmtseg.segmentation.baseline import used_settings
from tests.baselines.images import NETWORKS, QUICK, two_values
from tests.draining import drain

every = pytest.mark.parametrize("name", baselines.__all__)
CLUSTERING = [name for name in baselines.__all__ if name not in NETWORKS]


def steps_of(name):
    """Return the settings that make a method fast."""
    return QUICK[name] if name in NETWORKS else {}


@every
def test_segment_gives_the_labels_of_the_function(name):
    image, _ = two_values()
    settings = {"n_labels": 2, "seed": 3, **steps_of(name)}
    expected = getattr(baselines, name)(image, **settings)
    labels = mm.segment(image, method=name, **settings)
    np.testing.assert_array_equal(labels, expected)


@every
def test_the_result_says_what_was_done(name):
    image, _ = two_values()
    steps = mm.iter_segment(
        image, method=name, n_labels=2, preview_interval=0, **steps_of(name)
    )
    seen, result = drain(steps)
    assert result.model is None
    assert result.settings.method == name
    assert result.n_labels == 2
    # Networks run where "auto" puts them, clustering on the processor.
    device = choose_device().type if name in NETWORKS else "cpu"
    assert (result.device, result.precision) == (device, "float32")
    assert result.seconds > 0
    phase = "training" if name in NETWORKS else "clustering"
    working = [step for step in seen if step.phase == phase]
    assert working[-1].step == result.n_steps
    phases = list(dict.fromkeys(step.phase for step in seen))
    assert name in NETWORKS or phases == ["clustering"]
    if name in NETWORKS:
        assert phases == ["preparing", "training", "prediction"]
        assert all(np.isfinite(step.similarity_loss) for step in working)
        assert all(step.labels.shape == image.shape for step in working)
        assert all(step.labels.max() <= 2 for step in working)


def test_published_defaults_but_for_what_is_changed():
    def used(*preset, **values):
        return used_settings(mm.SegmentationSettings(*preset, **values))

    kim = used(method="kim")
    published = {"max_labels": 100, "min_labels": 3, "n_conv_layers": 2}
    published |= {"n_steps": 1000, "learning_rate": 0.1, "momentum": 0.9}
    published |= {"continuity_weight": 5.0, "working_size": None}
    published |= {"device": "auto", "precision": "float32"}
    assert kim == {**published, "seed": 0, "n_labels": None}
    assert used("fast", method="kim") == kim
    assert used("paper", method="kim", seed=3) == {**kim, "seed": 3}
    changed = {"continuity_weight": 1.0, "n_steps": 7, "working_size": 99}
    assert used(method="kim", **changed) == {**kim, **changed}
    assert used(method="kim", n_labels=40) == {**kim, "n_labels": 40}
    assert used(method="kmeans", n_labels=40, n_steps=3) == {
        "n_labels": 40,
        "seed": 0,
    }
    assert "continuity_weight" not in used(method="kanezaki", continuity_weight=1)


def test_regions_and_their_smallest_size():
    image = np.zeros((40, 60), np.uint8)
    image[10:30, 5:20] = image[10:30, 40:55] = 255
    image[2:4, 2:4] = 255
    whole = mm.segment(image, method="kmeans", n_labels=2, output="regions")
    assert whole.max() == 4
    cleaned = mm.segment(
        image, method="kmeans", n_labels=2, output="regions", min_region_size=9
    )
    assert cleaned.max() == 3
    assert cleaned[3, 3] == cleaned[0, 0]


@pytest.mark.parametrize("name", NETWORKS)
def test_stop_keeps_what_there_is(name):
    image, _ = two_values()
    steps = mm.iter_segment(image, method=name, n_labels=2, max_labels=8, n_steps=500)
    for _ in range(4):
        next(steps)
    steps.send("stop")
    _, result = drain(steps)
    assert result.stop_reason == "stopped by the user"
    assert result.n_steps <= 5
    assert set(np.unique(result.labels)) == {1, 2}


@pytest.mark.parametrize("name", NETWORKS)
def test_stop_before_the_first_step_trains_one(name):
    steps = mm.iter_segment(two_values()[0], method=name, max_labels=8)
    next(steps)
    steps.send("stop")
    _, result = drain(steps)
    assert result.n_steps == 1


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("after", [1, 30])
def test_cancel_is_heard_in_the_middle_of_a_step(name, after):
    asked = []

    def should_cancel():
        asked.append(None)
        return len(asked) >= after

    with pytest.raises(mm.Cancelled):
        list(mm.iter_segment(two_values()[0], method=name, should_cancel=should_cancel))
    assert len(asked) == after


@pytest.mark.parametrize("name", CLUSTERING)
def test_cancel_of_what_has_no_steps(name):
    with pytest.raises(mm.Cancelled):
        list(mm.iter_segment(two_values()[0], method=name, should_cancel=lambda: True))


@every
def test_close_ends_it(name):
    steps = mm.iter_segment(two_values()[0], method=name)
    next(steps)
    steps.close()
    with pytest.raises(StopIteration):
        next(steps)


def test_bad_input_is_refused_before_the_work(monkeypatch):
    image, _ = two_values()
    with pytest.raises(mm.InputError, match="one of mmt, felzenszwalb"):
        mm.iter_segment(image, method="watershed")
    with pytest.raises(mm.InputError, match="min_labels=3 is more than max_labels=2"):
        mm.iter_segment(image, method="kim", max_labels=2)
    monkeypatch.setitem(__import__("sys").modules, "sklearn", None)
    with pytest.raises(mm.InputError, match="pip install"):
        mm.iter_segment(image, method="kmeans")


@every
def test_there_is_no_model_to_fit(name):
    with pytest.raises(mm.InputError, match=f"method={name} .* no model"):
        mm.fit(two_values()[0], method=name)


@pytest.fixture
def _image_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    iio.imwrite("image.png", two_values()[0])


def command(*words):
    return CliRunner().invoke(mmtseg, words)


@pytest.mark.usefixtures("_image_file")
@pytest.mark.parametrize("name", ["kim", "kmeans"])
def test_command_line(name):
    words = ("--n-labels=2", "--n-steps=20", "--max-labels=8")
    result = command("segment", "image.png", "-o", "a.png", f"--method={name}", *words)
    assert result.exit_code == 0, result.output
    values = {"n_labels": 2, "n_steps": 20, "max_labels": 8}
    expected = mm.segment(two_values()[0], method=name, **values)
    np.testing.assert_array_equal(iio.imread("a.png"), expected)


@pytest.mark.usefixtures("_image_file")
@pytest.mark.parametrize(
    "words",
    [
        ("segment", "image.png", "-o", "a.png", "--save-model=m.safetensors"),
        ("fit", "none.png", "-o", "m.safetensors"),
    ],
)
def test_command_line_has_no_model_to_save(words, tmp_path):
    result = command(*words, "--method=kim")
    assert result.exit_code == 2
    assert "method=kim labels one image" in " ".join(result.stderr.split())
    assert [path.name for path in tmp_path.iterdir()] == ["image.png"]
