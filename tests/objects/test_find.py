"""Objects of class labels: separation, foreground, limits, slices, volumes, tiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from skimage.measure import label

from napari_mmtseg import InputError, find_objects
from napari_mmtseg.objects import find, separation, survey
from napari_mmtseg.objects.found import classes_of_objects
from napari_mmtseg.objects.separation import Separation, typical_size
from napari_mmtseg.objects.tiles import objects_in_tiles
from tests.objects.discs import balls, crowd

PAIR = balls((24, 44), [(12, 12), (12, 28)], 9)
"""Two discs that touch: one connected piece."""


class TestSeparation:
    def test_touching_discs_are_cut_in_the_middle(self):
        objects = find_objects(PAIR + 1)
        assert label(PAIR).max() == 1
        assert objects.n_objects == 2
        left, right = objects.labels[12, 12], objects.labels[12, 28]
        assert (left, right) == (1, 2)
        assert (objects.labels > 0)[PAIR].all()
        border = np.flatnonzero(np.diff(objects.labels[12, 4:37]))
        assert abs(int(border[0]) + 4 - 20) <= 1

    def test_off_keeps_connected_pieces(self):
        assert find_objects(PAIR + 1, separation="off").n_objects == 1

    def test_intensity_cuts_where_shape_says_nothing(self):
        mask = np.zeros((24, 60), int)
        mask[4:20, 6:54] = 1
        x = np.arange(60)
        image = 50 + 100 * np.exp(-(((x - 16) / 7.0) ** 2))
        image = np.tile(image + 100 * np.exp(-(((x - 44) / 7.0) ** 2)), (24, 1))
        image = np.where(mask > 0, image, 0)
        assert find_objects(mask, object_size=20).n_objects == 1
        for method in ("intensity", "both"):
            found = find_objects(
                mask, image, separation=method, object_size=20 if method else None
            )
            if method == "intensity":
                assert found.n_objects == 2
                assert found.labels[12, 16] != found.labels[12, 44]

    def test_dark_objects_are_cut_like_bright_ones(self):
        image = np.random.default_rng(0).normal(100, 1, PAIR.shape)
        bright = find_objects(PAIR + 1, image + 50 * PAIR, separation="both")
        dark = find_objects(PAIR + 1, -(image + 50 * PAIR), separation="both")
        np.testing.assert_array_equal(bright.labels, dark.labels)

    def test_objects_of_hundreds_of_pixels_are_cut_alike(self, monkeypatch):
        mask = balls((500, 900), [(250, 250), (250, 640)], 210)
        with_boxes = find_objects(mask + 1).labels
        monkeypatch.setattr(separation, "_WIDE", np.inf)
        assert with_boxes[250, 250] != with_boxes[250, 640]
        assert np.mean(with_boxes == find_objects(mask + 1).labels) > 0.999

    def test_a_size_far_beyond_the_image_keeps_what_touches_together(self):
        found = find_objects(PAIR + 1, object_size=1e4, smallest_object=0)
        assert found.n_objects == 1

    def test_a_larger_size_cuts_less(self):
        mask = balls((40, 70), [(20, 18), (20, 35), (20, 52)], 10)
        fine = find_objects(mask + 1, object_size=18).n_objects
        coarse = find_objects(mask + 1, object_size=200, smallest_object=0).n_objects
        assert (fine, coarse) == (3, 1)

    def test_the_size_of_discs_is_found(self):
        mask = balls((60, 90), [(20, 20), (40, 60)], 12)
        assert typical_size([mask], (1, 1)) == pytest.approx(25, abs=1)

    def test_small_holes_are_no_borders(self):
        mask = balls((40, 40), [(20, 20)], 15)
        mask[19:21, 19:21] = False
        objects = find_objects(mask + 1)
        assert objects.n_objects == 1
        assert objects.labels[19, 19] == 1

    @given(st.integers(0, 2**16), st.sampled_from(["distance", "off"]))
    def test_every_foreground_pixel_has_one_object(self, seed, method):
        rng = np.random.default_rng(seed)
        mask = balls((40, 50), rng.integers(0, 40, (6, 2)), 5)
        objects = find_objects(mask + 1, separation=method, smallest_object=0)
        assert ((objects.labels > 0) >= mask).all()
        for number in range(1, objects.n_objects + 1):
            part = objects.labels == number
            assert label(part, connectivity=1).max() == 1

    @given(st.integers(0, 2**16), st.integers(0, 3))
    def test_turning_the_image_turns_the_objects(self, seed, turns):
        rng = np.random.default_rng(seed)
        mask = balls((40, 50), rng.integers(5, 35, (5, 2)), 6)
        before = find_objects(mask + 1).n_objects
        assert find_objects(np.rot90(mask, turns) + 1).n_objects == before


class TestClasses:
    def test_every_object_keeps_its_class(self):
        classes = np.ones((30, 60), int)
        classes[balls((30, 60), [(15, 15)], 8)] = 2
        classes[balls((30, 60), [(15, 45)], 8)] = 3
        objects = find_objects(classes)
        assert objects.foreground == (2, 3)
        assert objects.classes.tolist() == [0, 2, 3]
        np.testing.assert_array_equal(
            classes_of_objects(objects.labels, classes), objects.classes
        )

    def test_the_majority_decides(self):
        classes = np.where(PAIR, 2, 1)
        classes[10:14, 9:14] = 3
        assert find_objects(classes).classes.tolist() == [0, 2, 2]

    def test_thousands_of_pieces_as_classes(self):
        pieces = np.zeros((240, 240), int)
        pieces[::4, ::4] = np.arange(3600).reshape(60, 60) + 1
        objects = find_objects(pieces, separation="off", smallest_object=0)
        assert objects.classes.tolist() == list(range(3601))

    def test_label_0_is_background(self):
        labels = np.full((30, 40), 5)
        labels[:, 20:] = 0
        assert find_objects(labels).foreground == (5,)

    def test_the_class_at_the_border_is_background(self):
        classes = np.where(balls((40, 40), [(20, 20)], 19), 1, 2)
        assert find_objects(classes).foreground == (1,)

    def test_what_is_one_piece_is_background(self):
        labels = np.ones((60, 60), int)
        for rows in (slice(10), slice(-10, None)):
            labels[rows, :26] = labels[rows, -26:] = 2  # most of the border
        assert find_objects(labels).foreground == (2,)

    def test_the_whole_of_a_large_image_counts(self, monkeypatch):
        monkeypatch.setattr(survey, "_LOOKED_AT_SIDE", 20)
        classes = np.ones((90, 120), int)
        classes[15:75, 30:90] = 2  # all of the middle
        classes[3:9, 100:106] = 3
        assert find_objects(classes).foreground == (2, 3)

    @pytest.mark.parametrize(("foreground", "chosen"), [("bright", 3), ("dark", 1)])
    def test_bright_and_dark(self, foreground, chosen):
        classes = np.full((30, 60), 2)
        classes[5:15, 5:15], classes[5:15, 40:50] = 1, 3
        assert find_objects(classes, foreground=foreground).foreground == (chosen,)

    def test_chosen_classes(self):
        classes = np.full((30, 60), 2)
        classes[5:15, 5:15], classes[5:15, 40:50] = 1, 3
        objects = find_objects(classes, classes=[1])
        assert objects.classes.tolist() == [0, 1]


class TestLimits:
    MASK = balls((60, 60), [(15, 15), (15, 45), (45, 45)], [10, 4, 10])

    def test_smallest_and_largest(self):
        one = {"separation": "off"}
        assert find_objects(self.MASK + 1, **one).n_objects == 3
        assert find_objects(self.MASK + 1, smallest_object=12, **one).n_objects == 2
        assert find_objects(self.MASK + 1, largest_object=12, **one).n_objects == 1

    def test_specks_are_left_out_by_default(self):
        mask = self.MASK.copy()
        mask[50, 5] = True
        assert find_objects(mask + 1).n_objects == 3
        assert find_objects(mask + 1, smallest_object=0).n_objects == 4

    def test_micrometres(self):
        sizes = {"object_unit": "micrometres", "smallest_object": 6}
        found = find_objects(self.MASK + 1, spacing=(0.5, 0.5), **sizes)
        assert found.n_objects == 2
        assert find_objects(self.MASK + 1, spacing=(2, 2), **sizes).n_objects == 3

    def test_border(self):
        mask = balls((40, 60), [(2, 20), (20, 20), (20, 57)], 7)
        assert find_objects(mask + 1, border_objects=False).n_objects == 1

    def test_numbers_go_in_reading_order(self):
        labels = find_objects(crowd(3, 4).astype(int)).labels
        first = [np.flatnonzero(labels == i)[0] for i in range(1, labels.max() + 1)]
        assert first == sorted(first)


class TestStacks:
    STACK = np.stack([PAIR, np.roll(PAIR, 2, 1)]).astype(int)

    def test_slices_have_objects_of_their_own(self):
        objects = find_objects(self.STACK)
        assert [np.unique(s)[1:].tolist() for s in objects.labels] == [[1, 2], [3, 4]]

    def test_objects_go_through_a_volume(self):
        mask = balls((20, 24, 44), [(10, 12, 12), (10, 12, 28)], 9)
        objects = find_objects(mask + 1, volumes=True)
        assert objects.n_objects == 2
        assert objects.labels[10, 12, 12] != objects.labels[10, 12, 28]

    def test_thick_slices(self):
        mask = balls((20, 24, 44), [(10, 12, 12), (10, 12, 28)], 9)[::3]
        objects = find_objects(mask + 1, volumes=True, spacing=(3, 1, 1))
        assert objects.n_objects == 2

    def test_numbers_stay_over_time(self):
        mask = [balls((24, 90), [(12, 12 + t), (12, 60 + t)], 8) for t in range(4)]
        objects = find_objects(np.array(mask) + 1, time_axis=0)
        assert objects.n_objects == 2
        for frame in objects.labels:
            assert (frame[12, 15], frame[12, 63]) == (1, 2)

    def test_a_new_object_has_a_new_number(self):
        first = balls((24, 90), [(12, 12)], 8)
        second = first | balls((24, 90), [(12, 60)], 8)
        objects = find_objects(np.stack([first, second, second]) + 1, time_axis=0)
        assert objects.labels[:, 12, 12].tolist() == [1, 1, 1]
        assert objects.labels[:, 12, 60].tolist() == [0, 2, 2]
        assert objects.classes.tolist() == [0, 2, 2]

    def test_a_full_slice_among_others(self):
        stack = self.STACK.copy()
        stack[0] = 0
        assert find_objects(stack).n_objects == 2


class TestTiles:
    @pytest.mark.parametrize("side", [40, 57, 64])
    def test_tiles_cut_no_object(self, side):
        mask = crowd(8, 12)
        separation = Separation("distance", 19, (1.0, 1.0))
        whole = separation.apply(mask)
        tiled = np.zeros(mask.shape, np.int32)
        work = lambda part: separation.apply(mask[part])  # noqa: E731
        fractions = [*objects_in_tiles(mask.shape, separation.reach, work, tiled, side)]
        assert fractions == sorted(fractions)
        assert len(np.unique(tiled)) == len(np.unique(whole)) == 8 * 12 + 1
        partners = classes_of_objects(tiled, whole)
        assert len(np.unique(partners[partners > 0])) == 8 * 12
        np.testing.assert_array_equal(tiled > 0, whole > 0)

    def test_an_object_larger_than_a_tile_stays_one(self):
        mask = np.zeros((200, 200), bool)
        mask[20:180, 20:180] = True
        separation = Separation("off", 20, (1.0, 1.0))
        tiled = np.zeros(mask.shape, np.int32)
        [
            *objects_in_tiles(
                mask.shape, (9, 9), lambda p: separation.apply(mask[p]), tiled, 50
            )
        ]
        assert np.unique(tiled).tolist() == [0, 1]

    def test_large_images_go_by_tiles(self, monkeypatch):
        mask = crowd(6, 8).astype(int)
        whole = find_objects(mask)
        monkeypatch.setattr(find, "TILE", 40)
        tiled = find_objects(mask)
        np.testing.assert_array_equal(tiled.labels > 0, whole.labels > 0)
        assert tiled.n_objects == whole.n_objects


class TestRefusals:
    @pytest.mark.parametrize(
        ("labels", "options", "words"),
        [
            (np.ones((20, 20), int), {}, "one class only"),
            (np.zeros((20, 20), int), {}, "one class only"),
            (PAIR + 1, {"classes": [1, 2]}, "One object would fill the image"),
            (PAIR + 1, {"classes": [7]}, "no pixel is of the classes 7"),
            (PAIR * 1.0, {}, "whole numbers"),
            (-PAIR.astype(int), {}, "as low as -1"),
            (PAIR + 1, {"separation": "both"}, "needs the image"),
            (PAIR + 1, {"object_unit": "micrometres"}, "pixel size"),
            (PAIR + 1, {"spacing": (1, 1, 1)}, "2 positive numbers"),
            (PAIR + 1, {"spacing": "12"}, "2 positive numbers"),
            (PAIR + 1, {"time_axis": 0}, "time_axis=0"),
            (PAIR + 1, {"time_axis": "T"}, "time_axis='T'"),
            (PAIR + 1, {"classes": "x"}, "give whole numbers"),
            (PAIR + 1, {"classes": 2}, "give whole numbers"),
            (PAIR + 1, {"classes": ()}, "names no class"),
            (PAIR.astype(int) * 2**40, {}, "as high as 1099511627776 are not classes"),
        ],
    )
    def test_sentences(self, labels, options, words):
        with pytest.raises(InputError, match=words):
            find_objects(labels, **options)

    def test_image_of_another_shape(self):
        with pytest.raises(InputError, match=r"\(9, 9\) does not lie on labels"):
            find_objects(PAIR + 1, np.zeros((9, 9)), separation="intensity")

    def test_more_objects_than_the_type_holds(self):
        mask = np.zeros((64, 64), int)
        mask[::2, ::2] = 1
        out = np.zeros(mask.shape, np.uint8)
        with pytest.raises(InputError, match=r"uint8 ends at 255.*int32"):
            find_objects(mask, separation="off", smallest_object=0, out=out)

    def test_dask_labels_are_read_part_by_part(self):
        from_array = pytest.importorskip("dask.array").from_array
        lazy = from_array(PAIR + 1, chunks=(8, 8))
        assert find_objects(lazy).n_objects == 2


def test_masked_labels_and_pixels_without_a_value():
    masked = np.ma.masked_array(PAIR + 1, PAIR == 0)
    assert find_objects(masked).n_objects == 2
    image = np.where(PAIR, 1.0, np.nan)
    found = find_objects(PAIR + 1, image, separation="both")
    assert found.n_objects == 2
