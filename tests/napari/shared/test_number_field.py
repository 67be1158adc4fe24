"""Number fields read what they show, in every language."""

import pytest
from qtpy.QtCore import QLocale, Qt

from napari_mmtseg.napari.edit.fields import EditFields
from napari_mmtseg.napari.layers.pixel_measure import PixelMeasure
from napari_mmtseg.napari.shared.settings_form import SettingsForm
from napari_mmtseg.settings.fields import SegmentationSettings

LOCALES = ["en_US", "de_DE", "de_CH", "fr_FR", "hi_IN", "ar_EG"]


@pytest.fixture(params=LOCALES)
def locale(request, qapp):
    before = QLocale()
    QLocale.setDefault(QLocale(request.param))
    yield QLocale()
    QLocale.setDefault(before)


@pytest.fixture
def german(qapp):
    before = QLocale()
    QLocale.setDefault(QLocale("de_DE"))
    yield
    QLocale.setDefault(before)


def type_into(qtbot, box, text):
    box.selectAll()
    qtbot.keyClicks(box, text)
    qtbot.keyClick(box, Qt.Key.Key_Return)


@pytest.mark.parametrize(
    "number", [0.5, 2.25, 12.75, 1234.5, 0.000001, 1e9, 123456.789]
)
def test_enter_leaves_a_size_as_it_is(locale, qtbot, number):
    box = EditFields(None).island_size
    box.setValue(number)
    qtbot.keyClick(box, Qt.Key.Key_Return)
    assert box.value() == number


def test_enter_leaves_every_setting_as_it_is(locale, qtbot):
    form = SettingsForm()
    settings = SegmentationSettings(
        "paper", continuity_weight=2.25, learning_rate=0.0125, seed=123456, n_labels=40
    )
    form.set_settings(settings)
    boxes = [w.native for w in form.widgets.values() if hasattr(w.native, "lineEdit")]
    boxes = [box for box in boxes if hasattr(box, "decimals")]
    assert len(boxes) > 15
    for box in boxes:
        qtbot.keyClick(box, Qt.Key.Key_Return)
    assert form.settings() == settings


@pytest.mark.parametrize("typed", ["2.25", "2,25"])
def test_point_and_comma_are_both_the_decimal_mark(locale, qtbot, typed):
    box = EditFields(None).radius
    type_into(qtbot, box, typed)
    assert box.value() == 2.25
    widget = SettingsForm().widgets["continuity_weight"]
    type_into(qtbot, widget.native, typed[:-2] + "5")
    assert widget.value == 2.5


def test_no_mark_between_thousands_in_whole_numbers(german, qtbot):
    widget = SettingsForm().widgets["seed"]
    type_into(qtbot, widget.native, "1.000")
    assert widget.value == 1000


def test_numbers_are_written_as_in_the_language(german, qtbot):
    fields = EditFields(None)
    edges = (0.5, 0.5)
    fields.show_measure(PixelMeasure(0.25, "µm²", "Area", 0.5, "µm", edges))
    fields.unit.setCurrentIndex(1)
    fields.island_size.setValue(2.25)
    assert fields.island_size.text() == "2,25 µm²"
    fields.island_size.setValue(20)
    assert fields.island_size.text() == "20 µm²"
    fields.hole_size.setValue(0)
    assert fields.hole_size.text() == "any size"
