"""All pages of a build, written together: what is wrong with any of them is found in one pass."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

from pipeline.problem import Problem, UnknownName
from pipeline.run.outputs import Outputs
from pipeline.write import bibliography, glossary, macros, template
from pipeline.write.numbers import Numbers
from pipeline.write.page import Page
from pipeline.write.parts import Concept, Part
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
        self.root, self.repository = root, repository
        self.common = (repository, tuple(_in_common(root, sources)))
        same = before.pages if before and before.common == self.common else {}
        self.problems: list[Problem] = []  # of the bibliography
        self.readable = True
        self._outputs: dict[str, Outputs] = {}
        self.bibliography = self._read_bibliography()
        self.environment = template.environment(root, macros.FILTERS)
        self.pages: dict[str, Page] = {}
        for source in sources:
            page = same.get(source.uri)
            self.pages[source.uri] = page if page and page.source == source else Page(self, source)

    def _read_bibliography(self) -> Mapping[str, bibliography.Reference]:
        try:
            read = bibliography.read(self.root)
        except Problem as problem:
            self.problems.append(problem)
            self.readable = False
            return {}
        self.problems += [problem for reference in read.values() for problem in reference.problems()]
        return read

    @cached_property
    def glossary(self) -> glossary.Glossary:
        page = self.pages.get(glossary.URI)
        return glossary.Glossary(page.source.text if page and not page.problems else "")

    def write(self) -> dict[str, Written]:
        """Every page, by the address of its source."""
        return {uri: self._written(page) for uri, page in self.pages.items()}

    def _written(self, page: Page) -> Written:
        markdown = page.markdown
        # Of a bibliography that cannot be read nothing is known: what is cited from it is no further problem.
        told = [p for p in page.problems if self.readable or bibliography.FILE not in p.what]
        return Written(markdown, told, page.failing)

    # -- what pages ask for --------------------------------------------------------------------------------------

    def outputs_of(self, concept: str) -> Outputs:
        """What came out of a concept's run; its record is empty if there is none."""
        return self._outputs.setdefault(concept, Outputs(self.root, concept))

    def outputs(self, concept: str) -> Outputs:
        """The same. Raises ``UnknownName`` if there is none."""
        if not self.outputs_of(concept).record:
            raise UnknownName("concept", concept, self._concepts, "This site")
        return self.outputs_of(concept)

    @cached_property
    def _concepts(self) -> list[str]:
        generated = self.root / "docs" / "generated"
        return sorted(folder.relative_to(generated).as_posix() for folder in generated.glob("*/*/"))

    def numbers(self, part: str) -> dict[str, Numbers]:
        """The results of each concept of a part, by the name under which its pages know it."""
        here = (concept for concept in self._concepts if PurePosixPath(concept).parent.as_posix() == part)
        return {PurePosixPath(concept).name: Numbers(self.outputs_of(concept)) for concept in here}

    @property
    def incomplete(self) -> bool:
        """Whether something is wrong with what some page says of itself: others may be made of it."""
        return bool(self.problems) or not all(page.sound for page in self.pages.values())

    @cached_property
    def parts(self) -> list[Part]:
        """The parts of the series, the newest first."""
        found = [uri for uri, page in self.pages.items() if page.is_part]
        return sorted(map(self._part, found), key=lambda part: part.number, reverse=True)

    def _part(self, uri: str) -> Part:
        here = (page for page in self.pages.values() if page.source.part == self.pages[uri].source.part)
        concepts = [
            Concept(page.source.uri, page.meta, page.outputs, self.bibliography, page.verdicts)
            for page in here
            if page.is_concept
        ]
        return Part(uri, self.pages[uri].meta, concepts)


def _in_common(root: Path, sources: Sequence[Source]) -> Iterator[Hashable]:
    """All that a page can depend on beside its own text."""
    docs = root / "docs"
    for path in sorted((*docs.glob("generated/*/*/run.json"), *docs.glob("templates/*"), *docs.glob("*.bib"))):
        yield path, path.stat().st_mtime_ns
    for source in sources:
        # What a page says of itself, others show; and the glossary is read for all.
        yield source.uri, source.content if source.uri == glossary.URI else source.content.partition(b"\n# ")[0]
