"""Settings of the process that a plugin has to leave alone, and what goes wrong."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import psutil
import torch
from napari.settings import get_settings
from napari.utils.notifications import notification_manager
from qtpy.QtCore import QtMsgType, qInstallMessageHandler

_OWN_TO_NAPARI = ("window_", "open_history", "save_history", "plugin_widget_positions")
"""Settings that napari itself writes when windows and panels open and close."""


def host_state() -> dict[str, Any]:
    """Return what is set for the whole process, by name."""
    napari_settings = get_settings().model_dump()
    for name in list(napari_settings["application"]):
        if name.startswith(_OWN_TO_NAPARI):
            del napari_settings["application"][name]
    return {
        "warnings.showwarning": warnings.showwarning,
        "warnings.filters": list(warnings.filters),
        "gc.get_threshold": gc.get_threshold(),
        "gc.isenabled": gc.isenabled(),
        "gc.get_freeze_count": gc.get_freeze_count(),
        "torch.get_default_dtype": torch.get_default_dtype(),
        "torch deterministic": torch.are_deterministic_algorithms_enabled(),
        "torch.get_num_threads": torch.get_num_threads(),
        "torch.get_num_interop_threads": torch.get_num_interop_threads(),
        "torch.is_grad_enabled": torch.is_grad_enabled(),
        "torch matmul": torch.get_float32_matmul_precision(),
        "torch random": torch.random.get_rng_state().numpy().tobytes(),
        "cudnn.benchmark": torch.backends.cudnn.benchmark,
        "numpy.geterr": np.geterr(),
        "signal handlers": [signal.getsignal(s) for s in (signal.SIGINT, 15)],
        "excepthooks": (sys.excepthook, threading.excepthook),
        "environment": dict(os.environ),
        **{
            f"napari: {group} {name}": str(value)
            for group, values in napari_settings.items()
            if isinstance(values, dict)
            for name, value in values.items()
            if group != "shortcuts"  # key bindings of napari compare by identity
        },
    }


def changed(before: dict[str, Any]) -> list[str]:
    """Return what is set otherwise now, in words."""
    now = host_state()
    # What is imported for the first time may add filters, but takes none away.
    known = before["warnings.filters"]
    now["warnings.filters"] = now["warnings.filters"][-len(known) :]
    return [
        f"{name}: {old!r} has become {new!r}"[:2000]
        for name, old, new in _parts(before, now)
        if old != new
    ]


def _parts(
    before: dict[str, Any], now: dict[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    """List what is set, then and now; of a dictionary every entry by itself."""
    for name, old in before.items():
        if not isinstance(old, dict):
            yield name, old, now[name]
            continue
        for key in sorted(old.keys() | now[name].keys()):
            yield f"{name} {key}", old.get(key), now[name].get(key)


def memory() -> float:
    """Return the resident memory of this process in MB."""
    return float(psutil.Process().memory_info().rss) / 1e6


@contextmanager
def complaints() -> Iterator[list[str]]:
    """Collect exceptions of all threads, messages of Qt, and napari's errors."""
    found: list[str] = []

    def text(kind: type | None, error: Any, traceback: Any) -> str:
        import traceback as tracebacks

        return "".join(tracebacks.format_exception(kind, error, traceback))

    def on_notification(notification: Any) -> None:
        if str(notification.severity) == "error":
            error = getattr(notification, "exception", None)
            trace = (
                "" if error is None else text(type(error), error, error.__traceback__)
            )
            found.append(f"napari: {notification.message}\n{trace}")

    def on_message(kind: Any, _: Any, message: str | None) -> None:
        if kind not in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg):
            found.append(f"Qt: {message}")

    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    sys.excepthook = lambda *args: found.append(f"exception: {text(*args)}")
    threading.excepthook = lambda args: found.append(
        f"in a thread: {text(args.exc_type, args.exc_value, args.exc_traceback)}"
    )
    sys.unraisablehook = lambda args: found.append(
        f"unraisable, {args.err_msg}, {args.object!r}: "
        f"{text(args.exc_type, args.exc_value, args.exc_traceback)}"
    )
    qt = qInstallMessageHandler(on_message)
    notification_manager.notification_ready.connect(on_notification)
    try:
        yield found
    finally:
        notification_manager.notification_ready.disconnect(on_notification)
        qInstallMessageHandler(qt)
        sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
