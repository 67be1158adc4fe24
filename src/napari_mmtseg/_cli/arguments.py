"""Arguments and options that several commands have."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = [
    "PATH",
    "axes_option",
    "channel_axis_option",
    "confidence_option",
    "image_argument",
    "labels_option",
    "overwrite_option",
    "quiet_option",
    "scribbles_option",
]

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
