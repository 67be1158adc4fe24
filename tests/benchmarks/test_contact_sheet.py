import imageio.v3 as iio
import numpy as np
import pytest

pytest.importorskip("matplotlib", reason="matplotlib draws the contact sheet")

from benchmarks import contact_sheet

from .conftest import stripes


def test_labels_are_numbered_like_the_segments_they_match():
    reference, labels = stripes(6, 4, 2), 4 - stripes(6, 4, 2)
    numbers = contact_sheet.by_size(labels)
    np.testing.assert_array_equal(
        contact_sheet.coloured_like(numbers, reference), reference
    )


def test_labels_without_a_segment_have_colours_of_their_own():
    numbers = contact_sheet.coloured_like(stripes(6, 4, 2), stripes(6, 6))
    assert np.unique(numbers).tolist() == [0, 1, 2]
    assert (numbers[:, :6] == 0).all()
    assert (numbers[:, 6:10] == 1).all()


def test_colours_differ():
    colours = contact_sheet.colours(100)
    assert colours.shape == (100, 3)
    assert len(np.unique(colours, axis=0)) == 100


def test_a_sheet_of_all_images(data_folder, tmp_path):
    path = tmp_path / "sheet.png"
    quick = "fast:n_steps=1,warm_start_steps=1"
    methods = [f"classes={quick}", f"regions={quick},output=regions"]
    contact_sheet.main(
        [
            *("--data", str(data_folder), "--output", str(path), "--dpi", "40"),
            *("--columns", *methods),
        ]
    )
    drawn = iio.imread(path)
    # Three photographs, a class map, four images that scripts make, two under uneven
    # light and stained tissue; four columns.
    assert drawn.shape[:2] == pytest.approx((11 * 64, 4 * 64))
    assert len(np.unique(drawn[..., :3].reshape(-1, 3), axis=0)) > 10


def test_a_sheet_that_may_be_shared_has_no_photograph_of_bsds(data_folder):
    titles = [title for title, _, _ in contact_sheet.examples(data_folder, True)]
    assert not any("photograph" in title for title in titles)
    assert {"astronaut", "coffee", "coins", "coins, uneven light"} < set(titles)


def test_the_automatic_column_is_not_told_the_number(data_folder, monkeypatch):
    told = {"classes": set(), "automatic": set()}

    def method(title):
        def segment(image, *, n_labels):
            told[title].add(n_labels)
            return np.ones(image.shape[:2], int)

        return segment

    contact_sheet.draw(data_folder, {title: method(title) for title in told}, True)
    assert told["automatic"] == {None}
    assert {None, 2, 3} <= told["classes"]
