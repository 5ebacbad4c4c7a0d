"""What came out of the runs, as pages read it: the files in ``docs/generated/``."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pipeline.problem import Problem, UnknownName
from pipeline.run import motion
from pipeline.run.figures import size
from pipeline.run.snippet import digest

SCHEMES = ("light", "dark")
RECORD = "run.json"


@dataclass(frozen=True)
class Figure:
    """One figure in both colour schemes, with its size in CSS pixels."""

    light: Path
    dark: Path
    width: int
    height: int


@dataclass(frozen=True)
class Animation(Figure):
    """The last frame of a figure that moves, and the file in which it does (the one for light pages)."""

    moving: Path
    seconds: float


class Outputs:
    """The folder of one concept. Asking for a name that is not there raises ``UnknownName``."""

    def __init__(self, root: Path, concept: str) -> None:
        self.concept = concept
        self.folder = root / "docs" / "generated" / concept

    @cached_property
    def record(self) -> dict[str, Any]:
        """``run.json``: the key, seconds, memory, and the digest of each file and of itself. Empty if damaged."""
        try:
            record: dict[str, Any] = json.loads((self.folder / RECORD).read_bytes())
            return record if record.pop("digest") == digest(as_json(record)) else {}
        except (OSError, ValueError, TypeError, AttributeError, KeyError):
            return {}

    @cached_property
    def results(self) -> dict[str, Any]:
        results: dict[str, Any] = json.loads((self.folder / "results.json").read_text(encoding="utf-8"))
        return results

    def stale(self, key: dict[str, str]) -> str:
        """Why a run with this key has to happen; empty if its outputs are all here and whole."""
        if not self.record:
            return "never run" if not (self.folder / RECORD).exists() else f"{RECORD} is damaged"
        then = self.record["key"]
        changed = [
            f"{name} {then.get(name, '(none)')} -> {now}" if len(now) < 16 else f"{name} changed"
            for name, now in key.items()
            if then.get(name) != now
        ]
        if changed:
            return ", ".join(changed)
        for name, kept in self.record["files"].items():
            try:
                content = (self.folder / name).read_bytes()
            except OSError:
                return f"{name} is missing"
            if digest(content) != kept:
                return f"{name} is damaged"
        return ""

    def cell(self, name: str) -> Path:
        return self._named("cell", "cells/{}.py", name)

    def output(self, cell: str) -> Path:
        return self._named("output", "cells/{}.txt", cell)

    def figure(self, name: str) -> Figure:
        """A figure that does not move."""
        light = self._named("figure", "{}.light.svg", name)
        svg = light.read_text(encoding="utf-8")
        if motion.seconds(svg):
            raise Problem(f"The figure {name!r} moves.", todo="Write watch(…) for figure(…): it waits for the reader.")
        return Figure(light, light.with_name(f"{name}.dark.svg"), *size(svg))

    def animation(self, name: str) -> Animation:
        light = self._named("animation", "{}.still.light.svg", name)
        moving = light.with_name(f"{name}.light.svg")
        svg = moving.read_text(encoding="utf-8")
        return Animation(light, light.with_name(f"{name}.still.dark.svg"), *size(svg), moving, motion.seconds(svg))

    def result(self, name: str) -> Any:
        if name not in self.results:
            raise UnknownName("result", name, self.results, self.concept)
        return self.results[name]

    def _named(self, kind: str, file: str, name: str) -> Path:
        path = self.folder / file.format(name)
        if not path.is_file():
            known = {path.name.partition(".")[0] for path in self.folder.glob(file.format("*"))}
            raise UnknownName(kind, name, known, self.concept)
        return path


def as_json(value: Any) -> bytes:
    return json.dumps(value, indent=1).encode()
