"""Where the real images with ground truth are, if they are on this machine."""

import os
from pathlib import Path

import pytest

DATA = Path(
    os.environ.get("NAPARI_MMTSEG_DATA")
    or Path(__file__).parents[2] / "shared" / "data"
)
NUCLEI = DATA / "microscopy" / "dsb2018_fluo"
ALLOY = DATA / "microscopy" / "superalloy"


def _needs(folder):
    return pytest.mark.skipif(
        not folder.is_dir(),
        reason=f"no benchmark images at {folder}; NAPARI_MMTSEG_DATA names their place",
    )


needs_nuclei = _needs(NUCLEI)
needs_alloy = _needs(ALLOY)
