"""All settings of a segmentation: value, range, unit and description of each.

The widget's form, the options of the command line and the settings file are all made
from :class:`SegmentationSettings`, so nothing is typed twice.
"""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

from napari_mmtseg.errors import InputError
from napari_mmtseg.settings.file import read_settings_file, write_settings_file
from napari_mmtseg.settings.methods import METHODS
from napari_mmtseg.settings.parameter import Parameter, refuse_unknown, setting
from napari_mmtseg.settings.presets import PRESETS


@dataclass(frozen=True, init=False)
class SegmentationSettings:
    """All settings of one segmentation run. Immutable.

    Parameters
    ----------
    preset : {"default", "fast", "paper"}
        Source of every value that is not given.
    **values
        Any of the fields below; see :func:`parameters` for ranges and units.

    Raises
    ------
    InputError
        For an unknown name, a value out of range, or values that contradict each
        other.

    Examples
    --------
    >>> from napari_mmtseg import SegmentationSettings
    >>> settings = SegmentationSettings(n_labels=3, seed=7)
    >>> settings.n_labels, settings.preset
    (3, 'default')
    >>> SegmentationSettings.from_preset("paper").max_labels
    100
    """

    preset: str = setting(
        "default",
        "Preset",
        "Where every other value comes from: default (quality first), fast (a preview "
        "quality in a fraction of the time) or paper (the published method to the "
        "letter: minutes to an hour).",
        choices=("default", "fast", "paper"),
        advanced=False,
    )
    n_labels: int | None = setting(
        None,
        "Number of classes",
        "How many classes the result has; automatic counts how many kinds of pixels "
        "there are.",
        range=(1, 256),
        none_means="automatic",
        advanced=False,
        group="",
    )
    continuity_weight: float = setting(
        2.0,
        "Smoothness",
        "Higher gives larger areas with smoother outlines, lower keeps fine detail.",
        range=(0.0, 1000.0),
        advanced=False,
        group="Classes",
    )
    seed: int = setting(
        0,
        "Seed",
        "Start of the random numbers: the same seed gives the same labels.",
        range=(0, 2**31 - 1),
        advanced=False,
        group="Computer",
    )
    output: str = setting(
        "classes",
        "Output",
        "classes: pixels that look alike share a label wherever they are; regions: "
        "every connected region of a class has a label of its own; objects: everything "
        "but the background in single objects, those that touch told apart.",
        choices=("classes", "regions", "objects"),
        advanced=False,
        group="Classes",
    )
    stack: str = setting(
        "one_model",
        "Stack",
        "What a stack of slices shares: one_model, fitted on parts of many slices and "
        "applied to each, gives every slice the same classes; slice_by_slice fits a "
        "model to each slice and matches its labels to those of the slices before; "
        "volume lets the networks see slices above and below (Z), for 3D images. A "
        "single 2D image is segmented alike with all.",
        choices=("one_model", "slice_by_slice", "volume"),
        advanced=False,
        group="",
    )
    background: str | int = setting(
        "none",
        "Background",
        "Which class is labelled 0: auto takes the large class that surrounds the "
        "others, the darkest in fluorescence and the brightest in transmitted light, "
        "and none where tissue, grains or a scene fill the image; a label takes the "
        "class that has it with none. Painted classes and those of a model keep their "
        "labels. Panels begin with auto.",
        choices=("auto", "none", "darkest", "brightest"),
        or_label=True,
        group="Classes",
    )
    min_region_size: int = setting(
        0,
        "Smallest region",
        "Regions smaller than this join the class around them; 0 keeps all.",
        unit="pixels",
        range=(0, 10**9),
        group="Classes",
    )
    max_labels: int = setting(
        16,
        "Most classes",
        "Number of classes that training starts from; those that look alike merge.",
        range=(2, 256),
    )
    min_labels: int = setting(
        2,
        "Fewest classes",
        "Training stops once no more than this many classes are left.",
        range=(1, 256),
    )
    merging: str = setting(
        "auto",
        "Merging",
        "classes: pixels that look alike merge first (nuclei, phases, tissue); "
        "regions: neighbouring pixels merge first, then regions that look alike "
        "(photographs, scenes); auto looks at the image.",
        choices=("auto", "classes", "regions"),
        group="Classes",
    )
    merge_threshold: float = setting(
        0.5,
        "Class threshold",
        "With an automatic number of classes, two are told apart if between them lie "
        "fewer pixels than this fraction of their smaller peak; 1 keeps all apart.",
        range=(0.0, 1.0),
        group="Classes",
    )
    region_threshold: float = setting(
        0.55,
        "Region threshold",
        "Where regions merge first, how far: higher gives fewer, larger regions; 0.3 "
        "gives a fine division.",
        range=(0.0, 1.0),
        group="Classes",
    )
    texture: float | None = setting(
        None,
        "Texture",
        "What carries the classes: 0 intensity or colour alone, 1 texture alone, 0.5 "
        "both alike; automatic takes texture where intensity forms no regions.",
        range=(0.0, 1.0),
        none_means="automatic",
        advanced=False,
        group="Classes",
    )
    texture_scale: float | None = setting(
        None,
        "Texture scale",
        "Standard deviation of the window in which texture is measured; automatic "
        "takes a wide one where it tells textures apart.",
        unit="pixels",
        range=(0.5, 64.0),
        none_means="automatic",
        group="Classes",
    )
    n_conv_layers: int = setting(
        3,
        "Convolution layers",
        "How far around a pixel the networks look: each layer adds one pixel to each "
        "side.",
        range=(1, 10),
    )
    n_steps: int = setting(
        20,
        "Steps",
        "Longest training, the warm start included. On several images, or parts of a "
        "large one, there are four times as many steps.",
        range=(1, 100_000),
    )
    warm_start_steps: int = setting(
        10,
        "Warm-start steps",
        "The networks start with a quick clustering and learn it in so many steps; 0 "
        "starts from random networks.",
        range=(0, 100_000),
    )
    patience: int | None = setting(
        8,
        "Patience",
        "Training stops early once fewer than 1 in 500 pixels have changed their class "
        "for this many steps in a row.",
        unit="steps",
        range=(1, 100_000),
        none_means="never stop early",
    )
    scribble_weight: float = setting(
        1.0,
        "Scribble weight",
        "How much painted pixels count against all others; without scribbles it does "
        "nothing.",
        range=(0.0, 1000.0),
    )
    learning_rate: float = setting(
        0.1,
        "Learning rate",
        "How far each training step goes; a tenth of it learns about ten times slower.",
        range=(1e-4, 10.0),
    )
    momentum: float = setting(
        0.9,
        "Momentum",
        "How much of the last training step goes on in the next.",
        range=(0.0, 0.9999),
    )
    ema_decay: float = setting(
        0.9,
        "Teacher decay",
        "How slowly a teacher follows its student: higher is steadier and slower.",
        range=(0.0, 0.9999),
    )
    ema_warmup: bool = setting(
        True,
        "Teacher warm-up",
        "Early teachers follow their students closely, later ones more slowly.",
    )
    edge_scale: float | None = setting(
        0.2,
        "Edge contrast",
        "Smoothing stops at edges: lower keeps fainter ones. At this difference of "
        "neighbouring pixels it has fallen to a third.",
        unit="fraction of the image's range",
        range=(1e-3, 100.0),
        none_means="the same weight everywhere",
    )
    color_space: str = setting(
        "auto",
        "Colour space",
        "lab: RGB images are seen in CIE Lab; stains: as the amounts of two stains, "
        "estimated from the image; channels: values scaled to 0-1; auto: stains for "
        "tissue with a brown and another stain, else lab.",
        choices=("auto", "lab", "stains", "channels"),
        group="Colour and light",
    )
    illumination: str = setting(
        "auto",
        "Uneven light",
        "Light that varies slowly is taken out: divide if it multiplies (shading, "
        "vignetting), subtract if it adds (glow); auto looks at the image, and leaves "
        "photographs alone.",
        choices=("auto", "off", "divide", "subtract"),
        group="Colour and light",
    )
    normalization: str = setting(
        "auto",
        "Normalisation",
        "each: every image by its own range of values, so that brighter and darker "
        "ones get the same classes; together: all by one range, which ties a class to "
        "values; auto: each for separate images and for slices whose brightness "
        "drifts, as in a movie that bleaches; together for other slices.",
        choices=("auto", "each", "together"),
        group="Colour and light",
    )
    darkest_value: float | None = setting(
        None,
        "Darkest value",
        "Value of a pixel that counts as black, as do all below. Automatic leaves out "
        "the lowest 0.05 % and single dead pixels. Not for stains, or methods other "
        "than mmt.",
        range=(-1e10, 1e10),
        none_means="automatic",
        decimals=3,
        group="Colour and light",
    )
    brightest_value: float | None = setting(
        None,
        "Brightest value",
        "Value of a pixel that counts as white, as do all above. Automatic leaves out "
        "the highest 0.05 % and single hot pixels, but no object.",
        range=(-1e10, 1e10),
        none_means="automatic",
        decimals=3,
        group="Colour and light",
    )
    working_size: int | None = setting(
        240,
        "Working size",
        "Long side of the image that the networks are trained on; labels are predicted "
        "at full resolution.",
        unit="pixels",
        range=(8, 65_536),
        none_means="full resolution",
    )
    n_crops: int = setting(
        16,
        "Training crops",
        "How many parts of a stack or a large image the networks are trained on, "
        "spread over all of it; training takes as long for large ones as for small.",
        range=(1, 1000),
    )
    crop_size: int = setting(
        512,
        "Crop size",
        "Longest side of such a part.",
        unit="pixels",
        range=(32, 8192),
    )
    tile_size: int | None = setting(
        None,
        "Tile size",
        "Side of the pieces that large images are labelled in; automatic takes what "
        "fits in memory. It changes no label.",
        unit="pixels",
        range=(64, 65_536),
        none_means="automatic",
        group="Computer",
    )
    memory_share: float = setting(
        0.25,
        "Memory share",
        "Labels that would take more than this share of the free memory are kept in a "
        "file on disk instead.",
        range=(0.0, 1.0),
        group="Computer",
    )
    teaching: str = setting(
        "teacher",
        "Teaching",
        "teacher: one network, taught by its own moving average; mutual: two, each "
        "taught by the other's, as in the paper, in twice the time; self: one network "
        "that learns its own labels, as Kim et al. do.",
        choices=("teacher", "mutual", "self"),
    )
    readout: str = setting(
        "consensus",
        "Readout",
        "What labels the image in the end: consensus (mean response of both aligned "
        "teachers) or student (the first student alone, as in the paper).",
        choices=("consensus", "student"),
    )
    method: str = setting(
        "mmt",
        "Method",
        "mmt: Mutual Mean-Teaching; the others are what it is compared with, at their "
        "published defaults except for the settings that are changed.",
        choices=("mmt", *METHODS),
    )
    device: str = setting(
        "auto",
        "Device",
        "Where the networks run; auto takes a GPU where there is one.",
        choices=("auto", "cpu", "cuda", "mps"),
        group="Computer",
    )
    precision: str = setting(
        "auto",
        "Precision",
        "Number format of the convolutions; auto takes bfloat16 on processors with "
        "AMX, where it is about twice as fast.",
        choices=("auto", "float32", "bfloat16"),
        group="Computer",
    )
    threads: int = setting(
        2,
        "Threads",
        "Number of threads that training takes on a processor. It belongs to the "
        "result: another number adds in another order, and some pixels may change. "
        "Labelling takes all there are.",
        range=(1, 256),
        group="Computer",
    )

    foreground: str = setting(
        "auto",
        "Foreground",
        "Classes that objects are made of: auto takes all but the background, which is "
        "label 0, or else the class with most of the image and of its border, in one "
        "piece; bright and dark take the brightest and the darkest class.",
        choices=("auto", "bright", "dark"),
        group="Objects",
    )
    separation: str = setting(
        "distance",
        "Separation",
        "Where touching objects are cut: distance, at their waist; intensity, along "
        "the valley between two centres; both, where either says so; off, not at all.",
        choices=("distance", "intensity", "both", "off"),
        group="Objects",
    )
    object_size: float | None = setting(
        None,
        "Object size",
        "Typical diameter of an object, in the unit of object sizes; smaller cuts more "
        "often. Automatic measures the image.",
        range=(1e-4, 1e6),
        none_means="automatic",
        group="Objects",
    )
    smallest_object: float | None = setting(
        None,
        "Smallest object",
        "Objects of a smaller diameter are left out; 0 keeps all. Automatic is a "
        "third of the object size.",
        range=(0.0, 1e6),
        none_means="automatic",
        group="Objects",
    )
    largest_object: float | None = setting(
        None,
        "Largest object",
        "Objects of a larger diameter are left out.",
        range=(1e-4, 1e6),
        none_means="no limit",
        group="Objects",
    )
    object_unit: str = setting(
        "pixels",
        "Object unit",
        "pixels: along X; micrometres: by the pixel size of the image.",
        choices=("pixels", "micrometres"),
        group="Objects",
    )
    border_objects: bool = setting(
        True,
        "Border objects",
        "Keep objects that the border of the image cuts.",
        group="Objects",
    )

    dim_objects: bool = setting(
        True,
        "Dim objects",
        "Find objects that are too dim for their class, too: every one ends at half of "
        "its own height above the background; and those inside one large thing that "
        "holds many. For an automatic foreground.",
        group="Objects",
    )

    def __init__(self, preset: str = "default", **values: Any) -> None:
        known = parameters()
        known["preset"].check(preset)
        refuse_unknown(values, known, "setting")
        merged = {"preset": preset, **PRESETS[preset], **values}
        if isinstance(merged.get("n_labels"), int) and "max_labels" not in values:
            start = merged.get("max_labels", known["max_labels"].default)
            merged["max_labels"] = max(merged["n_labels"], start)
        for name, parameter in known.items():
            value = parameter.check(merged.get(name, parameter.default))
            object.__setattr__(self, name, value)
        most = self.n_labels or self.max_labels
        if isinstance(self.background, int) and self.background > most:
            raise InputError(
                f"background={self.background} is more than the {most} classes of the "
                "result. Give a label up to that, or auto."
            )
        for name in ("min_labels", "n_labels"):
            if (value := getattr(self, name)) is not None and value > self.max_labels:
                raise InputError(
                    f"{name}={value} is more than max_labels={self.max_labels}, the "
                    f"number of labels that training starts from. Lower {name} or "
                    "raise max_labels."
                )

        low, high = self.value_range
        if low is not None and high is not None and low >= high:
            raise InputError(
                f"darkest_value={low:g} is not below brightest_value={high:g}. Give "
                "the values of black and of white, or leave them automatic."
            )

    @property
    def value_range(self) -> tuple[float | None, float | None]:
        """Values that count as black and as white; None for automatic ones."""
        return self.darkest_value, self.brightest_value

    @classmethod
    def from_preset(cls, name: str) -> SegmentationSettings:
        """Return the settings of a preset: "default", "fast" or "paper"."""
        return cls(name)

    @classmethod
    def offered(cls, preset: str = "default") -> SegmentationSettings:
        """Return what panels begin with: `preset`, background chosen.

        Labels of functions are 1..k, for indexing and for any number of classes alike;
        labels that are looked at and measured have 0 for background, as napari and
        scikit-image take it.
        """
        return cls(preset, background="auto")

    def replace(self, **changes: Any) -> SegmentationSettings:
        """Return settings with some values changed.

        A changed `preset` first resets every other value to that preset.
        """
        if "preset" in changes:
            return SegmentationSettings(**changes)
        return SegmentationSettings(self.preset, **{**self.changes(), **changes})

    def to_dict(self) -> dict[str, Any]:
        """Return all values by name, ``preset`` first."""
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self)}

    def changes(self) -> dict[str, Any]:
        """Return the values that differ from those of the preset."""
        base = SegmentationSettings(self.preset).to_dict()
        return {k: v for k, v in self.to_dict().items() if v != base[k]}

    def to_json(self, path: str | Path) -> None:
        """Write the settings to a JSON file, replacing an existing one."""
        write_settings_file(path, self.to_dict())

    @classmethod
    def from_json(cls, path: str | Path) -> SegmentationSettings:
        """Read settings from a JSON file; an InputError says what is wrong with it."""
        values = read_settings_file(path)
        try:
            return cls(**values)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error


_HINTS = get_type_hints(SegmentationSettings)
_PARAMETERS = {
    field.name: Parameter.of(field, _HINTS[field.name])
    for field in dataclasses.fields(SegmentationSettings)
}


OBJECT_SETTINGS = (
    "foreground",
    "separation",
    "object_size",
    "smallest_object",
    "largest_object",
    "object_unit",
    "border_objects",
    "dim_objects",
)
"""Settings of output "objects": what they are made of, and where they are cut."""


def parameters() -> dict[str, Parameter]:
    """Return every setting's description by name, in the order of a form."""
    return dict(_PARAMETERS)


SegmentationSettings.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
    [p.as_argument() for p in _PARAMETERS.values()]
)
