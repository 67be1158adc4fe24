"""Measurements of objects: a table with one row for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial import ConvexHull
from skimage.measure import regionprops_table

from napari_mmtseg.errors import InputError
from napari_mmtseg.images.arrays import masked_as_nan
from napari_mmtseg.objects.frames import (
    check_labels,
    frames_of,
    numbers_along,
    whole_numbers,
)

_SHAPE = ("label", "area", "centroid", "bbox", "inertia_tensor_eigvals")
_INTENSITY = ("intensity_mean", "intensity_min", "intensity_max")
_MANY = 2**22
"""Labels above this are renumbered before they are measured."""

_POWERS = {1: "", 2: "²", 3: "³"}


@dataclass(frozen=True)
class ObjectTable:
    """A row for every object of every frame.

    Attributes
    ----------
    columns : dict of (n,) ndarray
        Values by the name of the column, ``label`` first.
    units : dict of str
        Unit of the columns that have one.
    """

    columns: Mapping[str, NDArray[Any]]
    units: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.columns["label"])

    @property
    def header(self) -> list[str]:
        """Names of the columns with their units, such as ``area (µm²)``."""
        return self._titles(list(self.columns))

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Yield the values of one object after the other."""
        yield from zip(*(c.tolist() for c in self.columns.values()), strict=True)

    def by_label(self) -> dict[int, dict[str, float]]:
        """Return the measurements by label; of several frames, those of the first."""
        names = [n for n in self.columns if n not in ("label", "class")]
        numbers = np.stack([self.columns[n].astype(float) for n in names], axis=1)
        titles, found = self._titles(names), dict[int, dict[str, float]]()
        for label, values in zip(self.columns["label"], numbers, strict=True):
            found.setdefault(int(label), dict(zip(titles, values, strict=True)))
        return found

    def _titles(self, names: Sequence[str]) -> list[str]:
        return [f"{n} ({self.units[n]})" if self.units.get(n) else n for n in names]


def measure(
    labels: Any,
    images: Mapping[str, Any] | ArrayLike | None = None,
    *,
    classes: ArrayLike | None = None,
    confidence: Any = None,
    axes: str | None = None,
    volumes: bool = False,
    spacing: Sequence[float] | None = None,
    origin: Sequence[float] | None = None,
    unit: str = "pixels",
) -> ObjectTable:
    """Measure every object of a label image.

    Parameters
    ----------
    labels : array-like of int
        Objects (..., Y, X) from 1; 0 is background.
    images : mapping of array-like, or array-like, optional
        Image channels by name, or a single one, each in the shape of the labels.
    classes : (n + 1,) array-like of int, optional
        Class of every object by its label, as in :class:`Objects`.
    confidence : array-like, optional
        How sure the classes are, in the shape of the labels.
    axes : str, optional
        A letter for every axis of the labels; they name the columns of frames.
    volumes : bool
        The last three axes are a volume; else every slice is measured on its own.
    spacing, origin : sequence of float, optional
        Distance of neighbouring pixels along every axis, and the place of the first.
    unit : str
        Unit of the spacing.

    Returns
    -------
    ObjectTable
        label; class; position of the frame along stacked axes; area or volume;
        centroid; equivalent diameter; longest and shortest axis of the ellipse with the
        same moments; solidity (share of the convex hull); whether the object touches
        the border in Y or X; mean, minimum, maximum and integrated (summed)
        intensity of every channel; mean confidence.

    Raises
    ------
    InputError
        If there are no objects, or an image does not lie on the labels.

    Examples
    --------
    >>> import numpy as np
    >>> from napari_mmtseg import measure
    >>> labels = np.zeros((6, 8), int)
    >>> labels[1:3, 2:6] = 1
    >>> table = measure(labels, spacing=(0.5, 0.5), unit="µm")
    >>> table.columns["area"].tolist(), table.units["area"]
    ([2.0], 'µm²')
    """
    labels, shape = check_labels(labels)
    channels = _channels(images, shape)
    if confidence is not None:
        channels["confidence"] = _lying_on(confidence, shape, "A confidence map")
    n_dims = 3 if volumes and len(shape) > 2 else 2
    letters = axes or "TZYX"[-len(shape) :] if len(shape) < 5 else "Q" * len(shape)
    if not isinstance(letters, str) or len(letters) != len(shape):
        raise InputError(
            f"The axes {letters!r} do not fit labels of shape {shape}. Give one letter "
            "for each axis."
        )
    n = len(shape)
    spacing, origin = (1.0,) * n if spacing is None else spacing, origin or (0.0,) * n
    steps = numbers_along(spacing, shape, "spacing", positive=True)
    start = numbers_along(origin, shape, "origin", positive=False)
    named = None if classes is None else np.array(whole_numbers(classes, "classes"))
    parts = []
    for index in frames_of(shape, n_dims):
        frame = np.asarray(labels[index])
        if frame.any():
            images_here = {k: np.asarray(v[index]) for k, v in channels.items()}
            part = _frame(frame, images_here, steps[-n_dims:], start[-n_dims:])
            parts.append(_with_place(part, index, letters))
    if not parts:
        raise InputError(
            "There are no objects to measure: all labels are 0. Find objects first."
        )
    columns = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    if named is not None:
        of = columns["label"]
        if int(of.max()) >= len(named):
            raise InputError(
                f"There are {len(named)} classes by label, but labels up to "
                f"{int(of.max())}. Give one class for every label from 0 on."
            )
        rest = {k: v for k, v in columns.items() if k != "label"}
        columns = {"label": of, "class": named[of], **rest}
    return ObjectTable(columns, _units(columns, unit, n_dims))


def _channels(images: Any, shape: tuple[int, ...]) -> dict[str, Any]:
    if images is None:
        return {}
    if not isinstance(images, Mapping):
        images = {"intensity": images}
    return {
        str(name): _lying_on(image, shape, f"The image {name!r}")
        for name, image in images.items()
    }


def _lying_on(image: Any, shape: tuple[int, ...], what: str) -> Any:
    if not all(hasattr(image, name) for name in ("shape", "__getitem__")):
        image = np.asarray(image)
    image = masked_as_nan(image)
    given = tuple(int(n) for n in image.shape)
    if given != shape:
        raise InputError(
            f"{what} of shape {given} does not lie on labels of shape {shape}. Give "
            "the image that the labels were made from, channel by channel."
        )
    return image


def _frame(
    labels: NDArray[Any],
    images: Mapping[str, NDArray[Any]],
    steps: tuple[float, ...],
    start: tuple[float, ...],
) -> dict[str, NDArray[Any]]:
    n_dims, shape_of_frame = labels.ndim, labels.shape
    if labels.min() < 0:
        raise InputError(
            f"Labels as low as {labels.min()} cannot be measured. Accepted: values "
            "from 0."
        )
    values: NDArray[Any] | None = None
    if labels.max() > _MANY:  # regionprops counts up to the highest label
        values, labels = np.unique(np.append(labels, 0), return_inverse=True)
        labels = labels[:-1].reshape(shape_of_frame)
    labels = labels.astype(np.int32, copy=False)
    plane = n_dims == 2
    shape = (*_SHAPE, "solidity") if plane else (*_SHAPE, "coords_scaled")
    found = regionprops_table(labels, spacing=steps, properties=shape)
    if not plane:
        found["solidity"] = _solidity(
            found["coords_scaled"], area=found["area"], steps=steps
        )
    size = "area" if n_dims == 2 else "volume"
    area = found["area"]
    ball = np.pi / 4 if n_dims == 2 else np.pi / 6
    longest, shortest = _axes(found, n_dims)
    names = found["label"] if values is None else values[found["label"]]
    columns = {"label": names, size: area}
    for axis, letter in enumerate("zyx"[-n_dims:]):
        columns[f"centroid_{letter}"] = found[f"centroid-{axis}"] + start[axis]
    columns |= {
        "equivalent_diameter": (area / ball) ** (1 / n_dims),
        "axis_major_length": longest,
        "axis_minor_length": shortest,
        "solidity": found["solidity"],
        "touches_border": _touching(found, labels.shape),
    }
    n_pixels = area / float(np.prod(steps))
    for name, image in images.items():
        with np.errstate(invalid="ignore", over="ignore"):
            values = regionprops_table(
                labels, image.astype(np.float64), properties=_INTENSITY
            )
        if name == "confidence":
            columns["confidence"] = values["intensity_mean"]
            continue
        columns[f"mean_{name}"] = values["intensity_mean"]
        columns[f"min_{name}"] = values["intensity_min"]
        columns[f"max_{name}"] = values["intensity_max"]
        columns[f"integrated_{name}"] = values["intensity_mean"] * n_pixels
    return columns


def _solidity(
    places: NDArray[Any], area: NDArray[np.float64], steps: tuple[float, ...]
) -> NDArray[np.float64]:
    """Return the share that voxels have of the convex hull around their corners.

    regionprops hulls their centres, and warns of flat objects.
    """
    corners = np.array(list(product((-0.5, 0.5), repeat=3))) * steps
    hulls = []
    for centers in places:
        rows = centers[np.lexsort(centers.T)]
        # A voxel between others of its row is no corner of the hull.
        starts = (np.diff(rows[:, 1:], axis=0) != 0).any(1)
        outer = np.concatenate([[True], starts]) | np.concatenate([starts, [True]])
        points = rows[outer][:, np.newaxis] + corners
        hulls.append(ConvexHull(points.reshape(-1, 3)).volume)
    solidity: NDArray[np.float64] = np.minimum(area / np.array(hulls), 1.0)
    return solidity


def _axes(
    found: Mapping[str, NDArray[Any]], n_dims: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the longest and the shortest axis of the ellipse with the same moments.

    As in regionprops, but rounding makes no root of a negative number of flat objects.
    """
    moments = [found[f"inertia_tensor_eigvals-{i}"] for i in range(n_dims)]
    if n_dims == 2:
        longest, shortest = (16 * np.maximum(moment, 0) for moment in moments)
    else:
        first, second, third = moments
        longest = 10 * np.maximum(first + second - third, 0)
        shortest = 10 * np.maximum(second + third - first, 0)
    return np.sqrt(longest), np.sqrt(shortest)


def _touching(
    found: Mapping[str, NDArray[Any]], shape: Sequence[int]
) -> NDArray[np.bool_]:
    n_dims = len(shape)
    touches = np.zeros(len(found["label"]), bool)
    for axis in (n_dims - 2, n_dims - 1):
        touches |= found[f"bbox-{axis}"] == 0
        touches |= found[f"bbox-{axis + n_dims}"] == shape[axis]
    return touches


def _with_place(
    part: dict[str, NDArray[Any]], index: tuple[int, ...], letters: str
) -> dict[str, NDArray[Any]]:
    n = len(part["label"])
    places = {
        f"frame_{letter.lower()}": np.full(n, position)
        for letter, position in zip(letters, index, strict=False)
    }
    rest = {name: values for name, values in part.items() if name != "label"}
    return {"label": part["label"], **places, **rest}


def _units(
    columns: Mapping[str, NDArray[Any]], unit: str, n_dims: int
) -> dict[str, str]:
    lengths = ("centroid_", "equivalent_diameter", "axis_")
    units = {name: unit for name in columns if name.startswith(lengths)}
    size = "area" if n_dims == 2 else "volume"
    return {**units, size: f"{unit}{_POWERS[n_dims]}"}
