"""The terms of ``docs/glossary.md`` that a page uses, as reference definitions at its end: the markup links first uses by them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from markdown.extensions.toc import slugify

from pipeline.write.prose import CODE

URI = "glossary.md"
# A term is a heading; its definition follows; other forms of it may stand in a line `also: this, that`, which no one sees.
ENTRY = re.compile(
    r"^## (?P<term>[^\n]+)\n+(?P<definition>.+?)(?:\n+<!-- also: (?P<also>.+?) -->)?\s*(?=^## |\Z)", re.M | re.S
)


@dataclass(frozen=True)
class Term:
    anchor: str
    definition: str


@dataclass(frozen=True)
class Glossary:
    """Each term under each of its forms, in lower case. ``text`` is the Markdown of the glossary."""

    text: str
    terms: dict[str, Term] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for entry in ENTRY.finditer(self.text):
            definition = " ".join(re.sub(r"[*`]", "", entry["definition"]).split()).replace('"', "'")
            anchor = slugify(entry["term"], "-")
            for form in (entry["term"], *(entry["also"] or "").split(",")):
                if form.strip():
                    self.terms[form.strip().lower()] = Term(anchor, definition)

    def definitions(self, markdown: str, address: str) -> Iterator[str]:
        """A reference definition for each form of a term that occurs; ``address`` is that of the glossary from the page."""
        if self.terms:
            longest_first = sorted(map(re.escape, self.terms), key=len, reverse=True)
            forms = re.compile(rf"\b({'|'.join(longest_first)})(?:e?s)?\b", re.IGNORECASE)
            used = {match[0].lower(): self.terms[match[1].lower()] for match in forms.finditer(CODE.sub(" ", markdown))}
            for form, term in sorted(used.items()):
                yield f'[{form}]: {address}#{term.anchor} "{term.definition}"'
