"""Edits of label images, with undo."""
