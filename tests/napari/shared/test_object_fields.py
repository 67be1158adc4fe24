"""Fields for objects: what a run was made with comes back as settings."""

from napari_mmtseg.napari.shared.objects import ObjectFields
from napari_mmtseg.settings.fields import SegmentationSettings

GIVEN = {
    "separation": "both",
    "object_size": 12.0,
    "smallest_object": 3.0,
    "largest_object": 40.0,
    "border_objects": False,
    "dim_objects": True,
}


def test_settings_come_back(qtbot):
    fields = ObjectFields(finds_dim=True)
    qtbot.addWidget(fields)
    settings = SegmentationSettings(**GIVEN)
    fields.show_settings(settings)
    assert fields.choice() == {**GIVEN, "object_unit": "pixels"}
    fields.size_box.setValue(0)
    fields.largest_box.setValue(0)
    again = settings.replace(**fields.choice())
    assert (again.object_size, again.largest_object) == (None, None)


def test_labels_alone_have_no_dim_objects(qtbot):
    fields = ObjectFields()
    qtbot.addWidget(fields)
    fields.show()
    assert not fields.dim.isVisible()
    assert not fields.choice()["dim_objects"]
