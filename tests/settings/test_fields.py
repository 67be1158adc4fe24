import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from napari_mmtseg import InputError, SegmentationSettings
from napari_mmtseg.settings.fields import parameters
from napari_mmtseg.settings.presets import PRESETS


def test_presets_and_names():
    assert SegmentationSettings() == SegmentationSettings.from_preset("default")
    paper = SegmentationSettings.from_preset("paper")
    assert paper.preset == "paper"
    values = (paper.max_labels, paper.n_conv_layers, paper.n_steps, paper.ema_decay)
    assert values == (100, 3, 1000, 0.999)
    assert (paper.learning_rate, paper.momentum) == (0.1, 0.9)
    assert paper.warm_start_steps == 0
    assert paper.working_size is None


def test_replace_keeps_or_resets():
    settings = SegmentationSettings(n_labels=3, seed=4)
    assert settings.replace(seed=5).to_dict() == {**settings.to_dict(), "seed": 5}
    assert settings.replace(preset="paper") == SegmentationSettings.from_preset("paper")
    assert settings.changes() == {"n_labels": 3, "seed": 4}


def test_settings_are_frozen_hashable_and_picklable():
    settings = SegmentationSettings(seed=4)
    with pytest.raises(AttributeError):
        settings.seed = 5
    assert hash(settings) == hash(SegmentationSettings(seed=4))
    assert pickle.loads(pickle.dumps(settings)) == settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"n_label": 3}, "Did you mean n_labels"),
        ({"n_labels": 0}, "from 1 to 256, or none"),
        ({"seed": 1.5}, "whole number"),
        ({"seed": True}, "whole number"),
        ({"seed": "1"}, "whole number"),
        ({"seed": None}, "whole number"),
        ({"momentum": float("nan")}, "a number from 0"),
        ({"device": "tpu"}, "auto, cpu, cuda, mps"),
        ({"ema_warmup": 1}, "true or false"),
        ({"preset": "best"}, "default, fast, paper"),
        ({"min_labels": 20}, "raise max_labels"),
        ({"n_labels": 20, "max_labels": 10}, "raise max_labels"),
    ],
)
def test_bad_values_name_what_is_accepted(values, message):
    with pytest.raises(InputError, match=message):
        SegmentationSettings(**values)


def test_many_classes_raise_the_number_of_channels():
    assert SegmentationSettings(n_labels=40).max_labels == 40
    assert SegmentationSettings().replace(n_labels=40).max_labels == 40
    assert (
        SegmentationSettings(n_labels=4).max_labels == SegmentationSettings().max_labels
    )


def test_numpy_numbers_are_accepted():
    np = pytest.importorskip("numpy")
    assert SegmentationSettings(seed=np.int64(3)).seed == 3


def every_setting():
    def values(parameter):
        if parameter.choices:
            strategy = st.sampled_from(parameter.choices)
        elif parameter.kind is bool:
            strategy = st.booleans()
        elif parameter.kind is int:
            strategy = st.integers(parameter.minimum, parameter.maximum)
        else:
            strategy = st.floats(parameter.minimum, parameter.maximum)
        return st.none() | strategy if parameter.optional else strategy

    fields = {name: values(parameter) for name, parameter in parameters().items()}
    fields["max_labels"] = st.just(256)
    fields["darkest_value"] = st.none() | st.floats(-1e10, -1)  # below the brightest
    fields["brightest_value"] = st.none() | st.floats(0, 1e10)
    return st.fixed_dictionaries(fields)


@given(values=every_setting())
def test_json_round_trip(values, tmp_path_factory):
    path = tmp_path_factory.mktemp("settings") / "settings.json"
    settings = SegmentationSettings(**values)
    settings.to_json(path)
    assert SegmentationSettings.from_json(path) == settings


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_is_valid_and_round_trips(preset, tmp_path):
    settings = SegmentationSettings.from_preset(preset)
    settings.to_json(tmp_path / "s.json")
    assert SegmentationSettings.from_json(tmp_path / "s.json") == settings


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{not json", "not valid JSON"),
        ("[]", "not a settings file"),
        ('{"seed": 1}', "not a settings file"),
        ({"version": 2}, "version 2"),
        ({"settings": {"sed": 1}}, "Did you mean seed"),
        ({"settings": {"seed": -1}}, "seed=-1"),
        ({"settings": None}, "missing"),
    ],
)
def test_bad_settings_files(tmp_path, content, message):
    path = tmp_path / "settings.json"
    if isinstance(content, dict):
        valid = {"format": "napari-mmtseg settings", "version": 1, "settings": {}}
        content = json.dumps(valid | content)
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        SegmentationSettings.from_json(path)


def test_missing_and_unwritable_settings_files(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        SegmentationSettings.from_json(tmp_path / "none.json")
    with pytest.raises(InputError, match="does not exist"):
        SegmentationSettings().to_json(tmp_path / "none" / "s.json")


def test_every_setting_is_described():
    for name, parameter in parameters().items():
        assert parameter.name == name
        assert parameter.title[0].isupper()
        assert parameter.description.endswith(".")
        assert parameter.check(parameter.default) == parameter.default
        assert bool(parameter.none_means) == parameter.optional
