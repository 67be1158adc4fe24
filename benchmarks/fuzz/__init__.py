"""Bad input in bulk: arrays, settings and files of every kind, one case at a time."""
