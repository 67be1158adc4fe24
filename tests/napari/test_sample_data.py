"""The samples need neither napari nor a network."""

import numpy as np
import pytest

from napari_mmtseg.napari import sample_data as _sample_data


@pytest.mark.parametrize("name", _sample_data.__all__)
def test_a_sample_is_one_named_image(name):
    ((image, attributes, kind),) = getattr(_sample_data, name)()
    assert kind == "image"
    assert attributes["name"]
    assert np.isfinite(image).all()
    assert np.ptp(image) > 0
