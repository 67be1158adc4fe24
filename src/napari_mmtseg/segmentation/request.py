"""The request of a segmentation or of a fit: made and checked once, passed whole."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from napari_mmtseg.errors import Cancelled, InputError
from napari_mmtseg.images.arrays import as_channels_first
from napari_mmtseg.images.illumination import Illumination
from napari_mmtseg.images.stack import LARGE, ImageStack, check_spacing
from napari_mmtseg.labels.store import check_store
from napari_mmtseg.labels.writer import check_clean_up
from napari_mmtseg.settings.fields import SegmentationSettings

if TYPE_CHECKING:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel


@dataclass(frozen=True)
class SegmentationRequest:
    """Images and all options of a run, checked as far as reading allows.

    Only a fit has several stacks. `scribbles` has an array in the shape of the labels,
    or None, for each; `examples` are further images (C, Y, X) with their scribbles.
    `anisotropy` is the distance of slices in a volume over that of its pixels, and
    `illumination` the light of a stack once it is known. All other options are as for
    :func:`napari_mmtseg.iter_segment`.
    """

    stacks: tuple[ImageStack, ...]
    settings: SegmentationSettings
    scribbles: tuple[Any, ...]
    examples: tuple[tuple[NDArray[Any], Any], ...] = ()
    model: MutualMeanTeachingModel | None = None
    preview_interval: float | None = None
    should_cancel: Callable[[], bool] | None = None
    shown: Callable[[], tuple[int, ...]] | None = None
    out: Any = None
    anisotropy: float = 1.0
    illumination: Illumination | None = None

    @classmethod
    def of(
        cls,
        images: Sequence[Any],
        scribbles: Sequence[Any],
        settings: SegmentationSettings | None,
        overrides: dict[str, Any],
        *,
        axes: str | None,
        channel_axis: int | None,
        spacing: Sequence[float] | None,
        areas: Sequence[Any] = (None,),
        examples: Sequence[tuple[Any, Any]] = (),
        model: MutualMeanTeachingModel | None = None,
        **options: Any,
    ) -> SegmentationRequest:
        """Make a request from the arguments of a public function, and check it.

        `areas` has an area, or None, for each image, or one for all.
        """
        chosen = _resolve_settings(settings, overrides, model)
        volumes = chosen.stack == "volume"
        each = areas if len(areas) > 1 else [*areas] * len(images)
        if len(each) != len(images):
            raise InputError(
                f"{len(each)} areas are given for {len(images)} images. Give one for "
                "all, or a list with an area, or None, for each."
            )
        stacks = tuple(
            ImageStack.of(
                image,
                axes=axes,
                channel_axis=channel_axis,
                volumes=volumes,
                area=area,
            )
            for image, area in zip(images, each, strict=True)
        )
        anisotropy = check_spacing(spacing, stacks[0])
        # Examples are single images; their channels lie where those of a slice do.
        plane = [letter for letter in stacks[0].axes if letter in "CYX"]
        axis = plane.index("C") if "C" in plane else None
        read = tuple((as_channels_first(e, axis), painted) for e, painted in examples)
        laid = _laid_on(scribbles, stacks)
        request = cls(
            stacks, chosen, laid, read, model, anisotropy=anisotropy, **options
        )
        request._check()
        return request

    @property
    def stack(self) -> ImageStack:
        """The first image."""
        return self.stacks[0]

    @property
    def is_whole(self) -> bool:
        """Whether all are single images, each small enough to be read as a whole."""
        return all(stack.is_one_image for stack in self.stacks)

    @property
    def has_scribbles(self) -> bool:
        """Whether scribbles are given for any of the images."""
        return any(painted is not None for painted in self.scribbles)

    def read_images(self) -> list[NDArray[Any]]:
        """Read whole images and examples, all (C, Y, X)."""
        own = [stack.first.read() for stack in self.stacks]
        return [*own, *(image for image, _ in self.examples)]

    def all_scribbles(self) -> list[Any]:
        """Return the scribbles of :meth:`read_images`."""
        own = [
            painted if area is None or painted is None else np.where(area, painted, 0)
            for area, painted in zip(self._areas(), self.scribbles, strict=True)
        ]
        return [*own, *(painted for _, painted in self.examples)]

    def areas(self) -> list[NDArray[np.bool_] | None]:
        """Return the areas (Y, X) of :meth:`read_images`, None where that is all."""
        return [*self._areas(), *(None for _ in self.examples)]

    def _areas(self) -> list[NDArray[np.bool_] | None]:
        return [stack.first.area for stack in self.stacks]

    def check_cancel(self) -> None:
        """Raise :class:`Cancelled` once `should_cancel` returns True."""
        if self.should_cancel is not None and self.should_cancel():
            raise Cancelled("The segmentation was cancelled.")

    def check_slices(self) -> None:
        """Refuse given classes and large slices for a model of each slice."""
        if self.has_scribbles or self.examples or self.model is not None:
            raise InputError(
                "stack=slice_by_slice finds new classes in every slice and cannot use "
                "scribbles, examples or a model. Use stack=one_model."
            )
        first = self.stack.first
        if first.is_large:
            raise InputError(
                f"stack=slice_by_slice looks at every slice as a whole, up to "
                f"{LARGE / 2**20:g} megapixels; these have "
                f"{first.n_pixels / 2**20:.0f}. Use stack=one_model, or a part of the "
                "image."
            )
        self._check_out(self.settings.max_labels)

    def check_one_model(self) -> None:
        """Refuse a method without a model, and labels that need too much memory."""
        settings = self.settings
        if settings.method != "mmt":
            raise InputError(
                f"method={settings.method} leaves no model that the parts of a stack "
                "or a large image could share. Use method=mmt, stack=slice_by_slice, "
                "or one image of at most 16 megapixels at a time."
            )
        self._check_out(settings.n_labels or settings.max_labels)
        check_clean_up(self.stack, settings.output, settings.min_region_size)

    def check_one_image(self) -> None:
        """Refuse classes that are given to a method that cannot use them."""
        method = self.settings.method
        painted = any(scribbles is not None for scribbles in self.all_scribbles())
        if method != "mmt" and (painted or self.model is not None):
            given = "scribbles" if self.model is None else "a model"
            raise InputError(
                f"method={method} cannot use {given}. Leave {given} out, or use "
                "method=mmt."
            )
        self._check_out(self.settings.n_labels or self.settings.max_labels)

    def _check_out(self, largest: int) -> None:
        if self.out is not None:
            check_store(self.out, self.stack.shape, largest, self.stack.array)

    def _check(self) -> None:
        counts = {stack.first.shape[0] for stack in self.stacks}
        counts |= {image.shape[0] for image, _ in self.examples}
        if len(counts) > 1:
            raise InputError(
                "All images of one model need the same number of channels; these have "
                f"{sorted(counts)}."
            )
        if not any(stack.volumes for stack in self.stacks):
            return
        if not all(stack.volumes for stack in self.stacks):
            shapes = ", ".join(str(stack.shape) for stack in self.stacks)
            raise InputError(
                "stack=volume takes only volumes; some of the images of shape "
                f"{shapes} have a single slice. Leave these out, or use "
                "stack=one_model."
            )
        if self.settings.merging == "regions":
            raise InputError(
                "merging=regions is for images; with stack=volume use merging=classes, "
                "or stack=one_model."
            )
        if self.has_scribbles or self.examples or self.model is not None:
            raise InputError(
                "stack=volume cannot use scribbles, examples or a model to start from. "
                "Use stack=one_model."
            )


def _resolve_settings(
    settings: SegmentationSettings | None,
    overrides: dict[str, Any],
    model: MutualMeanTeachingModel | None,
) -> SegmentationSettings:
    """Return the settings that are given, or those of the model, with overrides."""
    if model is not None and not _is_model(model):
        raise InputError(
            f"model is a {type(model).__name__}. Give a fitted model, as fit and "
            "load_model return it."
        )
    if settings is None:
        if model is None:
            return SegmentationSettings(**overrides)
        settings = model.settings.replace(n_labels=None)
    if not isinstance(settings, SegmentationSettings):
        raise InputError(
            f"settings is a {type(settings).__name__}; give SegmentationSettings."
        )
    return settings.replace(**overrides) if overrides else settings


def _is_model(model: Any) -> bool:
    from napari_mmtseg.engine.model.fitted import MutualMeanTeachingModel

    return isinstance(model, MutualMeanTeachingModel)


def _laid_on(scribbles: Sequence[Any], stacks: Sequence[ImageStack]) -> tuple[Any, ...]:
    """Return scribbles in the shape of the labels, those of whole images (Y, X)."""
    if len(scribbles) != len(stacks):
        raise InputError(
            f"Scribbles for {len(scribbles)} images are given for {len(stacks)} "
            "images. Give a list with an array, or None, for each."
        )
    whole = all(stack.is_one_image for stack in stacks)
    pairs = zip(scribbles, stacks, strict=True)
    return tuple(_laid(painted, stack, whole) for painted, stack in pairs)


def _laid(scribbles: Any, stack: ImageStack, whole: bool) -> Any:
    """Check the shape of scribbles; those of a stack are not read."""
    if isinstance(scribbles, np.ma.MaskedArray):
        scribbles = scribbles.filled(0)
    if scribbles is None or (whole and len(stack.shape) == 2):
        return scribbles  # whole images are checked next, with their values
    if not all(hasattr(scribbles, name) for name in ("shape", "__getitem__")):
        scribbles = np.asarray(scribbles)
    if tuple(scribbles.shape) != stack.shape:
        raise InputError(
            f"Scribbles of shape {tuple(scribbles.shape)} do not fit an image whose "
            f"labels have the shape {stack.shape}, with the axes {stack.label_axes}. "
            "Paint in an array of that shape, 0 where nothing is painted."
        )
    return np.asarray(scribbles).reshape(stack.shape[-2:]) if whole else scribbles
