import json

import pytest
import torch

from napari_mmtseg import InputError
from napari_mmtseg.engine import device as device_module
from napari_mmtseg.engine.device import (
    bfloat16_speedup,
    choose_device,
    choose_precision,
)

CPU = torch.device("cpu")


@pytest.fixture
def _fresh_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(device_module, "user_cache_path", lambda _: tmp_path)
    bfloat16_speedup.cache_clear()
    yield
    bfloat16_speedup.cache_clear()


def test_cpu_is_always_there():
    assert choose_device("cpu") == CPU


def test_auto_takes_an_accelerator_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert choose_device("auto").type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)
    assert choose_device("auto").type == "mps"


def test_missing_device_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(InputError, match="Available: auto"):
        choose_device("cuda")


@pytest.mark.usefixtures("_fresh_cache")
@pytest.mark.parametrize(("speedup", "chosen"), [(3.0, "bfloat16"), (0.4, "float32")])
def test_bfloat16_only_where_it_was_measured_to_be_faster(
    monkeypatch, tmp_path, speedup, chosen
):
    monkeypatch.setattr(device_module, "_has_bfloat16", lambda _: True)
    seconds = {torch.float32: speedup, torch.bfloat16: 1.0}
    monkeypatch.setattr(device_module, "_step_seconds", lambda _, dtype: seconds[dtype])
    assert choose_precision("auto", CPU) == chosen
    assert choose_precision("float32", CPU) == "float32"
    (kept,) = json.loads((tmp_path / "bfloat16.json").read_text()).values()
    assert kept == speedup


@pytest.mark.usefixtures("_fresh_cache")
def test_choice_is_kept_between_runs(monkeypatch):
    monkeypatch.setattr(device_module, "_has_bfloat16", lambda _: True)
    monkeypatch.setattr(device_module, "_step_seconds", lambda _, dtype: 1.0)
    assert choose_precision("auto", CPU) == "float32"
    bfloat16_speedup.cache_clear()

    def fail(*_):
        raise AssertionError("measured again")

    monkeypatch.setattr(device_module, "_step_seconds", fail)
    assert choose_precision("auto", CPU) == "float32"


@pytest.mark.usefixtures("_fresh_cache")
def test_broken_cache_is_measured_anew(monkeypatch, tmp_path):
    (tmp_path / "bfloat16.json").write_text("[not a table")
    monkeypatch.setattr(device_module, "_has_bfloat16", lambda _: True)
    monkeypatch.setattr(device_module, "_step_seconds", lambda _, dtype: 1.0)
    assert bfloat16_speedup(CPU) == 1.0


@pytest.mark.usefixtures("_fresh_cache")
def test_no_hardware_means_no_measurement(monkeypatch):
    monkeypatch.setattr(device_module, "_has_bfloat16", lambda _: False)
    assert choose_precision("auto", CPU) == "float32"
