import numpy as np
import torch

from napari_mmtseg.engine.examples import make_examples
from napari_mmtseg.engine.training import train
from napari_mmtseg.settings.fields import SegmentationSettings


def test_most_of_the_warm_start_sees_half_the_image():
    image = np.random.default_rng(0).normal(size=(1, 64, 80)).astype(np.float32)
    settings = SegmentationSettings(warm_start_steps=5, n_steps=6, max_labels=4)
    (example,) = make_examples([image], settings, torch.device("cpu"))
    assert example.half is not None
    assert example.half.image.shape == (1, 1, 32, 40)
    mean = image.reshape(1, 32, 2, 40, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(example.half.image[0], mean, atol=1e-6)
    assert example.half.start is not None
    np.testing.assert_array_equal(example.half.start, example.start[::2, ::2])
    steps = train([example], settings, "float32")
    sizes = {step.step: tuple(step.targets.shape) for step in steps}
    assert [sizes[n] for n in (1, 4, 5, 6)] == [(32, 40)] * 2 + [(64, 80)] * 2


def test_small_images_and_random_starts_have_no_half():
    image = np.zeros((1, 40, 80), np.float32)
    image[:, :20] = 1
    settings = SegmentationSettings(warm_start_steps=5, n_steps=6)
    assert make_examples([image], settings, torch.device("cpu"))[0].half is None
    large = np.tile(image, (1, 2, 1))
    settings = settings.replace(warm_start_steps=0)
    assert make_examples([large], settings, torch.device("cpu"))[0].half is None
