"""A small part of the bad input in bulk, in this process."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pytest
from benchmarks.fuzz import __main__ as fuzz
from benchmarks.fuzz import arrays, case, files

from napari_mmtseg import InputError

N_KINDS = 2 * len(arrays.CASES) * len(files.CASES)


# Memory is judged in a process that does nothing else.
GOOD = ("result", "refusal", "memory")


@pytest.mark.parametrize("number", range(0, N_KINDS, 2))
def test_arrays(number: int) -> None:
    found = case.run_case(7, number)
    assert found["ends_in"] in GOOD, found


@pytest.mark.parametrize("number", range(1, 2 * len(files.CASES), 2))
def test_files(number: int) -> None:
    found = case.run_case(7, number)
    assert found["ends_in"] in GOOD, found


class TestJudgement:
    """What a case must not end in is seen."""

    @pytest.mark.parametrize(
        ("error", "ends_in"),
        [
            (InputError("This is a sentence."), "refusal"),
            (InputError("x"), "without a sentence"),
            (TypeError("a bug"), "TypeError in"),
            (arrays.Wrong("of another shape"), "wrong"),
            (MemoryError(), "MemoryError in"),
        ],
    )
    def test_ends(
        self, monkeypatch: pytest.MonkeyPatch, error: Exception, ends_in: str
    ) -> None:
        def fail(rng: np.random.Generator) -> None:
            raise error

        monkeypatch.setattr(arrays, "CASES", (fail,))
        assert ends_in in case.run_case(0, 0)["ends_in"]

    def test_changed_argument(self) -> None:
        def change(image: np.ndarray) -> None:
            image[0] = 3

        with pytest.raises(arrays.Wrong, match="was changed"):
            arrays._called(change, np.zeros(3))

    def test_labels_of_another_shape(self) -> None:
        with pytest.raises(arrays.Wrong, match="not"):
            arrays._check_labels(np.zeros((3, 4)), (4, 3))


class _Connection:
    def __init__(self, answers: list[bool]) -> None:
        self.answers = answers

    def poll(self, seconds: float) -> bool:
        time.sleep(0)
        return self.answers.pop(0)


@pytest.mark.parametrize(
    ("answers", "used", "expected"),
    [
        ([True], [0, 0], True),
        ([False, True], [0, 1, 1], True),  # the machine was busy with others
        ([False], [0, 30], False),
        ([False] * 6, [0] * 7, False),
    ],
)
def test_hangs(
    monkeypatch: pytest.MonkeyPatch,
    answers: list[bool],
    used: list[float],
    expected: bool,
) -> None:
    monkeypatch.setattr(fuzz, "_cpu_seconds", lambda pid: used.pop(0))
    assert fuzz._answers(_Connection(answers), os.getpid(), 20) is expected


@pytest.mark.parametrize("messages", [0, 1])
def test_a_child_that_cannot_make_its_files_is_no_failed_case(messages: int) -> None:
    ours, theirs = multiprocessing.Pipe()
    for _ in range(messages):
        theirs.send("ready")
    theirs.close()
    if messages:
        fuzz._wait_until_ready(ours)
    else:
        with pytest.raises(RuntimeError, match="could not be made"):
            fuzz._wait_until_ready(ours)


def test_good_files_do_not_depend_on_where_the_command_is_called(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    called_in = []
    monkeypatch.setattr(files, "_command", lambda words: called_in.append(Path.cwd()))
    made = files.make_files.__wrapped__()
    assert made.parent == tmp_path
    assert called_in
    assert tmp_path / "here" not in called_in
    assert Path.cwd() == tmp_path / "here"
