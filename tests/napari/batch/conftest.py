"""Folders of images."""

import numpy as np
import pytest

from tests.napari.batch.driving import labels_of, write_images


@pytest.fixture
def folder(tmp_path):
    """Four images."""
    return write_images(tmp_path / "images")


@pytest.fixture(scope="package")
def labelled(tmp_path_factory):
    """Images of every kind with their labels, for tests that only read them."""
    import imageio.v3 as iio
    import tifffile

    from napari_mmtseg.batch.plan import BatchRequest
    from napari_mmtseg.batch.run import run_batch
    from napari_mmtseg.settings.fields import SegmentationSettings
    from tests.napari.driving import QUICK, two_levels

    source = write_images(tmp_path_factory.mktemp("batch") / "images")
    image, _ = two_levels()
    channels = np.stack([image, 255 - image, image])
    depth, time = np.stack([image] * 3), np.stack([[image] * 3] * 2)
    sizes = {"PhysicalSizeZ": 2.0, "PhysicalSizeZUnit": "µm"}
    for name, array, details in (
        ("channels", channels, {"axes": "CYX"}),
        ("depth", depth, {"axes": "ZYX", **sizes}),
        ("depth_time", time, {"axes": "ZTYX"}),
    ):
        path = source / f"{name}.tif"
        tifffile.imwrite(path, array, ome=True, metadata=details)
    iio.imwrite(source / "colours.png", np.stack([image] * 3, -1))
    settings = SegmentationSettings(n_labels=2, background="auto", **QUICK)
    request = BatchRequest(source, labels_of(source), mode="each", settings=settings)
    assert {record.status for record in run_batch(request).records} == {"done"}
    return source
