"""Options: one for every setting, and those that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from napari_mmtseg.cli.command import AdvancedSettingOption, SettingOption
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.formats import CONFIDENCE_SUFFIXES, LABEL_SUFFIXES, in_words
from napari_mmtseg.images.channel_numbers import parse_channels
from napari_mmtseg.settings.fields import (
    OBJECT_SETTINGS,
    SegmentationSettings,
    parameters,
)
from napari_mmtseg.settings.parameter import Parameter
from napari_mmtseg.settings.presets import PRESETS

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

PATH = click.Path(path_type=Path, readable=False)
_METAVARS = {int: "INTEGER", float: "NUMBER", str: "NAME"}


def setting_type(parameter: Parameter) -> Callable[[str], Any]:
    """Return a function that turns text into a value of a setting.

    It accepts "none" where None is accepted, and "auto" where None means that.
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


def together(*decorators: Decorator) -> Decorator:
    """Return one decorator for several options, in the order of ``--help``."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for decorator in reversed(decorators):
            command = decorator(command)
        return command

    return decorate


def given_options() -> set[str]:
    """Return the names of what stands on the command line."""
    context = click.get_current_context()
    default = click.core.ParameterSource.DEFAULT
    names = context.params
    return {n for n in names if context.get_parameter_source(n) is not default}


def setting_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command an option for every setting, and ``settings`` made from them.

    What is given on the command line goes over the settings file, that over the preset.
    """

    @functools.wraps(command)
    def with_settings(settings_file: Path | None, **values: Any) -> Any:
        asked = {name: values.pop(name) for name in parameters()}
        given = {name: asked[name] for name in given_options() & asked.keys()}
        base = SegmentationSettings()
        if settings_file is not None:
            base = SegmentationSettings.from_json(settings_file)
        changes = {"preset": base.preset, **base.changes(), **given}
        return command(settings=SegmentationSettings(**changes), **values)

    settings_file = click.option(
        "--settings",
        "settings_file",
        type=PATH,
        metavar="FILE",
        help="Settings file (JSON); options given here go over it.",
    )
    return together(settings_file, *map(_option, parameters().values()))(with_settings)


def object_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options for objects, and ``settings`` made from them."""

    @functools.wraps(command)
    def with_settings(**values: Any) -> Any:
        asked = {name: values.pop(name) for name in OBJECT_SETTINGS}
        given = {name: asked[name] for name in given_options() & asked.keys()}
        return command(
            settings=SegmentationSettings(output="objects", **given), **values
        )

    known = parameters()
    options = (_option(known[name]) for name in OBJECT_SETTINGS)
    return together(*options)(with_settings)


def _option(parameter: Parameter) -> Decorator:
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


def _numbers(text: str) -> tuple[int, ...] | None:
    try:
        return parse_channels(text)
    except InputError as error:
        raise click.BadParameter(str(error)) from None


image_argument = click.argument("image", type=PATH)
labels_option = click.option(
    "-o",
    "labels_path",
    type=PATH,
    metavar="LABELS",
    required=True,
    help=f"Label file to write: {in_words(LABEL_SUFFIXES)}; .ome.tif for OME-TIFF.",
)
confidence_option = click.option(
    "--confidence",
    "confidence_path",
    type=PATH,
    metavar="FILE",
    help="Also write how sure the model is of every pixel, 0 to 1 "
    f"({in_words(CONFIDENCE_SUFFIXES)}).",
)
scribbles_option = click.option(
    "--scribbles",
    "scribbles_path",
    type=PATH,
    metavar="FILE",
    help="Painted pixels: an image file of whole numbers in the shape of the image, 0 "
    "where nothing is painted. The labels take these values.",
)
area_option = click.option(
    "--area",
    "area_path",
    type=PATH,
    metavar="FILE",
    help="The part to segment, or to learn from: an image file in the shape of the "
    "image, or of one slice, that is 0 outside. Labels are 0 there.",
)
output_options = together(
    click.option("--overwrite", is_flag=True, help="Replace output files that exist."),
    click.option("-q", "--quiet", is_flag=True, help="Show no progress."),
)
common_options = together(
    click.option(
        "--axes",
        metavar="AXES",
        help="A letter for every axis of the image as stored, such as TZYX, if the "
        "file does not name them.",
    ),
    click.option(
        "--channel-axis",
        type=int,
        metavar="N",
        help="Axis of the image that holds channels, counted from 0, if the file does "
        "not name it.",
    ),
    click.option(
        "--series",
        type=click.IntRange(min=0),
        metavar="N",
        help="Number of the image, counted from 0, in a file that holds several "
        "[default: the one with the largest pages].",
    ),
    click.option(
        "--channels",
        type=_numbers,
        metavar="N,N",
        help="Numbers of the channels to use, counted from 0, such as 0,2 [default: "
        "all].",
    ),
    output_options,
)
