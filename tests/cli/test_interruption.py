from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from napari_mmtseg.cli.interruption import Interruption


class TestInterruption:
    @pytest.fixture
    def interruption(self) -> Iterator[Interruption]:
        interruption = Interruption()
        handler, hook = signal.getsignal(signal.SIGINT), sys.unraisablehook
        interruption.listen()
        yield interruption
        signal.signal(signal.SIGINT, handler)
        sys.unraisablehook = hook

    def test_at_once(self, interruption: Interruption) -> None:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            interruption.check()

    def test_second_one_does_not_disturb_the_cleaning_up(
        self, interruption: Interruption
    ) -> None:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    def test_deferred(self, interruption: Interruption) -> None:
        done = []

        def load() -> None:
            with interruption.deferred():
                signal.raise_signal(signal.SIGINT)
                done.append(True)

        with pytest.raises(KeyboardInterrupt):
            load()
        assert done

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_swallowed_by_a_destructor(
        self, interruption: Interruption, capsys: pytest.CaptureFixture[str]
    ) -> None:
        class Fragile:
            def __del__(self) -> None:
                signal.raise_signal(signal.SIGINT)

        fragile = Fragile()
        del fragile
        assert capsys.readouterr().err == ""
        with pytest.raises(KeyboardInterrupt):
            interruption.check()

    def test_exit_code_after_an_interrupt_in_exec(self) -> None:
        # Python would end itself with a signal after a KeyboardInterrupt in exec().
        code = (
            "import sys\n"
            "from napari_mmtseg.cli import main as cli\n"
            "from napari_mmtseg.cli import commands\n"
            "text = 'import signal; signal.raise_signal(signal.SIGINT)'\n"
            "commands.run = lambda arguments: exec(text)\n"
            "sys.exit(cli.main([]))\n"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, check=False, timeout=30
        )
        assert (done.returncode, done.stderr.strip()) == (130, b"Cancelled.")

    def test_import_error_after_an_interrupt_is_no_crash(
        self, monkeypatch: pytest.MonkeyPatch, interruption: Interruption
    ) -> None:
        from napari_mmtseg.cli import commands
        from napari_mmtseg.cli import main as cli

        def fail(arguments: object) -> int:
            interruption.requested = True
            raise ImportError("half loaded")

        monkeypatch.setattr(cli, "interruption", interruption)
        monkeypatch.setattr(commands, "run", fail)
        assert cli.main([]) == 130
