"""Waiting of OpenMP's threads."""

import os
import subprocess
import sys
import textwrap

import pytest

from napari_mmtseg.openmp import short_waits


@pytest.fixture(autouse=True)
def _no_choice(monkeypatch):
    for name in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)


def test_a_library_is_loaded_with_short_waits_and_the_environment_restored():
    before = dict(os.environ)
    with short_waits():
        assert int(os.environ["GOMP_SPINCOUNT"]) <= 10_000
    assert dict(os.environ) == before


@pytest.mark.parametrize("name", ["GOMP_SPINCOUNT", "OMP_WAIT_POLICY"])
def test_what_the_user_has_chosen_stays(monkeypatch, name):
    monkeypatch.setenv(name, "ACTIVE")
    before = dict(os.environ)
    with short_waits():
        assert dict(os.environ) == before
    assert dict(os.environ) == before


def test_torch_is_loaded_like_that():
    code = """
        import os, sys
        class Watch:
            def find_spec(self, name, path=None, target=None):
                if name == "torch":
                    print(os.environ.get("GOMP_SPINCOUNT"))
        sys.meta_path.insert(0, Watch())
        import napari_mmtseg.engine
        print(os.environ.get("GOMP_SPINCOUNT"))
    """
    result = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.split() == ["1000", "None"]
