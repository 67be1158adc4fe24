import numpy as np

from napari_mmtseg import SegmentationSettings
from napari_mmtseg.images.stack import ImageStack
from napari_mmtseg.segmentation.memory import MemoryEstimate, estimate_memory

SETTINGS = SegmentationSettings()


def estimate(*shape, **options):
    image = np.broadcast_to(np.uint8(0), shape)
    return estimate_memory(ImageStack.of(image, **options), SETTINGS)


def test_memory_grows_with_labels_not_with_slices():
    one, many = estimate(10, 512, 512), estimate(100, 512, 512)
    assert many.labels == 10 * one.labels == 5 * 100 * 512 * 512
    assert many.total - one.total == many.labels - one.labels


def test_a_slide_is_not_taken_into_memory():
    slide = estimate(100_000, 100_000)
    assert slide.on_disk
    assert slide.total < 2.5e9
    assert slide.labels == 5 * 10**10


def test_words():
    disk = 50_000_000_000
    small = MemoryEstimate(350_000_000, 5_000_000, False, 8_000_000_000, 0)
    assert small.describe() == "About 350 MB of memory, 8.0 GB free."
    assert small.fits
    big = MemoryEstimate(1_200_000_000, 12_000_000_000, True, 1_000_000_000, disk)
    assert big.describe() == (
        "About 1.2 GB of memory, 1.0 GB free; labels (12.0 GB) go to a file on disk."
    )
    assert not big.fits
    full = MemoryEstimate(1_200_000_000, 2 * disk, True, disk, disk)
    assert full.describe().endswith("go to a file on disk, which has 50.0 GB free.")
    assert not full.fits
