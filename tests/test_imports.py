"""Imports that the contracts in pyproject.toml cannot express."""

import ast
from pathlib import Path

import napari_mmtseg

SOURCES = Path(napari_mmtseg.__file__).parent


def test_no_module_imports_the_front_door():
    # The door imports the rooms; a room that imports the door makes a circle that
    # only late imports hide.
    packages = {path.parent.name for path in SOURCES.glob("*/__init__.py")}
    found = []
    for path in SOURCES.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                names = {alias.name for alias in node.names} & {"napari_mmtseg"}
            elif isinstance(node, ast.ImportFrom) and node.module == "napari_mmtseg":
                names = {alias.name for alias in node.names} - packages
            else:
                continue
            found += [f"{path.relative_to(SOURCES)}: {name}" for name in names]
    assert not found
