"""The parts of the series and their concepts: what each page says of itself in its front matter, written there and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from pipeline.problem import Problem, UnknownName
from pipeline.run.outputs import Figure, Outputs
from pipeline.write.bibliography import FILE, Reference
from pipeline.write.front_matter import FrontMatter
from pipeline.write.verdicts import Verdict

# What a concept's page has to say of itself, so that the part page, the front page and the feed can be made of it.
TEXTS = ("title", "description", "one_liner", "analogy")
ENTRIES: Mapping[str, type] = {**dict.fromkeys(TEXTS, str), "today": list, "headline": dict, "reference": str}
HEADLINE = ("figure", "alt", "number", "says")
PART_ENTRIES: Mapping[str, type] = {"part": int, "title": str, "description": str, "abstract": str, "date": date}
KINDS = {str: "text", list: "a list", dict: "names with values", int: "a whole number", date: "a date, as 2026-11-22"}


@dataclass(frozen=True)
class Concept:
    """One concept as its page presents it. ``page`` is the address of its source within ``docs/``."""

    page: str
    meta: Mapping[str, Any]
    generated: Outputs
    references: Mapping[str, Reference]
    verdicts: Sequence[Verdict]

    @property
    def name(self) -> str:
        return str(self.meta.get("name", self.meta["title"]))

    @property
    def figure(self) -> Figure:
        return self.generated.figure(self.meta["headline"]["figure"])

    @property
    def reference(self) -> Reference:
        return self.references[self.meta["reference"]]

    @property
    def holding(self) -> int:
        return sum(verdict.holds for verdict in self.verdicts)

    @property
    def seconds(self) -> float:
        return float(self.generated.record["seconds"])

    @property
    def built(self) -> str:
        return str(self.generated.record["when"])[:10]


@dataclass(frozen=True)
class Part:
    """One part of the series: the page ``29/index.md`` and the concepts beside it."""

    page: str
    meta: Mapping[str, Any]
    concepts: Sequence[Concept]

    @property
    def abstract(self) -> str:
        return " ".join(self.meta["abstract"].split())


def check(
    front: FrontMatter, meta: Mapping[str, Any], outputs: Outputs, known: Mapping[str, Reference], is_part: bool
) -> Iterator[Problem]:
    """What the page of a concept or of a part does not say of itself, or says of something that is not there."""
    if is_part:
        yield from _missing(front, meta, PART_ENTRIES, "The page of a part")
    if not outputs.record:
        return
    yield from _missing(front, meta, ENTRIES, "A concept's page")
    headline, line = meta.get("headline"), front.line("headline")
    if isinstance(headline, dict):
        for entry in HEADLINE:
            if not str(headline.get(entry) or "").strip():
                yield Problem(f"`headline` has no `{entry}`.", line=line, todo=f"It has {', '.join(HEADLINE)}.")
        if headline.get("figure"):
            try:
                outputs.figure(str(headline["figure"]))
            except Problem as problem:
                yield problem.at(line=line)
    if isinstance(meta.get("reference"), str) and meta["reference"] not in known:
        yield UnknownName("entry", meta["reference"], known, FILE).at(line=front.line("reference"))


def _missing(front: FrontMatter, meta: Mapping[str, Any], needed: Mapping[str, type], who: str) -> Iterator[Problem]:
    for entry, kind in needed.items():
        if entry not in meta:
            what, todo = f"{who} needs `{entry}:` in its front matter.", f"It needs: {', '.join(needed)}."
            yield Problem(what, line=1, todo=todo)
        elif not isinstance(meta[entry], kind) or isinstance(meta[entry], datetime) or not meta[entry]:
            what = f"`{entry}` is not what it should be, {KINDS[kind]}."
            yield Problem(what, line=front.line(entry), todo="See contributing.")
