"""Cases for the commands: image, model, settings and journal files with damage."""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import tifffile

from benchmarks.fuzz import draws
from benchmarks.fuzz.arrays import Wrong
from napari_mmtseg import SegmentationSettings
from napari_mmtseg.cli.main import main
from napari_mmtseg.errors import InputError
from napari_mmtseg.files.atomic import PARTIAL
from napari_mmtseg.files.read import read_image

Rng = np.random.Generator

_QUICK = ("--n-steps=1", "--device=cpu", "--precision=float32", "--max-labels=4", "-q")
_IMAGES = (
    *("grey.png", "rgb.png", "rgb.jpg", "plain.tif", "tiles.tif", "imagej.tif"),
    *("image.ome.tif", "big.tif", "palette.tif", "grey.bmp", "grey.gif", "image.zarr"),
)


@lru_cache(maxsize=1)
def make_files() -> Path:
    """Make one good file of every kind, and return their folder."""
    folder = Path(tempfile.mkdtemp(prefix="mmtseg-fuzz-"))
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 60, (40, 48)).astype(np.uint8)
    grey[10:30, 12:36] += 150
    rgb = np.stack([grey, grey // 2, 255 - grey], -1)
    for name, pixels in (("grey", grey), ("rgb", rgb)):
        iio.imwrite(folder / f"{name}.png", pixels)
        iio.imwrite(folder / f"{name}.jpg", pixels)
    iio.imwrite(folder / "grey.bmp", grey)
    iio.imwrite(folder / "grey.gif", grey)
    tifffile.imwrite(folder / "plain.tif", grey, resolution=(1e4, 1e4))
    tifffile.imwrite(folder / "tiles.tif", grey, tile=(16, 16), compression="zlib")
    stack = np.stack([grey, grey // 2])
    tifffile.imwrite(
        folder / "imagej.tif",
        stack,
        imagej=True,
        metadata={"axes": "ZYX", "unit": "um"},
    )
    tifffile.imwrite(
        folder / "image.ome.tif",
        stack,
        ome=True,
        photometric="minisblack",
        metadata={"axes": "ZYX", "PhysicalSizeX": 0.5, "PhysicalSizeY": 0.5},
    )
    tifffile.imwrite(folder / "big.tif", grey, bigtiff=True)
    table = np.stack([np.arange(256) * 257] * 3).astype(np.uint16)
    tifffile.imwrite(
        folder / "palette.tif", grey, photometric="palette", colormap=table
    )
    _write_zarr(folder / "image.zarr", grey)
    strokes = np.zeros_like(grey)
    strokes[2:5, 2:9], strokes[15:20, 20:30] = 1, 2
    iio.imwrite(folder / "strokes.png", strokes)
    SegmentationSettings(n_steps=1, device="cpu").to_json(folder / "settings.json")
    (folder / "in").mkdir()
    shutil.copy(folder / "grey.png", folder / "in")
    iio.imwrite(folder / "in" / "second.png", grey.T)
    with _in_folder():
        for name in ("labels.tif", "labels.png"):
            _command(["segment", folder / "grey.png", "-o", folder / name, *_QUICK])
        model = folder / "model.safetensors"
        _command(["fit", folder / "grey.png", "-o", model, *_QUICK])
        _command(["batch", folder / "in", folder / "batch", *_QUICK])
    return folder


def _write_zarr(path: Path, pixels: Any) -> None:
    try:
        import zarr
    except ImportError:
        return
    group = zarr.open_group(str(path), mode="w")
    array = group.create_array("0", shape=pixels.shape, chunks=(16, 16), dtype="u1")
    array[...] = pixels
    level = {
        "path": "0",
        "coordinateTransformations": [{"type": "scale", "scale": [0.5, 0.5]}],
    }
    axes = [{"name": n, "type": "space", "unit": "micrometer"} for n in "yx"]
    group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": [level]}]


def image_case(rng: Rng) -> None:
    with _copied(rng, draws.one_of(rng, _IMAGES)) as path:
        words: list[Any] = ["segment", path, "-o", _output(rng), *_QUICK]
        if draws.chance(rng, 0.15):
            words += ["--axes", draws.one_of(rng, ("YX", "ZYX", "CYX", "x", "YXS"))]
        if draws.chance(rng, 0.15):
            words += ["--channel-axis", draws.one_of(rng, (0, 2, -1, 9))]
        if draws.chance(rng, 0.15):
            words += ["--series", draws.one_of(rng, (0, 1, 99))]
        _command(words, path)


def model_case(rng: Rng) -> None:
    good = make_files() / "grey.png"
    with _copied(rng, "model.safetensors") as path:
        words: list[Any] = ["apply", path, good, "-o", _output(rng), "-q"]
        if draws.chance(rng, 0.3):
            words = ["segment", good, "--model", path, "-o", _output(rng), *_QUICK]
        _command(words, good)


def settings_case(rng: Rng) -> None:
    good = make_files() / "grey.png"
    with _copied(rng, "settings.json") as path:
        words: list[Any] = ["segment", good, "-o", _output(rng), *_QUICK]
        _command([*words, "--settings", path], good)


def journal_case(rng: Rng) -> None:
    whole = make_files()
    with _in_folder():
        shutil.copytree(whole / "batch", "out")
        files = sorted(p for p in Path("out").rglob("*") if p.is_file())
        journals = [p for p in files if p.suffix not in (".tif", ".safetensors")]
        path = draws.one_of(rng, journals if draws.chance(rng, 0.7) else files)
        path.write_bytes(_damaged(rng, path.read_bytes(), path.suffix))
        words: list[Any] = ["batch", whole / "in", "out", "--resume", "-q"]
        _command(words + ["--overwrite"] * draws.chance(rng, 0.1), accepted=(0, 1, 2))


def labels_case(rng: Rng) -> None:
    good = make_files() / "grey.png"
    with _copied(rng, draws.one_of(rng, ("labels.tif", "labels.png"))) as path:
        words: list[Any] = draws.one_of(
            rng,
            (
                ["rerun", path, "--image", good, "-q"],
                ["measure", path, "-o", "t.csv", "--image", good],
                ["objects", path, "-o", "o.tif", "-q"],
                ["export", path, "-o", "o.zip"],
                ["export", path, "-o", "o.geojson"],
                ["segment", good, "--scribbles", path, "-o", "s.tif", *_QUICK],
            ),
        )
        _command(words, accepted=(0, 1, 2) if words[0] == "rerun" else (0, 2))


def scribbles_case(rng: Rng) -> None:
    good = make_files() / "grey.png"
    with _copied(rng, "strokes.png") as path:
        words: list[Any] = ["segment", good, "-o", _output(rng), *_QUICK]
        _command([*words, "--scribbles", path], good)


CASES: tuple[Callable[[Rng], None], ...] = (
    image_case,
    image_case,
    image_case,
    model_case,
    settings_case,
    journal_case,
    labels_case,
    scribbles_case,
)


def _output(rng: Rng) -> str:
    return str(draws.one_of(rng, ("o.tif", "o.ome.tif", "o.png")))


@contextlib.contextmanager
def _in_folder() -> Iterator[None]:
    before = Path.cwd()
    with tempfile.TemporaryDirectory(prefix="mmtseg-fuzz-") as folder:
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(before)


@contextlib.contextmanager
def _copied(rng: Rng, name: str) -> Iterator[Path]:
    """Work in an empty folder with a damaged copy of a good file."""
    good = make_files() / name
    with _in_folder():
        path = Path(name)
        if good.is_dir():
            shutil.copytree(good, path)
            part = draws.one_of(rng, sorted(p for p in path.rglob("*") if p.is_file()))
            if draws.chance(rng, 0.1):
                part.unlink()
            else:
                part.write_bytes(_damaged(rng, part.read_bytes(), part.suffix))
        elif good.exists():
            if draws.chance(rng, 0.1):  # another type under this name
                every = sorted(p for p in good.parent.iterdir() if p.is_file())
                good = draws.one_of(rng, every)
            path.write_bytes(_damaged(rng, good.read_bytes(), good.suffix))
        yield path


def _damaged(rng: Rng, content: bytes, suffix: str) -> bytes:
    """Return the content of a file with damage of one kind, or none."""
    kinds = ("none", "cut", "cut", "flip", "flip", "zeros", "drop", "insert")
    kind = draws.one_of(rng, (*kinds, "header", "header", "header", "header"))
    data = bytearray(content)
    n = len(data)
    if not n or kind == "none":
        return content
    if kind == "header":
        return _absurd(rng, content, suffix)
    if kind == "cut":
        end = draws.one_of(rng, (0, 1, 2, 4, 8, 16, 33, n - 1, n - 2, n // 2, -1))
        return content[: int(rng.integers(0, n)) if end == -1 else end]
    at = int(rng.integers(0, min(n, draws.one_of(rng, (64, 512, n)))))
    length = int(draws.one_of(rng, (1, 2, 8, 100)))
    if kind == "flip":
        for _ in range(int(draws.one_of(rng, (1, 1, 3, 20)))):
            place = int(rng.integers(0, min(n, draws.one_of(rng, (64, 512, n)))))
            data[place] ^= 1 << int(rng.integers(0, 8))
    elif kind == "zeros":
        value = draws.one_of(rng, (0, 255))
        data[at : at + length] = bytes([value]) * len(data[at : at + length])
    elif kind == "drop":
        del data[at : at + length]
    else:
        data[at:at] = rng.bytes(length)
    return bytes(data)


def _absurd(rng: Rng, content: bytes, suffix: str) -> bytes:
    """Return a file whose header promises absurd sizes, or values of a wrong type."""
    size = draws.one_of(rng, (0, 1, 2**14, 2**16 - 1, 2**24, 2**31 - 1))
    data = bytearray(content)
    if content.startswith(b"\x89PNG"):
        at = 16 + 4 * int(rng.integers(0, 2))
        data[at : at + 4] = size.to_bytes(4, "big")
        data[29:33] = zlib.crc32(data[12:29]).to_bytes(4, "big")
    elif content[:4] in (b"II*\0", b"II+\0"):
        with tifffile.TiffFile(io.BytesIO(content)) as file:
            tag = draws.one_of(rng, list(file.pages.first.tags.values()))
        width = min((tag.dtype.value in (3,) and 2) or 4, 4)
        data[tag.valueoffset : tag.valueoffset + width] = (size % 256**width).to_bytes(
            width, "little"
        )
        if draws.chance(rng, 0.3):  # the number of values instead
            at = tag.offset + 4
            data[at : at + 4] = size.to_bytes(4, "little")
    elif content.startswith(b"BM"):
        at = draws.one_of(rng, (10, 18, 22))
        data[at : at + 4] = size.to_bytes(4, "little")
    elif content.startswith(b"\xff\xd8"):
        at = content.find(b"\xff\xc0")
        data[at + 5 : at + 7] = (size % 2**16).to_bytes(2, "big")
    elif content.startswith(b"GIF"):
        data[6:8] = (size % 2**16).to_bytes(2, "little")
    elif suffix == ".safetensors":
        return _changed_model(rng, content)
    elif content[:1] in b"{[":
        return _changed_json(rng, content)
    return bytes(data)


def _changed_model(rng: Rng, content: bytes) -> bytes:
    n = int.from_bytes(content[:8], "little")
    if draws.chance(rng, 0.2):
        return draws.one_of(rng, (2**20, 2**40, 2**63)).to_bytes(8, "little") + content
    header = json.loads(content[8 : 8 + n])
    if draws.chance(rng, 0.7):
        about = json.loads(header["__metadata__"]["napari_mmtseg"])
        _change(rng, about)
        header["__metadata__"]["napari_mmtseg"] = json.dumps(about)
    else:
        _change(rng, header)
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content[8 + n :]


def _changed_json(rng: Rng, content: bytes) -> bytes:
    lines = content.split(b"\n")
    i = int(rng.integers(0, len(lines)))
    try:
        about = json.loads(content)
        _change(rng, about)
        return json.dumps(about).encode()
    except ValueError:
        pass
    try:
        about = json.loads(lines[i])
    except ValueError:
        return content
    _change(rng, about)
    lines[i] = json.dumps(about).encode()
    return b"\n".join(lines)


def _change(rng: Rng, about: Any) -> None:
    """Change one value somewhere inside of JSON."""
    strange = (None, True, -1, 0, 1, 2.5, 10**12, 1e308, "x", "", [], {}, [[]], 10**30)
    place = about
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = draws.one_of(rng, keys)
        inner = place[key]
        if isinstance(inner, (dict, list)) and inner and draws.chance(rng, 0.85):
            place = inner
            continue
        if draws.chance(rng, 0.2):
            del place[key]
        else:
            place[key] = draws.one_of(rng, strange)
        return


def _command(
    words: list[Any], image: Path | None = None, accepted: tuple[int, ...] = (0, 2)
) -> None:
    """Run a command in this process, and check everything that it promises."""
    before = _contents()
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main([str(word) for word in words])
    said = err.getvalue()
    if code not in accepted:
        raise Wrong(f"exit code {code}: {said[-300:]}")
    if "Traceback" in said or ("Warning: " in said and "site-packages" in said):
        raise Wrong(said[-1000:])
    if any(p.is_dir() and p.name.startswith(PARTIAL) for p in Path().rglob("*")):
        raise Wrong("an unfinished file is left")
    if code != 2:
        _check_output(words, image)
        return
    if "Error: " not in said:
        raise Wrong(f"no sentence: {said[-300:]}")
    if _contents() != before and words[0] != "batch":
        raise Wrong("a refused command has changed files")
    raise InputError(said)


def _check_output(words: list[Any], image: Path | None) -> None:
    if image is None or words[0] not in ("segment", "apply"):
        return
    path = Path(words[words.index("-o") + 1])
    path = path if path.exists() else path.with_suffix(".tif")
    series = words[words.index("--series") + 1] if "--series" in words else None
    options = {
        "axes": words[words.index("--axes") + 1] if "--axes" in words else None,
        "channel_axis": words[words.index("--channel-axis") + 1]
        if "--channel-axis" in words
        else None,
    }
    source = read_image(image, series=series, **options)
    lengths = dict(zip(source.axes, source.array.shape, strict=True))
    expected = [lengths[a] for a in source.label_axes]
    found = read_image(path).array.shape
    if sorted(found) != sorted(n for n in expected if n != 1) and sorted(
        found
    ) != sorted(expected):
        raise Wrong(f"labels of shape {found}, not {expected}")


def _contents() -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in Path().rglob("*") if p.is_file()}
