"""Where the real images with ground truth are, if they are on this machine."""

import os
from pathlib import Path

import pytest

DATA = Path(
    os.environ.get("NAPARI_MMTSEG_DATA")
    or Path(__file__).parents[2] / "shared" / "data"
)
NUCLEI = DATA / "microscopy" / "dsb2018_fluo"

needs_nuclei = pytest.mark.skipif(
    not NUCLEI.is_dir(),
    reason=f"no benchmark images at {NUCLEI}; NAPARI_MMTSEG_DATA names their folder",
)
