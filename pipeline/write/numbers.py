"""How a measured number reads in a sentence."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.problem import Problem, UnknownName
from pipeline.run.outputs import Outputs

Statistics = dict[str, Callable[..., float]]
STATISTICS: Statistics = {"min": min, "max": max, "median": statistics.median, "mean": statistics.fmean}
SUPERSCRIPT = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


class Series(list[float | None]):
    """One value per seed. It reads as median and range: ``21.4 (18.2–25.3)``.

    ``None`` is the value of a seed on which the event did not happen: ``21.4 (18.2–25.3), on 3 of 5 seeds``. No statistic
    is taken of such a series, only of those seeds on which it ``happened``.
    """

    @property
    def happened(self) -> Series:
        """Without the seeds on which it did not happen."""
        return Series(value for value in self if value is not None)

    def __mul__(self, other: object) -> Any:
        return NotImplemented  # a list would be repeated

    __rmul__ = __imul__ = __mul__

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Jinja and copy look for, not a statistic
            raise AttributeError(name)
        if name not in STATISTICS:
            raise UnknownName("statistic", name, (*STATISTICS, "happened"), "A series")
        return STATISTICS[name](self._all())

    def _all(self) -> list[float]:
        values = [value for value in self if value is not None]
        if not values or len(values) < len(self):
            raise Problem(
                f"It happened on {len(values)} of {len(self)} seeds: there is no number for the others.",
                todo="Speak of those on which it happened, as in `x.happened.median`, and say how many they are.",
            )
        return values

    def __format__(self, spec: str) -> str:
        if None in self:
            of = f"{len(self.happened)} of {len(self)} seeds"
            return f"{self.happened:{spec}}, on {of}" if self.happened else f"on none of {len(self)} seeds"
        middle, low, high = (show(value, spec or self._decimals()) for value in (self.median, self.min, self.max))
        if low == high:
            return middle
        return f"{middle} ({low} to {high})" if low.startswith("−") else f"{middle} ({low}–{high})"

    def __str__(self) -> str:
        return format(self, "")

    def _decimals(self) -> str:
        """The same number of decimals for median and range: three significant digits of the largest."""
        values = self._all()
        largest = max(map(abs, values))
        if all(float(value).is_integer() for value in values) or not 1e-3 <= largest < 1e3:
            return ""
        return f".{2 - math.floor(math.log10(largest))}f"


def show(value: Any, spec: str = "") -> str:
    """A number to three significant digits, or as ``spec`` (Python's format language) says; a list by seed."""
    value = as_series(value)
    if isinstance(value, list):
        return format(value, spec) if isinstance(value, Series) else ", ".join(show(item, spec) for item in value)
    if spec:
        text = format(value, spec)
    elif isinstance(value, int) or (float(value).is_integer() and abs(value) < 1e15):
        text = f"{int(value):,}"
    elif 1e-3 <= abs(value) < 1e3:
        text = f"{value:#.3g}".rstrip(".")
    elif abs(value) >= 1e3:
        text = f"{value:,.0f}"
    else:
        digits, _, exponent = f"{value:.1e}".partition("e")
        text = f"{digits} × 10{str(int(exponent)).translate(SUPERSCRIPT)}"
    return text.replace("-", "−")


class Numbers:
    """The results of one concept, for ``{{ grokking.delay }}``: a list of numbers becomes a ``Series``."""

    def __init__(self, generated: Outputs) -> None:
        self._generated = generated

    def __str__(self) -> str:
        what = f"{self._generated.concept} is a concept, and no number."
        raise Problem(what, todo=f"Name one of its results: {', '.join(self._generated.results)}.")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # what Jinja and copy look for, not a result
            raise AttributeError(name)
        return as_series(self._generated.result(name))


def as_series(value: Any) -> Any:
    """A list of numbers as a ``Series``; any other value as it is."""
    flat = isinstance(value, list) and all(item is None or isinstance(item, int | float) for item in value)
    return Series(value) if flat else value


def one_seed(results: Mapping[str, Any], position: int) -> dict[str, Any]:
    """The same results as if only the seed at ``position`` had been run."""
    count = len(results["seeds"])
    return {
        name: [value[position]] if isinstance(value, list) and len(value) == count else value
        for name, value in results.items()
    }


def duration(seconds: float) -> str:
    """How long something ran, as it is shown."""
    if seconds < 0.1:
        return "under 0.1 s"
    return f"{seconds:.0f} s" if seconds >= 9.95 else f"{seconds:.1f} s"
