"""Image and label files, one module per format and direction.

Other packages use `read`, `write` and `atomic`; modules of single formats are called by
those alone.
"""
