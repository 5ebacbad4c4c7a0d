"""The terms of ``docs/glossary.md`` that a page uses, as reference definitions at its end: the markup links first uses by them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from markdown.extensions.toc import slugify

from pipeline.write.prose import CODE

URI = "glossary.md"
# A term is a heading; its definition follows; other forms of it may stand in a line `also: this, that`, which no one sees.
ENTRY = re.compile(
    r"^## (?P<term>[^\n]+)\n+(?P<definition>.+?)(?:\n+<!-- also: (?P<also>.+?) -->)?\s*(?=^## |\Z)", re.M | re.S
)


class Term(NamedTuple):
    anchor: str
    definition: str


def read(text: str) -> dict[str, Term]:
    """Each term of the glossary under each of its forms, in lower case."""
    terms = {}
    for entry in ENTRY.finditer(text):
        definition = " ".join(re.sub(r"[*`]", "", entry["definition"]).split()).replace('"', "'")
        for form in (entry["term"], *(entry["also"] or "").split(",")):
            if form.strip():
                terms[form.strip().lower()] = Term(slugify(entry["term"], "-"), definition)
    return terms


def definitions(terms: Mapping[str, Term], markdown: str, address: str) -> list[str]:
    """A reference definition for each form of a term that occurs; ``address`` is that of the glossary from the page."""
    if not terms:
        return []
    longest_first = sorted(map(re.escape, terms), key=len, reverse=True)
    forms = re.compile(rf"\b({'|'.join(longest_first)})(?:e?s)?\b", re.IGNORECASE)
    used = {match[0].lower(): terms[match[1].lower()] for match in forms.finditer(CODE.sub(" ", markdown))}
    return [f'[{form}]: {address}#{term.anchor} "{term.definition}"' for form, term in sorted(used.items())]
