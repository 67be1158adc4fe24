"""Every parameter once.

`fields.SegmentationSettings` holds the values; the form, the command line, the settings
file and the documentation are made from its parameters.
"""
