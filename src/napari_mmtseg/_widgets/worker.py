"""What every run does in its worker thread, whatever its work."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import napari_mmtseg
from napari_mmtseg._widgets.outcomes import Failed, Refused
from napari_mmtseg.errors import Cancelled, InputError

__all__ = ["Work", "run"]

_log = logging.getLogger(__name__)


class Work(Protocol):
    """Something to do in a thread that tells on its way how far it is."""

    def steps(
        self, notices: list[str], should_cancel: Callable[[], bool]
    ) -> Generator[Any, str | None, Any]:
        """Do it; may raise whatever the work raises.

        Parameters
        ----------
        notices : list of str
            Where warnings arrive, to be passed on.
        should_cancel : callable
            Once it returns True, :class:`~napari_mmtseg.errors.Cancelled` is raised.
        """


def run(
    work: Work, should_cancel: Callable[[], bool]
) -> Generator[Any, str | None, Any]:
    """Do some work; every error is returned instead of raised.

    Parameters
    ----------
    work : Work
        What to do.
    should_cancel : callable
        Asked in the worker thread, again and again.

    Yields
    ------
    object
        What the work yields.

    Returns
    -------
    object
        What the work returns, :class:`Refused` or :class:`Failed`; None once
        `should_cancel` has returned True.
    """
    notices: list[str] = []
    try:
        with _collected_warnings(notices):
            return (yield from work.steps(notices, should_cancel))
    except Cancelled:
        return None
    except InputError as error:
        return Refused(str(error))
    except Exception as error:
        return Failed(error)


@contextmanager
def _collected_warnings(notices: list[str]) -> Iterator[None]:
    """Keep our own warnings for the user; log the rest, which napari would show."""
    home = str(Path(napari_mmtseg.__file__).parent)
    said: set[tuple[str, int]] = set()

    def collect(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        *_: Any,
        **__: Any,
    ) -> None:
        if issubclass(category, UserWarning) and filename.startswith(home):
            # Once for a run, not for every slice.
            if (filename, lineno) not in said:
                said.add((filename, lineno))
                notices.append(str(message))
        else:
            _log.info("%s:%s: %s: %s", filename, lineno, category.__name__, message)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = collect
        yield
