"""The napari plugin; no other package imports napari or Qt."""
