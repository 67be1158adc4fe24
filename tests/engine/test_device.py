import pytest
import torch

from napari_mmtseg import InputError
from napari_mmtseg.engine import device as device_module
from napari_mmtseg.engine.device import choose_device, choose_precision, repeatable

CPU = torch.device("cpu")


@pytest.mark.parametrize("host", [(False, True), (True, False)])
def test_equal_runs_are_equal_and_the_settings_of_the_host_stay(monkeypatch, host):
    cudnn = torch.backends.cudnn
    before = torch.get_num_threads()
    monkeypatch.setattr(cudnn, "deterministic", host[0])
    monkeypatch.setattr(cudnn, "benchmark", host[1])
    with repeatable(before + 1):
        assert torch.get_num_threads() == before + 1
        assert cudnn.deterministic
        assert not cudnn.benchmark
    assert torch.get_num_threads() == before
    assert (cudnn.deterministic, cudnn.benchmark) == host


def test_runs_that_overlap_leave_the_settings_of_the_host(monkeypatch):
    cudnn = torch.backends.cudnn
    monkeypatch.setattr(cudnn, "deterministic", False)
    monkeypatch.setattr(cudnn, "benchmark", True)
    n = torch.get_num_threads()
    first, second = repeatable(n), repeatable(n)
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert (cudnn.deterministic, cudnn.benchmark) == (True, False)
    second.__exit__(None, None, None)
    assert (cudnn.deterministic, cudnn.benchmark) == (False, True)


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


@pytest.mark.parametrize(
    ("vectors", "flags", "chosen"),
    [
        ("AVX512", "avx512f amx_bf16 amx_tile", "bfloat16"),
        ("AVX512", "avx512f avx512_bf16", "float32"),
        ("AVX2", "amx_bf16", "float32"),  # switched off by the environment
        ("DEFAULT", "", "float32"),
    ],
)
def test_bfloat16_on_processors_with_amx_alone(monkeypatch, vectors, flags, chosen):
    monkeypatch.setattr(device_module, "_cpu_facts", lambda: {"flags": flags})
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: vectors)
    assert choose_precision("auto", CPU) == chosen
    assert choose_precision("float32", CPU) == "float32"
    assert choose_precision("bfloat16", CPU) == "bfloat16"
    assert choose_precision("auto", torch.device("cuda")) == "float32"
