"""The parts of the series and their concepts: what each page says of itself in its front matter, written there and nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from pipeline.problem import Problem, UnknownName
from pipeline.run.outputs import Figure, Outputs
from pipeline.write import claims
from pipeline.write.references import Reference
from pipeline.write.verdicts import Verdict, judge

# What a concept's page has to say of itself, so that the part page, the front page and the feed can be made of it.
ENTRIES = {
    "title": str,
    "description": str,
    "one_liner": str,
    "analogy": str,
    "today": list,
    "headline": dict,
    "reference": str,
}
HEADLINE = ("figure", "alt", "number", "says")
PART_ENTRIES = {"part": int, "title": str, "description": str, "abstract": str, "date": object}

Render = Callable[[str], str]  # resolves the macros in a line of front matter


@dataclass(frozen=True)
class Concept:
    """One concept as its page presents it. ``page`` is the address of its source within ``docs/``."""

    page: str
    meta: Mapping[str, Any]
    generated: Outputs
    references: Mapping[str, Reference]
    render: Render
    front_matter: str

    @property
    def name(self) -> str:
        return str(self.meta.get("name", self.meta["title"]))

    @property
    def in_full(self) -> str:
        """Its name in a heading, where an abbreviation is written out."""
        return str(self.meta.get("in_full", self.name))

    @property
    def one_liner(self) -> str:
        return str(self.meta["one_liner"])

    @property
    def analogy(self) -> str:
        return str(self.meta["analogy"])

    @property
    def today(self) -> list[str]:
        return [self.render(paragraph) for paragraph in self.meta["today"]]

    @property
    def number(self) -> str:
        return self.render(self.meta["headline"]["number"])

    @property
    def says(self) -> str:
        return self.render(self.meta["headline"]["says"])

    @property
    def alt(self) -> str:
        return self.render(self.meta["headline"]["alt"])

    @property
    def figure(self) -> Figure:
        return self.generated.figure(self.meta["headline"]["figure"])

    @property
    def reference(self) -> Reference:
        return self.references[self.meta["reference"]]

    @property
    def given(self) -> str:
        """The reference as the series gives it, where it errs."""
        return str(self.meta.get("given", ""))

    @cached_property
    def verdicts(self) -> list[Verdict]:
        stated = claims.read(f"docs/{self.page}", self.front_matter)
        return [judge(claim, self.generated.results, self.generated.concept) for claim in stated]

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
    concepts: list[Concept]
    render: Render

    @property
    def number(self) -> int:
        return int(self.meta["part"])

    @property
    def abstract(self) -> str:
        return self.render(" ".join(self.meta["abstract"].split()))


def check(file: str, front_matter: str, generated: Outputs, references: Mapping[str, Reference]) -> Iterator[Problem]:
    """What a concept's page does not say of itself, or says of something that is not there."""
    meta = yaml.safe_load(front_matter) or {}

    def line(entry: str) -> int:
        found = re.search(rf"^{entry}:", front_matter, re.MULTILINE)
        return front_matter[: found.start()].count("\n") + 2 if found else 1

    yield from _missing(file, meta, ENTRIES, "A concept's page", line)
    headline = meta.get("headline")
    if isinstance(headline, dict):
        for entry in HEADLINE:
            if not str(headline.get(entry) or "").strip():
                yield Problem(f"`headline` has no `{entry}`.", file, line("headline"), f"It has {', '.join(HEADLINE)}.")
        if generated.record and headline.get("figure"):
            try:
                generated.figure(headline["figure"])
            except Problem as problem:
                yield problem.at(file, line("headline"))
    if isinstance(meta.get("reference"), str) and meta["reference"] not in references:
        yield UnknownName("entry", meta["reference"], references, "docs/references.bib").at(file, line("reference"))


def check_part(file: str, front_matter: str) -> Iterator[Problem]:
    """What the page of a part does not say of itself."""
    yield from _missing(file, yaml.safe_load(front_matter) or {}, PART_ENTRIES, "The page of a part", lambda _: 1)


def _missing(
    file: str, meta: Mapping[str, Any], entries: Mapping[str, type], who: str, line: Callable[[str], int]
) -> Iterator[Problem]:
    for entry, kind in entries.items():
        if entry not in meta:
            yield Problem(f"{who} needs `{entry}:` in its front matter.", file, 1, f"It needs: {', '.join(entries)}.")
        elif not isinstance(meta[entry], kind) or not meta[entry]:
            yield Problem(f"`{entry}` is not what it should be, {_said(kind)}.", file, line(entry), "See contributing.")


def _said(kind: type) -> str:
    return {str: "a line of text", list: "a list", dict: "names with values", int: "a whole number"}.get(kind, "given")
