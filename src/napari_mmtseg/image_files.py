"""The public place for reading image files: pixels, axes and pixel sizes.

Examples
--------
>>> from napari_mmtseg.image_files import read_image
>>> image = read_image("cells.ome.tif")  # doctest: +SKIP
>>> image.axes, image.pixel_size("X")  # doctest: +SKIP
('ZYX', PixelSize(size=0.325, unit='µm'))
"""

from __future__ import annotations

from napari_mmtseg.files.pixel_size import PixelSize
from napari_mmtseg.files.read import ImageFile, read_image
from napari_mmtseg.images.picked_channels import PickedChannels

__all__ = ["ImageFile", "PickedChannels", "PixelSize", "read_image"]
