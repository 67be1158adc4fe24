from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from tests.cli.running import COMMAND, QUICK

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX signals")


class TestProcess:
    def test_piped(self) -> None:
        words = [*COMMAND, "segment", "image.ome.tif", "-o", "a.tif", *QUICK]
        done = subprocess.run(words, capture_output=True, check=True, timeout=60)
        assert b"\r" not in done.stderr.replace(os.linesep.encode(), b"\n")
        assert done.stderr.startswith(b"loading PyTorch")
        assert done.stdout.startswith(b"a.tif: ")

    @pytest.mark.parametrize("words", [["--help"], ["--version"], ["segment", "-h"]])
    def test_help_needs_nothing_heavy(self, words: list[str]) -> None:
        code = (
            "import sys; from napari_mmtseg.cli.main import main; "
            f"assert main({words}) == 0; "
            "print(sorted({'numpy', 'skimage', 'torch', 'tqdm'} & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=True, timeout=30
        )
        assert done.stdout.splitlines()[-1] == b"[]"

    def test_bad_input_needs_no_torch_to_be_refused(self) -> None:
        iio.imwrite("a.png", np.zeros((4, 40), np.uint8))
        code = (
            "import sys; from napari_mmtseg.cli.main import main; "
            "code = main(['segment', 'a.png', '-o', 'b.tif']); "
            "assert 'torch' not in sys.modules; "
            "sys.exit(code)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=False, timeout=30
        )
        assert done.returncode == 2
        (line,) = done.stderr.splitlines()
        assert line.startswith(b"Error: a.png: An image of 4 x 40")

    @posix
    @pytest.mark.parametrize("moment", ["loading", "training"])
    def test_interrupt(self, moment: str) -> None:
        with self.started("image.ome.tif") as process:
            assert process.stderr is not None
            assert process.stderr.readline() == b"loading PyTorch\n"
            if moment == "training":
                assert process.stderr.readline()
            self.interrupted(process)

    @posix
    def test_interrupt_while_reading(self) -> None:
        os.mkfifo("slow.png")
        with self.started("slow.png") as process, open("slow.png", "wb"):
            self.interrupted(process)

    @staticmethod
    def started(image: str) -> subprocess.Popen[bytes]:
        words = [*COMMAND, "segment", image, "-o", "a.tif", *QUICK]
        endless = ["--n-steps=100000", "--patience=none", "--min-labels=1"]
        return subprocess.Popen(
            [*words, *endless], stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )

    @staticmethod
    def interrupted(process: subprocess.Popen[bytes]) -> None:
        before = set(Path().iterdir())
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=30)
        assert process.returncode == 130, stderr
        assert stdout == b""
        assert stderr.endswith(b"Cancelled.\n")
        assert b"Traceback" not in stderr
        assert set(Path().iterdir()) == before
