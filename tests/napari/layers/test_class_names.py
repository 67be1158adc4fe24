"""Names in a table of features, beside what else is there."""

import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("napari")

from napari_mmtseg.napari.layers.class_names import (
    all_numbers,
    class_names,
    renumbered,
    with_name,
)


def table(**columns):
    return pd.DataFrame(columns)


def test_names_are_read_by_label():
    assert class_names(table()) == {}
    assert class_names(table(index=[3, 5, 9], name=["a", None, ""])) == {3: "a"}
    assert class_names(table(name=["bg", "a"])) == {0: "bg", 1: "a"}


def test_the_first_name_gives_every_class_a_row():
    named = with_name(table(), 5, "nuclei", [0, 2, 5, 9])
    assert named["index"].tolist() == [2, 5, 9]
    assert class_names(named) == {5: "nuclei"}


def test_other_columns_are_kept():
    before = table(index=[2, 5], area=[10, 20])
    named = with_name(with_name(before, 5, "a"), 7, "b")
    assert named["index"].tolist() == [2, 5, 7]
    assert named["area"].tolist()[:2] == [10, 20]
    assert class_names(named) == {5: "a", 7: "b"}
    assert class_names(with_name(named, 5, "")) == {7: "b"}
    assert list(before.columns) == ["index", "area"]


def test_rows_follow_their_classes_and_come_back():
    before = table(index=[1, 4, 9], name=["gone", "a", "b"], x=[1, 2, 3])
    numbers = all_numbers(before, {0: 0, 4: 1, 9: 2})
    after = renumbered(before, numbers)
    assert class_names(after) == {1: "a", 2: "b", 10: "gone"}
    back = renumbered(after, {new: old for old, new in numbers.items()})
    pd.testing.assert_frame_equal(back, before)
