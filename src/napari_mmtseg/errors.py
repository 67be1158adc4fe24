"""The exceptions that a caller is expected to handle."""

__all__ = ["Cancelled", "InputError"]


class Cancelled(Exception):
    """The segmentation has ended because its caller asked for it; nothing is kept."""


class InputError(ValueError):
    """Input that cannot be segmented, read or written.

    The message says what was given, what is accepted and how to get there. The
    command line prints it and exits with code 2; the widget shows it as a
    notification. It is always raised before any long work starts.
    """
