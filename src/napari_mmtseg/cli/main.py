"""The ``mmtseg`` command: exit codes and Ctrl+C around the commands."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from napari_mmtseg.cli.interruption import interruption

CANCELLED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    It is 0 if all went well, 2 for input that cannot be used, and 130 after Ctrl+C.
    """
    interruption.listen()
    try:
        # Only now, so that Ctrl+C during these imports ends in order, too.
        from napari_mmtseg.cli.commands import run

        return run(arguments)
    except KeyboardInterrupt:
        pass
    except Exception:
        # A library may turn an interrupt of its import into an error of its own.
        if not interruption.requested:
            raise
    finally:
        interruption.ignore()
    print("Cancelled.", file=sys.stderr)
    return CANCELLED


if __name__ == "__main__":
    sys.exit(main())
