"""The one exception that means "the input cannot be used, and here is what can"."""

__all__ = ["InputError"]


class InputError(ValueError):
    """Input that cannot be segmented, read or written.

    The message says what was given, what is accepted and how to get there. The
    command line prints it and exits with code 2; the widget shows it as a
    notification. It is always raised before any long work starts.
    """
