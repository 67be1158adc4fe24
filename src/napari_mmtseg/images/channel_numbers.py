"""Numbers of channels, counted from 0, as a user gives them."""

from __future__ import annotations

from typing import Any

from napari_mmtseg.errors import InputError


def check_numbers(channels: Any) -> tuple[int, ...]:
    """Return numbers of channels from low to high.

    Raises InputError if these are not whole numbers from 0, or one is there twice.
    """
    numbers = list(channels) if isinstance(channels, (list, tuple)) else []
    if not numbers or any(type(n) is not int or n < 0 for n in numbers):
        raise _refused(repr(channels))
    if len(set(numbers)) < len(numbers):
        words = ",".join(map(str, numbers))
        raise InputError(f"channels={words} has a channel twice. Give each once.")
    return tuple(sorted(numbers))


def _refused(given: str) -> InputError:
    return InputError(
        f"channels={given} is not accepted: give numbers of channels, counted from 0, "
        "such as 0,2."
    )


def parse_channels(text: str) -> tuple[int, ...] | None:
    """Return the channels in a text such as "0,2"; None if it is empty."""
    words = text.replace(",", " ").split()
    if not words:
        return None
    if not all(word.isdecimal() for word in words):
        raise _refused(text)
    return check_numbers([int(word) for word in words])
