"""Options made from the settings, and the command class that groups them in --help."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from napari_mmtseg.settings.fields import PRESETS, SegmentationSettings, parameters
from napari_mmtseg.settings.parameter import Parameter

__all__ = [
    "PATH",
    "Command",
    "axes_option",
    "channel_axis_option",
    "confidence_option",
    "image_argument",
    "labels_option",
    "overwrite_option",
    "quiet_option",
    "scribbles_option",
    "setting_options",
    "setting_type",
]

_METAVARS = {int: "INTEGER", float: "NUMBER", str: "NAME"}


def setting_type(parameter: Parameter) -> Callable[[str], Any]:
    """Return a function that turns text into a value of a setting.

    It accepts "none" where None is accepted, and "auto" where None means that.

    Parameters
    ----------
    parameter : Parameter
        The setting.
    """
    words_for_none = ["none"] if parameter.optional else []
    if parameter.none_means.startswith("auto"):
        words_for_none.append("auto")

    def convert(text: str) -> Any:
        if text.lower() in words_for_none:
            return None
        try:
            return parameter.check(_parsed(text, parameter.kind))
        except ValueError:
            raise click.BadParameter(
                f"{text} is not accepted: give {parameter.accepted}."
            ) from None

    return convert


def _parsed(text: str, kind: type) -> Any:
    if kind is str:
        return text
    try:
        return int(text)
    except ValueError:
        return float(text)


class SettingOption(click.Option):
    """An option that --help lists under its own heading."""

    section = "Settings"


class AdvancedSettingOption(SettingOption):
    """An option for the few who need it."""

    section = "Advanced settings"


class Command(click.Command):
    """A command whose --help lists the options by section."""

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


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command an option for every setting, and ``settings`` made from them.

    What is given on the command line goes over the settings file, that over the preset.
    """

    @functools.wraps(command)
    def with_settings(settings_file: Path | None, **values: Any) -> Any:
        context = click.get_current_context()
        asked = {name: values.pop(name) for name in parameters()}
        given = {
            name: value
            for name, value in asked.items()
            if context.get_parameter_source(name)
            is not click.core.ParameterSource.DEFAULT
        }
        if settings_file is None:
            settings = SegmentationSettings(**given)
        else:
            base = SegmentationSettings.from_json(settings_file)
            settings = SegmentationSettings(
                **{"preset": base.preset, **base.changes(), **given}
            )
        return command(settings=settings, **values)

    decorated: Callable[..., Any] = with_settings
    for parameter in reversed(parameters().values()):
        decorated = _option(parameter)(decorated)
    return click.option(
        "--settings",
        "settings_file",
        type=click.Path(path_type=Path, readable=False),
        metavar="FILE",
        help="Settings file (JSON); options given here go over it.",
    )(decorated)


def _option(parameter: Parameter) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    words = parameter.name.replace("_", "-")
    is_flag = parameter.kind is bool
    return click.option(
        f"--{words}/--no-{words}" if is_flag else f"--{words}",
        parameter.name,
        cls=AdvancedSettingOption if parameter.advanced else SettingOption,
        type=click.BOOL if is_flag else setting_type(parameter),
        metavar=None if is_flag else _METAVARS[parameter.kind],
        default=None,
        help=_help(parameter),
    )


def _help(parameter: Parameter) -> str:
    if parameter.name == "preset":
        return f"{parameter.description} [default: {parameter.default}]"
    defaults = [_shown(parameter, parameter.default)]
    for preset, values in PRESETS.items():
        value = values.get(parameter.name, parameter.default)
        if value != parameter.default:
            defaults.append(f"{preset}: {_shown(parameter, value)}")
    accepted = "" if parameter.kind is bool else f"{parameter.accepted}; "
    return f"{parameter.description} [{accepted}default: {', '.join(defaults)}]"


def _shown(parameter: Parameter, value: Any) -> str:
    if value is None:
        return parameter.none_means
    if parameter.kind is bool:
        return "on" if value else "off"
    return f"{value:g}" if parameter.kind is float else str(value)


PATH = click.Path(path_type=Path, readable=False)
image_argument = click.argument("image", type=PATH)
labels_option = click.option(
    "-o",
    "labels_path",
    type=PATH,
    metavar="LABELS",
    required=True,
    help="Label file to write: .tif, .tiff, .ome.tif, .png or .zarr.",
)
confidence_option = click.option(
    "--confidence",
    "confidence_path",
    type=PATH,
    metavar="FILE",
    help="Also write how sure the model is of every pixel, 0 to 1 (.tif, .tiff).",
)
channel_axis_option = click.option(
    "--channel-axis",
    type=int,
    metavar="N",
    help="Axis of the image that holds channels, counted from 0, where the file does "
    "not tell.",
)
axes_option = click.option(
    "--axes",
    metavar="AXES",
    help="A letter for every axis of the image as stored, such as TZYX, where the file "
    "does not tell.",
)
scribbles_option = click.option(
    "--scribbles",
    "scribbles_path",
    type=PATH,
    metavar="FILE",
    help="Painted pixels: an image file of whole numbers in the shape of the image, 0 "
    "where nothing is painted. The labels take these values.",
)
overwrite_option = click.option(
    "--overwrite", is_flag=True, help="Replace output files that exist."
)
quiet_option = click.option("-q", "--quiet", is_flag=True, help="Show no progress.")
