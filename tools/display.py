"""Run a command that opens windows: ``python tools/display.py COMMAND [ARGUMENT ...]``.

On Linux napari needs OpenGL, libraries of X11 and a display server. What is missing is
installed where this process may (root and apt), else the packages are named and nothing
runs. Without a display of its own the command gets a virtual one (Xvfb).
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

DEBIAN_PACKAGES = {
    "xvfb": "Xvfb",
    "libdbus-1-3": "libdbus-1.so.3",
    "libegl1": "libEGL.so.1",
    "libfontconfig1": "libfontconfig.so.1",
    "libgl1": "libGL.so.1",
    "libgl1-mesa-dri": "libglapi.so.0",
    "libglib2.0-0": "libglib-2.0.so.0",
    "libglx-mesa0": "libGLX_mesa.so.0",
    "libx11-xcb1": "libX11-xcb.so.1",
    "libxcb-cursor0": "libxcb-cursor.so.0",
    "libxcb-icccm4": "libxcb-icccm.so.4",
    "libxcb-image0": "libxcb-image.so.0",
    "libxcb-keysyms1": "libxcb-keysyms.so.1",
    "libxcb-randr0": "libxcb-randr.so.0",
    "libxcb-render-util0": "libxcb-render-util.so.0",
    "libxcb-shape0": "libxcb-shape.so.0",
    "libxcb-sync1": "libxcb-sync.so.1",
    "libxcb-xfixes0": "libxcb-xfixes.so.0",
    "libxcb-xkb1": "libxcb-xkb.so.1",
    "libxkbcommon-x11-0": "libxkbcommon-x11.so.0",
}
"""Debian and Ubuntu package -> the program or shared library that shows it is there."""


def missing_packages() -> list[str]:
    """Return the Debian packages whose program or library is not there."""
    return [name for name, proof in DEBIAN_PACKAGES.items() if not _is_there(proof)]


def _is_there(proof: str) -> bool:
    if ".so" not in proof:
        return shutil.which(proof) is not None
    if proof == "libglapi.so.0":
        # The software renderer itself is found by name only inside Mesa's folders.
        return any(_mesa_drivers())
    try:
        ctypes.CDLL(proof)
    except OSError:
        return False
    return True


def _mesa_drivers() -> Iterator[str]:
    for root in ("/usr/lib", "/usr/lib64"):
        for folder, _, files in os.walk(root):
            if folder.endswith("/dri") or "libgallium" in " ".join(files):
                yield from (f for f in files if "swrast" in f or "libgallium" in f)


def install(packages: Sequence[str]) -> None:
    """Install Debian packages, or name them and exit where that is not possible."""
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if not shutil.which("apt-get") or os.geteuid() != 0:
        sys.exit(
            "napari's windows need system libraries that are missing here. On Debian "
            f"or Ubuntu:\n\n    sudo apt-get update\n    sudo {' '.join(command)}\n"
        )
    print("installing", *packages, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for line in (["apt-get", "update", "-qq"], [*command, "-qq"]):
        result = subprocess.run(
            line, env=environment, capture_output=True, text=True, check=False
        )
        if result.returncode:
            sys.exit(f"{' '.join(line)} failed:\n{result.stdout}{result.stderr}")
    if still := missing_packages():
        sys.exit(f"still missing after the installation: {' '.join(still)}")


@contextmanager
def display() -> Iterator[str]:
    """Yield the name of a display: the user's own, or that of a virtual one."""
    if os.environ.get("DISPLAY"):
        yield os.environ["DISPLAY"]
        return
    read, write = os.pipe()
    server = subprocess.Popen(
        ["Xvfb", "-displayfd", str(write), "-screen", "0", "1600x1200x24"],
        pass_fds=(write,),
        stderr=subprocess.DEVNULL,
    )
    os.close(write)
    try:
        with os.fdopen(read) as pipe:
            number = pipe.readline().strip()
        if not number:
            sys.exit("Xvfb did not start.")
        yield f":{number}"
    finally:
        server.terminate()
        server.wait()


def main() -> int:
    """Run the command of the command line and return its exit code."""
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    if not sys.platform.startswith("linux"):
        return subprocess.call(sys.argv[1:])
    if missing := missing_packages():
        install(missing)
    with display() as name:
        return subprocess.call(sys.argv[1:], env={**os.environ, "DISPLAY": name})


if __name__ == "__main__":
    sys.exit(main())
