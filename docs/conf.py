"""Configuration of Sphinx: ``tox run -e docs``."""

from importlib.metadata import version as installed_version
from typing import Any

from napari_mmtseg.napari.edit.actions import ACTIONS
from napari_mmtseg.settings.fields import SegmentationSettings, parameters
from napari_mmtseg.settings.presets import PRESETS

project = "napari-mmtseg"
author = "napari-mmtseg contributors"
copyright = f"2026, {author}"
release = installed_version("napari-mmtseg")

extensions = ["myst_parser", "numpydoc", "sphinx.ext.autodoc"]
exclude_patterns = ["_build"]
html_theme = "pydata_sphinx_theme"
html_title = project
html_theme_options = {"show_prev_next": False, "secondary_sidebar_items": ["page-toc"]}
myst_heading_anchors = 3
autodoc_member_order = "bysource"
autodoc_typehints = "none"
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
numpydoc_xref_param_type = False

SETTINGS_TABLE = "<!-- settings table -->"
SHORTCUTS_TABLE = "<!-- shortcuts table -->"


def settings_table() -> str:
    """Return one row per setting: name, meaning, accepted values, value by preset."""
    presets = {name: SegmentationSettings.from_preset(name) for name in PRESETS}
    rows = [
        ["setting", "what it does", "accepted", *presets],
        ["---"] * (3 + len(presets)),
    ]
    for name, parameter in parameters().items():
        values = [_word(getattr(settings, name)) for settings in presets.values()]
        rows.append([f"`{name}`", parameter.description, parameter.accepted, *values])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def shortcuts_table() -> str:
    """Return one row per action of the Edit labels panel."""
    rows = [["keys", "button", "what it does"], ["---"] * 3]
    rows += [
        [f"`{action.shortcut}`", action.title, action.description]
        for action in ACTIONS.values()
        if action.shortcut
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _word(value: object) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else f"{value}"


def setup(app: Any) -> None:
    """Write tables from what the program itself goes by."""

    def fill_in(app: Any, name: str, source: list[str]) -> None:
        source[0] = source[0].replace(SETTINGS_TABLE, settings_table())
        source[0] = source[0].replace(SHORTCUTS_TABLE, shortcuts_table())

    app.connect("source-read", fill_in)
