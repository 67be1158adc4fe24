"""Random arrays, axes and settings, most of them valid and many of them not."""

from __future__ import annotations

import tempfile
from typing import Any

import numpy as np

from napari_mmtseg.settings.fields import parameters

Rng = np.random.Generator

_DTYPES = (
    *("u1", "u1", "u2", "f4", "f4", "f8", "?", "i1", "i2", "i4", "i8", "u4", "u8"),
    *("f2", "g", ">u2", ">f4", ">i4"),
)
_STRANGE_DTYPES = ("c8", "O", "U3", "M8[s]", "S2", "V4")
_SIDES = (8, 8, 9, 12, 13, 16, 17, 24)
_STRANGE_SIDES = (0, 1, 2, 3, 4, 5, 7)
_STRANGE_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 2.5, 10**30, float("nan"), float("inf"), "", "x", "3"),
    *([], {}, b"x", np.float32(2), np.int64(3), 1j),
)


def chance(rng: Rng, share: float) -> bool:
    return bool(rng.random() < share)


def one_of(rng: Rng, values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def mostly(rng: Rng, good: Any, *bad: Any) -> Any:
    return one_of(rng, bad) if chance(rng, 0.15) else good


def values(rng: Rng, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Any:
    """Return pixels of many kinds: noise, two halves, constants, extremes."""
    kind = one_of(rng, ("noise", "halves", "halves", "constant", "extreme", "few"))
    if dtype.kind not in "buif":
        return np.zeros(shape, dtype)
    if kind == "constant":
        found = np.full(shape, rng.integers(0, 2), np.float64)
    elif kind == "few":
        found = rng.integers(0, 3, shape).astype(np.float64)
    else:
        found = rng.normal(100, 10, shape)
        if kind == "halves" and shape and shape[-1]:
            found[..., : shape[-1] // 2] -= 80
    if dtype.kind == "b":
        return found > np.median(found) if found.size else found.astype(bool)
    if dtype.kind in "ui":
        limits = np.iinfo(dtype)
        if kind == "extreme":
            ends = np.array([limits.min, limits.max], dtype)
            return ends[rng.integers(0, 2, shape)]
        return found.clip(limits.min, min(limits.max, 2**40)).astype(dtype)
    if kind == "extreme":
        limit = np.finfo(dtype)
        ends = (limit.min, limit.max, limit.tiny, 0, 1)
        return np.array(ends, dtype)[rng.integers(0, len(ends), shape)]
    found = found.astype(dtype)
    for bad in (np.nan, np.inf, -np.inf):
        if chance(rng, 0.15):
            found[rng.random(shape) < one_of(rng, (0.01, 0.3, 0.3, 1.0))] = bad
    return found


def laid_out(rng: Rng, array: Any) -> Any:
    """Return the same values in another layout of memory, or as another type."""
    array = np.asarray(array)
    kind = one_of(
        rng,
        ("C", "C", "F", "steps", "back", "read-only", "masked", "list", "memmap"),
    )
    if kind == "F":
        return np.asfortranarray(array)
    if kind == "steps" and array.ndim:
        wide = np.repeat(array, 2, axis=-1)
        return wide[..., ::2]
    if kind == "back" and array.ndim:
        return np.ascontiguousarray(array[..., ::-1])[..., ::-1]
    if kind == "read-only":
        array = array.copy()
        array.flags.writeable = False
        return array
    if kind == "masked" and array.dtype.kind in "buif":
        share = one_of(rng, (0.0, 0.2, 0.2, 1.0))
        return np.ma.masked_array(array, rng.random(array.shape) < share)
    if kind == "list" and array.size <= 1024:
        return array.tolist()
    if kind == "memmap" and array.size and array.dtype.kind in "buif":
        with tempfile.TemporaryFile() as file:
            mapped = np.memmap(file, array.dtype, "w+", shape=array.shape)
        mapped[...] = array
        return mapped
    return array


def image(rng: Rng) -> tuple[Any, dict[str, Any]]:
    """Return an image and the arguments that say what its axes are."""
    sides = (one_of(rng, _SIDES), one_of(rng, _SIDES))
    kinds = ("grey", "grey", "grey", "rgb", "channels", "channels", "stack", "TCZ")
    kind = one_of(rng, (*kinds, "strange"))
    named: dict[str, Any] = {}
    if kind == "grey":
        shape: tuple[int, ...] = sides
    elif kind == "rgb":
        shape = (*sides, one_of(rng, (3, 4)))
    elif kind == "channels":
        n = one_of(rng, (1, 2, 3, 4, 5))
        axis = one_of(rng, (0, -1))
        shape = (n, *sides) if axis == 0 else (*sides, n)
        named = {"channel_axis": axis}
        if chance(rng, 0.3):
            named = {"axes": "CYX" if axis == 0 else "YXC"}
    elif kind == "stack":
        shape = (one_of(rng, (1, 2, 3, 5)), *sides)
        named = {"axes": one_of(rng, ("ZYX", "TYX", "PYX"))} if chance(rng, 0.7) else {}
    elif kind == "TCZ":
        letters = "".join(rng.permutation(list("TCZYX")))
        if chance(rng, 0.8):  # those that are accepted
            orders = ("TCZYX", "TZCYX", "CTZYX", "ZTYCX", "TZYXC", "ZYXTC", "TZYX")
            letters = one_of(rng, orders)
        lengths = {"T": 2, "C": 2, "Z": 3, "Y": sides[0], "X": sides[1]}
        shape = tuple(lengths[a] for a in letters)
        named = {"axes": letters}
    else:
        n_dims = int(rng.integers(0, 6))
        every = _SIDES + _STRANGE_SIDES
        shape = tuple(one_of(rng, every) for _ in range(n_dims))
        if np.prod(shape, dtype=float) > 20000:
            shape = shape[:2]
        strange = (None, "YX", "XY", "ZYX", "YXS", "CYX", "yx", "YY", "??", 3, b"YX")
        named = {"axes": one_of(rng, strange)}
        if chance(rng, 0.5):
            named["channel_axis"] = one_of(rng, _STRANGE_VALUES)
    name = one_of(rng, _DTYPES if chance(rng, 0.98) else _STRANGE_DTYPES)
    return laid_out(rng, values(rng, shape, np.dtype(name))), named


def settings(rng: Rng, names: tuple[str, ...] | None = None) -> dict[str, Any]:
    """Return a few settings, each in its range, at its end or strange."""
    known = parameters()
    found: dict[str, Any] = {}
    for name in rng.permutation(list(names or known))[: int(rng.integers(0, 4))]:
        parameter = known[str(name)]
        if chance(rng, 0.04):
            found[str(name)] = one_of(rng, _STRANGE_VALUES)
        elif parameter.choices:
            found[str(name)] = one_of(rng, parameter.choices)
        elif parameter.kind is bool:
            found[str(name)] = chance(rng, 0.5)
        else:
            low, high = float(parameter.minimum or 0), float(parameter.maximum or 1)
            near = (low, high, low + 1, low + 3, (low + high) / 2, parameter.default)
            value = one_of(rng, near)
            if parameter.kind is int and value is not None:
                value = int(value)
            found[str(name)] = value
    if names is None:
        # Whatever was drawn, a case is short, and runs where all machines have one.
        n_steps = found.get("n_steps", 1)
        if isinstance(n_steps, (int, float)) and n_steps > 2:
            n_steps = int(rng.integers(1, 3))
        found |= {"n_steps": n_steps, "device": "cpu"}
        method = found.get("method", "mmt")
        found["method"] = "kmeans" if method in ("kanezaki", "kim", "iic") else method
        if chance(rng, 0.01):
            found["mistyped"] = 1
    return found


def strange(rng: Rng) -> Any:
    return one_of(rng, _STRANGE_VALUES)


def scribbles(rng: Rng, shape: tuple[int, ...]) -> Any:
    """Return painted pixels that fit a shape, or not."""
    if chance(rng, 0.1):
        shape = one_of(rng, ((8, 8), (3,), (), (2, 8, 8), shape[::-1]))
    painted = np.zeros(shape, one_of(rng, ("u1", "i4", "i8", "f4", "?")))
    top = one_of(rng, (2, 2, 3, 255, -1, 2**31 + 5, np.nan))
    n = one_of(rng, (0, 1, 4, 20))
    if painted.size:
        at = rng.integers(0, painted.size, n)
        with np.errstate(invalid="ignore"):
            painted.flat[at] = np.array(
                [one_of(rng, (1, top)) for _ in at], np.float64
            ).astype(painted.dtype)
    return laid_out(rng, painted)
