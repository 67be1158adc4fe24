"""Values that work in a thread hands to the window instead of warnings and errors."""

from __future__ import annotations

from dataclasses import dataclass

from napari.utils.notifications import notification_manager, show_warning


@dataclass(frozen=True)
class Notice:
    """A warning that the user should read."""

    text: str


@dataclass(frozen=True)
class Refused:
    """Input that cannot be used; the text says what can."""

    text: str

    @property
    def summary(self) -> str:
        """One sentence for the panel."""
        return self.text


@dataclass(frozen=True)
class Failed:
    """An unexpected error, handed over as a value.

    A napari worker that raises a RuntimeError, as torch does for most errors, ends
    without a word.
    """

    error: Exception

    @property
    def text(self) -> str:
        """The message of the error."""
        return str(self.error)

    @property
    def summary(self) -> str:
        """One sentence for the panel."""
        return "The run has failed; see the notification."


def show_problem(problem: Refused | Failed) -> None:
    """Show a notification: a warning, or an error with its traceback."""
    if isinstance(problem, Refused):
        show_warning(problem.text)
        return
    error = problem.error
    notification_manager.receive_error(type(error), error, error.__traceback__)
