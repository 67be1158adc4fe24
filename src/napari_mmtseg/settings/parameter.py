"""Description of one setting: type, range, unit, words."""

from __future__ import annotations

import dataclasses
import difflib
import inspect
import math
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral
from typing import Any, get_args

from napari_mmtseg.errors import InputError


def setting(
    default: Any,
    title: str,
    description: str,
    range: tuple[float, float] | None = None,
    **details: Any,
) -> Any:
    """Return a dataclass field that holds the description of a setting."""
    if range is not None:
        details["minimum"], details["maximum"] = range
    return dataclasses.field(
        default=default,
        metadata={"title": title, "description": description, **details},
    )


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """Description of one setting for forms, the command line and the documentation.

    `kind` is bool, int, float or str. `minimum` and `maximum` are accepted themselves,
    and so is None, if `optional`, with the meaning `none_means`; with `or_label` a
    label from 1 is accepted beside the `choices`. A form shows `decimals` digits at
    least. `group` is a heading of a form;
    settings without one stand where they matter.
    """

    name: str
    kind: type
    optional: bool
    default: Any
    title: str
    description: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    or_label: bool = False
    none_means: str = ""
    decimals: int = 0
    advanced: bool = True
    group: str = "Training"

    @classmethod
    def of(cls, field: dataclasses.Field[Any], annotation: Any) -> Parameter:
        """Return the parameter of a dataclass field made by :func:`setting`."""
        kinds = get_args(annotation) or (annotation,)
        return cls(
            name=field.name,
            kind=next(kind for kind in kinds if kind is not type(None)),
            optional=type(None) in kinds,
            default=field.default,
            **field.metadata,
        )

    def as_argument(self) -> inspect.Parameter:
        """Return the parameter as a keyword argument of a signature."""
        return inspect.Parameter(
            self.name, inspect.Parameter.KEYWORD_ONLY, default=self.default
        )

    @property
    def accepted(self) -> str:
        """The accepted values in words, for error messages and ``--help``."""
        if self.kind is bool:
            words = "true or false"
        elif self.choices:
            words = "one of " + ", ".join(self.choices)
            words += ", or a label from 1" if self.or_label else ""
        else:
            words = f"a number from {self.minimum:g} to {self.maximum:g}"
            if self.kind is int:
                words = f"a whole number from {self.minimum} to {self.maximum}"
            if self.unit:
                words += f" ({self.unit})"
        return f"{words}, or none ({self.none_means})" if self.optional else words

    def check(self, value: Any) -> Any:
        """Return `value` in this setting's type, or raise an InputError."""
        if value is None and self.optional:
            return None
        converted = self._converted(value)
        if converted is None:
            raise InputError(
                f"{self.name}={value!r} is not accepted: give {self.accepted}."
            )
        return converted

    def _converted(self, value: Any) -> Any:
        if self.kind is bool:
            return value if isinstance(value, bool) else None
        if self.kind is str:
            return value if value in self.choices else self._label(value)
        if isinstance(value, (bool, str, bytes)) or value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            return None
        assert self.minimum is not None
        assert self.maximum is not None
        if not math.isfinite(number) or not self.minimum <= number <= self.maximum:
            return None
        if self.kind is int:
            return int(value) if number == int(number) else None
        return number

    def _label(self, value: Any) -> int | None:
        """Return a label from 1, also of text; None for anything else."""
        if not self.or_label or isinstance(value, bool):
            return None
        if not isinstance(value, str):
            number = int(value) if isinstance(value, Integral) else 0
            return number if number >= 1 else None
        return int(value) if value.isdecimal() and int(value) >= 1 else None


def refuse_unknown(
    given: Mapping[str, Any], known: Mapping[str, Any], noun: str
) -> None:
    """Raise InputError for the first name in `given` that is not in `known`."""
    for name in given:
        if name not in known:
            close = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {close[0]}?" if close else ""
            raise InputError(
                f"There is no {noun} {name!r}.{hint} Known: {', '.join(known)}."
            )
