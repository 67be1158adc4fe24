"""A hook of MkDocs: write the table of settings from the settings themselves."""

from typing import Any

from napari_mmtseg.settings import PRESETS, SegmentationSettings, parameters

MARKER = "<!-- settings table -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the table where a page has the marker."""
    return markdown.replace(MARKER, settings_table())


def settings_table() -> str:
    """Return one row per setting: name, meaning, accepted values, value by preset."""
    presets = {name: SegmentationSettings.preset(name) for name in PRESETS}
    rows = [
        ["setting", "what it does", "accepted", *presets],
        ["---"] * (3 + len(presets)),
    ]
    for name, parameter in parameters().items():
        values = [_word(getattr(settings, name)) for settings in presets.values()]
        rows.append([f"`{name}`", parameter.description, parameter.accepted, *values])
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def _word(value: object) -> str:
    if value is None:
        return "none"
    return str(value).lower() if isinstance(value, bool) else f"{value}"
