"""The table of a batch: what it shows, sorts and keeps, with thousands of rows."""

from pathlib import Path

import pytest
from qtpy.QtCore import QModelIndex, QPersistentModelIndex, Qt

from napari_mmtseg.batch.plan import BatchItem
from napari_mmtseg.batch.record import BatchRecord
from napari_mmtseg.napari.batch.table import (
    BatchTableModel,
    BatchTableView,
    status_colors,
    status_dot,
)
from tests.napari.batch.driving import choose

UP, DOWN = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder
Role = Qt.ItemDataRole


def record(name, status="waiting", **values):
    item = BatchItem(name, Path("/in") / name, Path("/out") / f"{name}.tif")
    return BatchRecord(item, status, **values)


def many(n):
    return [record(f"image_{i:05d}.png") for i in range(n)]


def column(model, number, role=Role.DisplayRole):
    return [model.index(row, number).data(role) for row in range(model.rowCount())]


@pytest.fixture
def model(qapp):
    model = BatchTableModel()
    model.show_records(
        [
            record("b.png", "done", seconds=3.0, n_labels=5),
            record("a.png", "failed", error="/in/a.png is cut off.\nTwice."),
            record("C.png"),
            record("d.png", "skipped", seconds=200.0, n_labels=2),
        ]
    )
    return model


def test_it_shows_records_in_the_order_of_the_batch(model):
    assert column(model, model.NAME) == ["b.png", "a.png", "C.png", "d.png"]
    assert column(model, model.STATUS) == ["done", "failed", "waiting", "was done"]
    assert column(model, model.TIME) == ["3.0 s", "", "", "3 min"]
    assert column(model, model.CLASSES) == ["5", "", "", "2"]
    assert column(model, model.ERROR) == ["", "is cut off.", "", ""]
    assert model.has_errors


def test_tooltips_tell_all(model):
    assert model.index(0, model.NAME).data(Role.ToolTipRole) == str(Path("/in/b.png"))
    whole = "/in/a.png is cut off.\nTwice."
    assert model.index(1, model.STATUS).data(Role.ToolTipRole) == whole
    assert model.index(1, model.ERROR).data(Role.ToolTipRole) == whole


@pytest.mark.parametrize(
    ("number", "order", "names"),
    [
        (BatchTableModel.NAME, UP, "abCd"),
        (BatchTableModel.NAME, DOWN, "dCba"),
        (BatchTableModel.STATUS, UP, "abdC"),
        (BatchTableModel.TIME, DOWN, "dbaC"),
        (BatchTableModel.CLASSES, DOWN, "bdaC"),
        (BatchTableModel.ERROR, UP, "abCd"),
        (-1, UP, "baCd"),
    ],
)
def test_it_is_sorted_by_any_column(model, number, order, names):
    model.sort(number, order)
    assert "".join(name[0] for name in column(model, model.NAME)) == names


def test_an_update_moves_rows_only_where_they_are_sorted_by_what_changes(model):
    model.sort(model.NAME, UP)
    news = [record("C.png", "done", seconds=1.0, n_labels=9)]
    moved, changed = [], []
    model.layoutChanged.connect(lambda: moved.append(1))
    model.dataChanged.connect(lambda a, b: changed.append((a.row(), b.row())))
    model.update_records(news)
    assert (moved, changed) == ([], [(2, 2)])
    assert column(model, model.CLASSES) == ["", "5", "9", "2"]
    model.sort(model.CLASSES, DOWN)
    assert column(model, model.NAME)[0] == "C.png"
    kept = QPersistentModelIndex(model.index(0, model.NAME))
    model.update_records([record("a.png", "done", n_labels=11)])
    assert column(model, model.NAME)[:2] == ["a.png", "C.png"]
    assert kept.row() == 1
    assert kept.data() == "C.png"


def test_unknown_images_are_left_out(model):
    model.update_records([record("z.png", "done")])
    assert model.rowCount() == 4


def test_a_plan_of_the_same_images_keeps_what_is_known(model):
    before = list(model.records)
    planned = [record(r.item.name) for r in before[:3]]
    planned.append(record("d.png", "skipped", n_labels=2))
    model.show_plan(planned)
    assert column(model, model.STATUS) == ["done", "failed", "waiting", "was done"]
    model.show_plan(planned[:2])
    assert column(model, model.STATUS) == ["waiting", "waiting"]
    assert not model.has_errors


def test_restart_and_end(model):
    model.restart(resume=True)
    assert column(model, model.STATUS) == ["done", "waiting", "waiting", "was done"]
    model.update_records([record("a.png", "running")])
    model.end()
    assert column(model, model.STATUS) == ["done", "cancelled", "cancelled", "was done"]
    model.restart(resume=False)
    assert column(model, model.STATUS) == ["waiting"] * 4


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_a_status_has_a_dot_in_a_colour_of_the_theme(model, theme):
    from napari.utils.theme import get_theme

    colors = status_colors(theme)
    model.show_colors(colors)
    assert colors["failed"].getRgb()[:3] == get_theme(theme).error.as_rgb_tuple()[:3]
    dots = column(model, model.STATUS, Role.DecorationRole)
    image = dots[1].pixmap(12, 12).toImage()
    assert image.pixelColor(6, 6) == colors["failed"]
    assert status_dot(None) is None


def test_children_have_no_rows(model):
    assert model.rowCount(model.index(0, 0)) == 0
    assert model.columnCount(model.index(0, 0)) == 0
    assert model.data(QModelIndex()) is None


def test_the_view_keeps_the_selected_image(qtbot):
    view = BatchTableView()
    qtbot.addWidget(view)
    view.images.show_records(many(20))
    assert view.selected_record is None
    view.selectRow(3)
    view.sortByColumn(BatchTableModel.NAME, DOWN)
    assert view.selected_record.item.name == "image_00003.png"
    with qtbot.waitSignal(view.visited) as visited:
        view.doubleClicked.emit(view.images.index(0, 0))
    assert visited.args[0].item.name == "image_00019.png"


def test_the_column_of_errors_is_there_when_there_are_errors(qtbot):
    view = BatchTableView()
    qtbot.addWidget(view)
    view.images.show_records(many(3))
    assert view.isColumnHidden(BatchTableModel.ERROR)
    view.images.update_records([record("image_00001.png", "failed", error="Cut off.")])
    assert not view.isColumnHidden(BatchTableModel.ERROR)
    view.images.restart(resume=True)
    assert view.isColumnHidden(BatchTableModel.ERROR)


def test_of_thousands_of_rows_only_those_in_view_are_asked_for(qtbot, monkeypatch):
    view = BatchTableView()
    qtbot.addWidget(view)
    view.resize(400, 300)
    view.show()
    qtbot.waitExposed(view)
    records = many(5000)
    asked, data = set(), BatchTableModel.data

    def counted(model, index, *role):
        asked.add(index.row())
        return data(model, index, *role)

    monkeypatch.setattr(BatchTableModel, "data", counted)

    def check(do):
        asked.clear()
        do()
        qtbot.wait(1)
        assert len(asked) < 200  # a window of 300 pixels has some 15 rows

    check(lambda: view.images.show_records(records))
    for number in range(5):
        check(lambda n=number: view.sortByColumn(n, DOWN))
    for i in range(20):
        news = [
            record(r.item.name, "done", seconds=0.1 + i, n_labels=i % 7)
            for r in records[i * 50 : i * 50 + 50]
        ]
        check(lambda news=news: view.images.update_records(news))


def test_the_dots_follow_the_theme(batch_panel, viewer, qtbot, folder):
    choose(batch_panel, qtbot, folder)
    images = batch_panel.table.images
    for theme in ("light", "dark"):
        viewer.theme = theme
        dot = images.index(0, images.STATUS).data(Role.DecorationRole)
        color = dot.pixmap(12, 12).toImage().pixelColor(6, 6)
        assert color == status_colors(theme)["waiting"]


def test_thousands_of_rows_are_sorted_by_python(qapp, monkeypatch):
    images = BatchTableModel()
    images.show_records(many(20_000))
    # Qt's sorting proxy asks for data twice per comparison: 37 s for 100,000 rows.
    monkeypatch.setattr(BatchTableModel, "data", None)
    for number in range(5):
        images.sort(number, DOWN)
    images.sort(images.NAME, DOWN)
    assert images.record_at(0).item.name == "image_19999.png"
