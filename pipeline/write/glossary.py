"""The terms of ``docs/glossary.md``, each under all of its forms."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from markdown.extensions.toc import slugify

FILE = "glossary.md"  # within docs/
# A term is a heading; its definition follows; other forms of it may stand in a line `Also: this, that`, which no one sees.
ENTRY = re.compile(
    r"^## (?P<term>[^\n]+)\n+(?P<definition>.+?)(?:\n+<!-- also: (?P<also>.+?) -->)?\s*(?=^## |\Z)", re.M | re.S
)


class Term(NamedTuple):
    anchor: str
    definition: str


def read(path: Path) -> tuple[dict[str, Term], re.Pattern[str]] | None:
    return _read(path, path.stat().st_mtime_ns)


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
    return terms, re.compile(rf"\b(({'|'.join(longest_first)})(?:e?s)?)\b", re.IGNORECASE)
