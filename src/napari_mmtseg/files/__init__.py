"""Image and label files, one module per format and direction.

Other packages use `read`, `write`, `formats` and `atomic`; those call the modules of
single formats.
"""
