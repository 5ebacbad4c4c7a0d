"""Links the first use of each term on a page to ``docs/glossary.md``, with the definition as its tooltip."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from xml.etree.ElementTree import Element

from markdown.extensions import Extension
from markdown.extensions.toc import slugify
from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

if TYPE_CHECKING:
    from markdown import Markdown

FILE = "glossary.md"  # within docs/
# A term is a heading; its definition follows; other forms of it may stand in a line `Also: this, that`, which no one sees.
ENTRY = re.compile(
    r"^## (?P<term>[^\n]+)\n+(?P<definition>.+?)(?:\n+<!-- also: (?P<also>.+?) -->)?\s*(?=^## |\Z)", re.M | re.S
)
NOT_IN = {
    "a",
    "abbr",
    "button",
    "code",
    "figcaption",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "kbd",
    "math",
    "pre",
    "summary",
    "th",
}


class Term(NamedTuple):
    anchor: str
    definition: str


@lru_cache(maxsize=4)
def _read(path: Path, _written: int) -> tuple[dict[str, Term], re.Pattern[str]] | None:
    """Each term under each of its forms, in lower case, and what finds them all."""
    terms = {}
    for entry in ENTRY.finditer(path.read_text(encoding="utf-8")):
        term = Term(slugify(entry["term"], "-"), " ".join(re.sub(r"[*`]", "", entry["definition"]).split()))
        for form in (entry["term"], *(entry["also"] or "").split(",")):
            if form.strip():
                terms[form.strip().lower()] = term
    if not terms:
        return None
    longest_first = sorted(map(re.escape, terms), key=len, reverse=True)
    return terms, re.compile(rf"\b({'|'.join(longest_first)})(?:e?s)?\b", re.IGNORECASE)


class Glossary(Extension):
    """``source`` is the page that is being rendered: the glossary does not link to itself."""

    def __init__(self, docs: Path) -> None:
        super().__init__()
        self.docs = docs
        self.source = ""

    def extendMarkdown(self, md: Markdown) -> None:
        md.treeprocessors.register(_FirstUses(self), "glossary", 6)  # after inline and attr_list, before links


class _FirstUses(Treeprocessor):
    def __init__(self, glossary: Glossary) -> None:
        super().__init__()
        self.glossary = glossary
        self.seen: set[str] = set()

    def run(self, root: Element) -> None:
        path = self.glossary.docs / FILE
        if self.glossary.source == FILE or not path.is_file() or not (read := _read(path, path.stat().st_mtime_ns)):
            return
        self.terms, self.pattern = read
        self.seen.clear()
        self._walk(root)

    def _walk(self, element: Element) -> None:
        """Down the page in the order in which it is read."""
        if element.tag in NOT_IN or {"status", "grid"} & set(element.get("class", "").split()):
            return
        children = list(element)
        if element.text and not isinstance(element.text, AtomicString):
            element.text, links = self._link(element.text)
            element[:0] = links
        for child in children:
            self._walk(child)
            if child.tail and not isinstance(child.tail, AtomicString):
                child.tail, links = self._link(child.tail)
                after = list(element).index(child) + 1
                element[after:after] = links

    def _link(self, text: str) -> tuple[str, list[Element]]:
        """The text before the first term that is new, and a link for each new one with the text that follows it."""
        before, links, start = text, list[Element](), 0
        for match in self.pattern.finditer(text):
            term = self.terms[match[1].lower()]
            if term.anchor in self.seen:
                continue
            self.seen.add(term.anchor)
            link = Element("a", {"class": "term", "href": f"/{FILE}#{term.anchor}", "title": term.definition})
            link.text = AtomicString(match[0])
            if links:
                links[-1].tail = text[start : match.start()]
            else:
                before = text[: match.start()]
            links.append(link)
            start = match.end()
        if links:
            links[-1].tail = text[start:]
        return before, links
