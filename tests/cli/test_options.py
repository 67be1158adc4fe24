from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from napari_mmtseg import SegmentationSettings
from napari_mmtseg.cli.options import setting_options
from napari_mmtseg.settings.fields import parameters
from tests.cli.running import run


class TestSettings:
    @staticmethod
    def chosen(*words: str) -> SegmentationSettings:
        found = []

        @click.command()
        @setting_options
        def command(settings: SegmentationSettings) -> None:
            found.append(settings)

        result = CliRunner().invoke(command, list(words), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return found[0]

    def test_nothing_given(self) -> None:
        assert self.chosen() == SegmentationSettings()

    @pytest.mark.parametrize(
        "name", [n for n, p in parameters().items() if p.kind is not bool]
    )
    def test_every_setting_is_an_option(self, name: str) -> None:
        parameter = parameters()[name]
        values = [*parameter.choices, parameter.minimum, parameter.maximum]
        value = next(v for v in values if v not in (None, parameter.default))
        given = self.chosen("--" + name.replace("_", "-"), f"{value}")
        assert getattr(given, name) == value

    def test_switches(self) -> None:
        assert self.chosen("--preset=paper", "--ema-warmup").ema_warmup
        assert not self.chosen("--no-ema-warmup").ema_warmup

    @pytest.mark.parametrize("word", ["none", "auto", "NONE"])
    def test_automatic(self, word: str) -> None:
        SegmentationSettings(n_labels=3).to_json("s.json")
        given = self.chosen("--settings", "s.json", "--n-labels", word)
        assert given.n_labels is None

    def test_none(self) -> None:
        assert self.chosen("--patience", "none").patience is None

    def test_option_over_file_over_preset(self) -> None:
        SegmentationSettings("fast", n_labels=3, seed=5).to_json("s.json")
        given = self.chosen("--settings", "s.json", "--seed", "8")
        assert given == SegmentationSettings("fast", n_labels=3, seed=8)
        given = self.chosen("--settings", "s.json", "--preset", "paper")
        assert given == SegmentationSettings("paper", n_labels=3, seed=5)

    def test_help(self) -> None:
        text = " ".join(run("segment", "--help", quick=False).output.split())
        for name, parameter in parameters().items():
            assert "--" + name.replace("_", "-") in text
            assert " ".join(parameter.description.split()) in text
            if parameter.kind is not bool and name != "preset":
                assert parameter.accepted in text
        assert "[a whole number from 1 to 256, or none (automatic); default:" in text
        assert "paper: 1000]" in text
        assert "Advanced settings:" in text
