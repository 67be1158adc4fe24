"""What every run does in its worker thread, whatever its job."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import napari_mmtseg
from napari_mmtseg._widgets.jobs import Job
from napari_mmtseg._widgets.outcomes import Failed, Message, Outcome, Refused
from napari_mmtseg.errors import Cancelled, InputError

__all__ = ["run"]

_log = logging.getLogger(__name__)


def run(
    job: Job, should_cancel: Callable[[], bool]
) -> Generator[Message, str | None, Outcome | None]:
    """Do a job; every error is returned instead of raised.

    Parameters
    ----------
    job : Job
        What to do.
    should_cancel : callable
        Asked in the worker thread, again and again.

    Yields
    ------
    SegmentationStep or Notice
        Progress and warnings.

    Returns
    -------
    Outcome or None
        None once `should_cancel` has returned True.
    """
    notices: list[str] = []
    try:
        with _collected_warnings(notices):
            return (yield from job.steps(notices, should_cancel))
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
