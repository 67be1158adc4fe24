"""A generator in a worker thread, and the display of its progress."""
