"""PNG, JPEG, BMP, GIF and other formats that Pillow reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import imageio.v3 as iio
from numpy.typing import NDArray

from napari_mmtseg.errors import InputError
from napari_mmtseg.files.formats import StoredImage, chosen_image
from napari_mmtseg.files.pixel_size import PixelSize, size_of_resolution
from napari_mmtseg.notices import warn


def read_raster(path: Path, header: bytes, number: int | None = None) -> StoredImage:
    """Read one frame of an image that begins with `header`, by default the first.

    Raises InputError if it cannot be read.
    """
    try:
        # As stored: turned by its EXIF tag, the labels would not lie over the image in
        # a viewer that ignores the tag, as napari does.
        with iio.imopen(path, "r", plugin="pillow") as file:
            every: Any = ...  # which the types of imageio leave out
            n = file.properties(index=every).n_images or 1
            number = chosen_image(path, n, number)
            about = file.metadata(index=number, exclude_applied=False)
            mode = about.get("mode")
            rgb = {"mode": "RGB"} if mode in ("CMYK", "YCbCr", "LAB", "HSV") else {}
            array: NDArray[Any] = file.read(index=number, **rgb)
    except (MemoryError, InputError):
        raise
    except Exception as error:  # Pillow meets damage with errors of many kinds
        detail = f"{error} {error.__cause__}"
        if "truncated" in detail:
            raise InputError(f"{path} is cut off: {error}.") from error
        if "exceeds limit" in detail:
            raise InputError(
                f"{path} has more pixels than Pillow accepts. Save it as TIFF."
            ) from error
        raise InputError(
            f"{path} is not an image, or it is damaged. Accepted: TIFF, PNG, JPEG, "
            "BMP, GIF and others that Pillow reads."
        ) from error
    if header.startswith(b"\x89PNG") and header[24] == 16 and header[25] != 0:
        warn(
            f"{path} has 16 bits per colour; the upper 8 are used. Save it as TIFF to "
            "use all.",
        )
    if mode in ("LA", "La", "PA") and array.ndim == 3 and array.shape[2] == 2:
        warn(f"The alpha channel of {path} is ignored.")
        array = array[..., 0]
    return StoredImage(array, "YXS"[: array.ndim], _sizes(about.get("dpi")))


def _sizes(per_inch: Any) -> dict[str, PixelSize]:
    """Return the pixel sizes of pixels per inch along X and Y, if they are sizes."""
    pairs = zip("XY", per_inch, strict=False) if isinstance(per_inch, tuple) else ()
    sizes = {a: size_of_resolution(1 / float(n), "in") for a, n in pairs if n}
    return {axis: size for axis, size in sizes.items() if size is not None}
