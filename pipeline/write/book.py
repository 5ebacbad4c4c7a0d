"""All pages of a build, written together: what is wrong with any of them is found in one pass."""

from __future__ import annotations

import contextlib
from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.problem import Problem
from pipeline.write import body, glossary, macros, template
from pipeline.write.page import Page
from pipeline.write.parts import Concept, Part
from pipeline.write.shared import Shared
from pipeline.write.sources import Source


@dataclass(frozen=True)
class Written:
    """A page as plain Markdown, front matter included, and what is wrong with it.

    With ``problems`` it cannot be published, and ``markdown`` has gaps; with ``failing`` claims it can be read, and has to say so.
    """

    markdown: str
    problems: Sequence[Problem]
    failing: Sequence[Problem]


class Book:
    """The pages of one build. ``sources`` are in the order of the navigation, those that are not in it last.

    From the book ``before``, pages are taken that are the same, where all that pages have in common is the same too.
    """

    def __init__(self, root: Path, sources: Sequence[Source], repository: str = "", before: Book | None = None) -> None:
        self.common = (repository, tuple(_in_common(root, sources)))
        same = before if before and before.common == self.common else None
        self.shared: Shared = (
            same.shared if same else Shared(root, template.environment(root, macros.FILTERS), repository)
        )
        self.written: dict[str, Written] = {}
        self.pages: dict[str, Page] = {}
        for source in sources:
            if same and source.uri in same.written and same.pages[source.uri].source == source:
                self.pages[source.uri], self.written[source.uri] = same.pages[source.uri], same.written[source.uri]
            else:
                self.pages[source.uri] = Page(self.shared, source)
        self._share()

    @property
    def problems(self) -> list[Problem]:
        """All that is wrong, with no single page or with any that is written."""
        of_pages = (problem for page in self.written.values() for problem in (*page.problems, *page.failing))
        return [*self.shared.problems, *of_pages]

    def write(self) -> dict[str, Written]:
        """Every page, by the address of its source."""
        for uri, page in self.pages.items():
            if uri not in self.written:
                self.written[uri] = Written(body.markdown(page), page.problems, page.failing)
        return self.written

    def _share(self) -> None:
        """Tell all pages what they say together."""
        parts = [self._part(page) for page in self.pages.values() if page.is_part]
        self.shared.parts = sorted(parts, key=lambda part: int(part.meta["part"]), reverse=True)
        self.shared.incomplete = bool(self.shared.problems) or not all(page.sound for page in self.pages.values())
        if (page := self.pages.get(glossary.URI)) and page.sound:
            self.shared.glossary = glossary.read(page.source.text)

    def _part(self, part: Page) -> Part:
        here = [page for page in self.pages.values() if page.source.part == part.source.part and page.is_concept]
        known = self.shared.bibliography
        concepts = [Concept(page.source.uri, page.meta, page.outputs, known, page.verdicts) for page in here]
        return Part(part.source.uri, part.meta, concepts)


def _in_common(root: Path, sources: Sequence[Source]) -> Iterator[Hashable]:
    """All that a page can depend on beside its own text."""
    docs = root / "docs"
    for path in sorted((*docs.glob("generated/*/*/run.json"), *docs.glob("templates/**/*"), *docs.glob("*.bib"))):
        yield path, path.stat().st_mtime_ns
    for source in sources:
        # What a page says of itself, others show; and the glossary is read for all.
        whole = source.uri == glossary.URI
        with contextlib.suppress(Problem):  # of one that is not UTF-8 nothing is known
            yield source.uri, source.text if whole else source.split[0]
