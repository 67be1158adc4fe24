"""Telling the user that a run did not get to its end."""

from __future__ import annotations

from napari.utils.notifications import notification_manager, show_warning

from napari_mmtseg._widgets.outcomes import Failed, Refused

__all__ = ["show_problem"]


def show_problem(problem: Refused | Failed) -> None:
    """Show a notification: a warning, or an error with its traceback."""
    if isinstance(problem, Refused):
        show_warning(problem.text)
        return
    error = problem.error
    notification_manager.receive_error(type(error), error, error.__traceback__)
