"""The class of all commands: warnings and errors in plain lines, help by section."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import click

from napari_mmtseg.errors import InputError

_ARGUMENT = re.compile(
    r"(?<![\w./\\-])"
    r"(?:(\w+)=('[^']*'|[+-]?\w+(?:\.\d+)?)|([a-z]+_[a-z_]+))"
    r"(?=[\s,;:)]|\.?(?:\s|$))"
)
"""A Python argument in a message, with or without a value; not a part of a path."""


class SettingOption(click.Option):
    """An option that --help lists under its own heading."""

    section = "Settings"


class AdvancedSettingOption(SettingOption):
    """An option for the few who need it."""

    section = "Advanced settings"


class _BadInput(click.ClickException):
    exit_code = 2


class Command(click.Command):
    """A command of ``mmtseg``."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; end with exit code 2 if its input cannot be used."""
        with _plain_warnings():
            try:
                return super().invoke(ctx)
            except InputError as error:
                raise _BadInput(self._with_options(str(error))) from error
            except BrokenPipeError:
                raise  # the reader of the output has closed it: not an error
            except OSError as error:
                place = f"{error.filename}: " if error.filename else ""
                raise _BadInput(f"{place}{error.strerror or error}.") from error

    def format_options(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """Write the options, those of the command first."""
        sections: dict[str, list[tuple[str, str]]] = {
            "Options": [],
            SettingOption.section: [],
            AdvancedSettingOption.section: [],
        }
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                sections[getattr(param, "section", "Options")].append(record)
        for title, records in sections.items():
            if records:
                with formatter.section(title):
                    formatter.write_dl(records)

    def _with_options(self, message: str) -> str:
        """Spell Python arguments, such as overwrite=True, as options."""
        options = {p.name: p for p in self.params if isinstance(p, click.Option)}

        def spelled(argument: re.Match[str]) -> str:
            option, value = options.get(argument[1] or argument[3]), argument[2]
            if option is None:
                return argument[0]
            if value == "False" and option.secondary_opts:
                return option.secondary_opts[0]
            is_alone = value is None or (
                option.is_flag and value in ("True", option.flag_value)
            )
            return option.opts[0] if is_alone else f"{option.opts[0]}={value}"

        return _ARGUMENT.sub(spelled, message)


@contextmanager
def _plain_warnings() -> Iterator[None]:
    """Print a warning to the user as one line instead of a place in the source."""

    def show(message: Warning | str, *details: Any, **more: Any) -> None:
        words = f"Warning: {message}"
        if "tqdm" in sys.modules:
            sys.modules["tqdm"].tqdm.write(words, file=sys.stderr)
        else:
            click.echo(words, err=True)

    with warnings.catch_warnings():
        warnings.filterwarnings("default", category=UserWarning)
        warnings.showwarning = show
        yield
