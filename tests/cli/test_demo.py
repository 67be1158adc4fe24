from __future__ import annotations

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import skimage.data

from napari_mmtseg.cli.demo import SAMPLES, side_by_side
from napari_mmtseg.files.read import read_image
from tests.cli.running import refused, run


class TestDemo:
    def test_files(self) -> None:
        result = run("demo", "--image", "coins", "--n-labels=2", "-q")
        assert result.exit_code == 0, result.output
        coins = skimage.data.coins()
        written = Path("mmtseg-demo")
        np.testing.assert_array_equal(iio.imread(written / "input.png"), coins)
        labels = read_image(written / "labels.tif")
        assert labels.shape == coins.shape
        assert set(np.unique(labels.array)) == {1, 2}
        picture = iio.imread(written / "side-by-side.png")
        assert picture.shape[0] == coins.shape[0]
        assert picture.shape[1] > 3 * coins.shape[1]
        assert "coins of scikit-image: 384 x 303 pixels, grey" in result.stdout
        assert "2 classes" in result.stdout
        assert f"napari {written / 'input.png'} {written / 'labels.tif'}" in (
            result.stdout
        )
        refused("demo", "--image", "coins", match="input.png exists")
        assert run("demo", "--image", "coins", "--overwrite").exit_code == 0

    def test_folder_is_a_file(self) -> None:
        Path("there").write_text("")
        refused("demo", "-o", "there", match="there cannot be made")

    @pytest.mark.parametrize("name", SAMPLES)
    def test_samples_come_with_scikit_image(self, name: str) -> None:
        image = getattr(skimage.data, name)()
        assert image.dtype == np.uint8
        assert image.ndim == 2 or image.shape[2:] == (3,)

    def test_background_is_black(self) -> None:
        labels = np.array([[0, 1]], np.int32)
        picture = side_by_side(np.full((1, 2), 9, np.uint8), labels)
        assert not picture[0, 2 + 12].any()
        assert picture[0, 3 + 12].any()

    @pytest.mark.parametrize("n_labels", [1, 8, 60])
    def test_picture(self, n_labels: int) -> None:
        labels = np.arange(64 * 48, dtype=np.int32).reshape(64, 48) % n_labels + 1
        image = np.zeros((64, 48, 3), np.uint8)
        picture = side_by_side(image, labels)
        assert (picture.dtype, picture.shape) == (np.uint8, (64, 3 * 48 + 24, 3))
        np.testing.assert_array_equal(picture[:, :48], image)
        colours = np.unique(picture[:, 60:108].reshape(-1, 3), axis=0)
        assert len(colours) == n_labels
