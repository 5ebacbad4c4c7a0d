"""The bibliography: ``docs/references.bib`` is its only source."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pybtex.database import parse_string
from pybtex.exceptions import PybtexError

from pipeline.problem import Problem

FILE = "docs/references.bib"
DOI = re.compile(r"10\.\d{4,9}/[-._;()/:a-zA-Z0-9]+")  # Crossref's own recommendation
ARXIV = re.compile(r"(?P<year>\d{2})(0[1-9]|1[0-2])\.\d{4,5}")
# How much of a source we have seen ourselves, and how the list of references says so.
SEEN = {"paper": "", "abstract": "Abstract read.", "record": "Only its record seen.", "no": "Not verified."}


@dataclass(frozen=True)
class Reference:
    """One entry of the bibliography."""

    key: str
    line: int
    authors: tuple[str, ...]  # "Power, Alethea" is kept as "Alethea Power"
    surnames: tuple[str, ...]
    more_authors: bool
    title: str
    year: str
    venue: str
    doi: str
    arxiv: str
    url: str
    verified: str

    @property
    def short(self) -> str:
        """As a sentence names it, without the year: ``Pan and Cao``, ``Power et al.``"""
        if len(self.surnames) > 2 or self.more_authors:
            return f"{self.surnames[0]} et al."
        return " and ".join(self.surnames)

    @property
    def links(self) -> list[tuple[str, str]]:
        """Label and address of each place where it can be read."""
        given = [
            (f"doi:{self.doi}", f"https://doi.org/{self.doi}", self.doi),
            (f"arXiv:{self.arxiv}", f"https://arxiv.org/abs/{self.arxiv}", self.arxiv),
            (re.sub(r"https?://(www\.)?|/.*", "", self.url), self.url, self.url),
        ]
        return [(label, address) for label, address, there in given if there]

    def problems(self) -> Iterator[Problem]:
        """What is wrong with the entry itself."""
        arxiv = ARXIV.fullmatch(self.arxiv)
        wrong = {
            "has no author": not self.authors,
            "has no title": not self.title,
            "has no year": not re.fullmatch(r"\d{4}", self.year),
            "has no doi, no eprint and no url": not self.links,
            f"has a malformed DOI: {self.doi!r}": self.doi and not DOI.fullmatch(self.doi),
            f"has a malformed arXiv id: {self.arxiv!r}": self.arxiv and not arxiv,
            f"has an arXiv id of a year after its own: {self.arxiv!r}": arxiv and f"20{arxiv['year']}" > self.year,
            f"has verified = {self.verified!r}, which is none of {', '.join(SEEN)}": self.verified not in SEEN,
        }
        for what in (what for what, is_so in wrong.items() if is_so):
            yield Problem(f"The reference {self.key!r} {what}.", FILE, self.line, "Look it up in the paper itself.")


def read(root: Path) -> dict[str, Reference]:
    """Every entry by its key, in the order of the file; nothing if there is no bibliography."""
    if not (root / FILE).is_file():
        return {}
    try:
        text = (root / FILE).read_text(encoding="utf-8")
        entries = parse_string(text, "bibtex").entries
    except UnicodeDecodeError as error:
        raise Problem(f"The bibliography is not UTF-8: {error.reason}.", FILE, todo="Save it as UTF-8.") from None
    except PybtexError as error:
        line = getattr(error, "lineno", None)
        raise Problem(f"The bibliography cannot be read: {error}.", FILE, line, "Mend this entry.") from None
    lines = {key: text[: text.index(f"{{{key},")].count("\n") + 1 for key in entries}
    return {key: _reference(key, lines[key], entry) for key, entry in entries.items()}


def _reference(key: str, line: int, entry: Any) -> Reference:
    people = [person for person in entry.persons.get("author", []) if str(person) != "others"]

    def field(*names: str) -> str:
        return next((re.sub(r"[{}]", "", entry.fields[name]) for name in names if name in entry.fields), "")

    volume = field("volume") + (f"({field('number')})" if field("number") else "")
    journal = f"{field('journal', 'booktitle', 'howpublished')} {volume}".strip()
    return Reference(
        key=key,
        line=line,
        authors=tuple(" ".join([*p.first_names, *p.middle_names, *_family(p)]) for p in people),
        surnames=tuple(" ".join(_family(p)) for p in people),
        more_authors=len(people) < len(entry.persons.get("author", [])),
        title=field("title"),
        year=field("year"),
        venue=", ".join(filter(None, (journal, field("pages").replace("--", "–")))),
        doi=field("doi"),
        arxiv=field("eprint"),
        url=field("url"),
        verified=field("verified"),
    )


def _family(person: object) -> list[str]:
    names = [getattr(person, part) for part in ("prelast_names", "last_names", "lineage_names")]
    return [re.sub(r"[{}]", "", word) for words in names for word in words]
