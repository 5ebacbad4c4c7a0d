"""The site and its pages in plain values, whichever engine renders them, and where everything stands in it.

A *source* is the place of a file within ``docs/``, such as ``29/grokking.md``. An *address* is where it can be read, from
the root of the site and as in a link, percent-encoded: ``29/grokking/``, or ``29/grokking.html`` where pages are files.
Addresses come from the engine, and are never made from a source.
"""

from __future__ import annotations

import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from pipeline.problem import Problem
from pipeline.write.parts import Concept, Part


@dataclass(frozen=True)
class Page:
    """A page, and what its front matter says of it, as plain text: nothing is escaped."""

    source: str
    title: str
    description: str = ""


@dataclass(frozen=True)
class Site:
    """One build. ``root`` is the project, ``output`` the folder that becomes the site, ``url`` where it will stand: whole,
    with a slash at its end, or empty if that is not known. ``addresses`` has every file of ``docs/`` that is published, ``pages`` the pages among them, both by source. ``styles`` are those that notebook pages
    have in common, each once.
    """

    name: str
    description: str
    root: Path
    output: Path
    addresses: Mapping[str, str]
    url: str = ""
    pages: Mapping[str, Page] = field(default_factory=dict)
    parts: Sequence[Part] = ()
    styles: dict[str, None] = field(default_factory=dict)

    @cached_property
    def articles(self) -> dict[str, tuple[Concept, Part]]:
        """Concepts with their parts, by the sources of their pages."""
        return {concept.page: (concept, part) for part in self.parts for concept in part.concepts}

    @cached_property
    def runs(self) -> dict[str, Concept]:
        """Concepts by the sources of their notebook pages."""
        return {_output(concept, "run.ipynb"): concept for concept, _ in self.articles.values()}

    def address(self, source: str) -> str:
        """Where a file of ``docs/`` can be read. Raises ``Problem`` if it is not published."""
        if source not in self.addresses:
            todo = "Is there such a file, and not excluded?"
            raise Problem("This file is no part of the site.", f"docs/{source}", todo=todo)
        return self.addresses[source]

    def is_home(self, page: Page) -> bool:
        return self.address(page.source) in ("", "index.html")

    def markdown(self, page: Page) -> str:
        """The address of a page's Markdown: ``29/sam/index.md``, or ``29/sam.md`` where pages are files."""
        return self._beside(page, "index.md", ".md")

    def preview(self, page: Page) -> str:
        """The address of a page's preview: ``29/sam/preview.png``, or ``29/sam.preview.png``."""
        return self._beside(page, "preview.png", ".preview.png")

    def _beside(self, page: Page, within: str, ending: str) -> str:
        address = self.address(page.source)
        return f"{address.removesuffix('.html')}{ending}" if address.endswith(".html") else f"{address}{within}"

    def output_of(self, concept: Concept, name: str) -> str:
        """The address of a file that came out of a concept's run."""
        return self.address(_output(concept, name))

    def file(self, address: str) -> Path:
        """The file behind an address."""
        path = unquote(address)
        return self.output / (path if path and not path.endswith("/") else f"{path}index.html")

    def write(self, address: str, content: bytes) -> None:
        """Put a file of our own there."""
        file = self.file(address)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def link(self, address: str, seen_from: str = "") -> str:
        """An address for those who read it elsewhere: whole if it can be, else as a link on the page at ``seen_from``."""
        return f"{self.url}{address}" if self.url else relative(address, seen_from)


def relative(address: str, seen_from: str) -> str:
    """``29/grokking/`` on the page ``29/sam/`` is ``../grokking/``."""
    path = posixpath.relpath(address or ".", posixpath.dirname(seen_from) or ".")
    return f"{path}/" if address.endswith("/") else path


def _output(concept: Concept, name: str) -> str:
    return f"generated/{concept.generated.concept}/{name}"
