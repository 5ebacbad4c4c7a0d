"""The bibliography: ``docs/references.bib`` is its only source. Pages cite as Pandoc does, ``[@power2022, Figure 1]``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pipeline.finish.search import EXCLUDED
from pipeline.problem import Problem, UnknownName

FILE = "docs/references.bib"
PLACE = "<!-- references -->"  # where `{{ references() }}` stands until all that a page cites is known
KEY = r"[a-z]+\d{4}[a-z]?"
# Code is stepped over; then `[@a2020; @b2021, Figure 1]`; then a bare `@a2020` in a sentence.
CITATION = re.compile(
    rf"(?P<code>^[ \t]*(?P<fence>`{{3,}}).*?^[ \t]*(?P=fence)|`[^`\n]+`)"
    rf"|\[(?P<group>@{KEY}[^\]]*)\]"
    rf"|(?<![\w@.])@(?P<bare>{KEY})\b",
    re.DOTALL | re.MULTILINE,
)
ONE = re.compile(rf"\s*@(?P<key>{KEY})\b(?:,\s*(?P<where>.*))?\s*", re.DOTALL)
DOI = re.compile(r"10\.\d{4,9}/[-._;()/:a-zA-Z0-9]+")  # Crossref's own recommendation
ARXIV = re.compile(r"(?P<year>\d{2})(0[1-9]|1[0-2])\.\d{4,5}")
# How much of a source we have seen ourselves, and how the list of references says so.
SEEN = {
    "paper": "",
    "abstract": "Abstract read.",
    "record": "Only its record seen.",
    "no": "Not verified.",
}


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
    path = root / FILE
    return _read(path, path.stat().st_mtime_ns) if path.is_file() else {}


@lru_cache(maxsize=4)
def _read(path: Path, _written: int) -> dict[str, Reference]:
    from pybtex.database import parse_string
    from pybtex.exceptions import PybtexError

    text = path.read_text(encoding="utf-8")
    try:
        entries = parse_string(text, "bibtex").entries
    except PybtexError as error:
        line = getattr(error, "lineno", None)
        raise Problem(f"The bibliography cannot be read: {error}.", FILE, line, "Mend this entry.") from None
    found = {}
    for key, entry in entries.items():
        people = [person for person in entry.persons.get("author", []) if str(person) != "others"]

        def field(*names: str, of: dict[str, str] = entry.fields) -> str:
            return next((re.sub(r"[{}]", "", of[name]) for name in names if name in of), "")

        journal = field("journal", "booktitle", "howpublished")
        volume = field("volume") + (f"({field('number')})" if field("number") else "")
        pages = field("pages").replace("--", "–")
        found[key] = Reference(
            key=key,
            line=text[: text.index(f"{{{key},")].count("\n") + 1,
            authors=tuple(" ".join([*p.first_names, *p.middle_names, *_family(p)]) for p in people),
            surnames=tuple(" ".join(_family(p)) for p in people),
            more_authors=len(people) < len(entry.persons.get("author", [])),
            title=field("title"),
            year=field("year"),
            venue=", ".join(filter(None, (f"{journal} {volume}".strip(), pages))),
            doi=field("doi"),
            arxiv=field("eprint"),
            url=field("url"),
            verified=field("verified"),
        )
    return found


def _family(person: object) -> list[str]:
    names = [getattr(person, part) for part in ("prelast_names", "last_names", "lineage_names")]
    return [re.sub(r"[{}]", "", word) for words in names for word in words]


def cited(text: str) -> Iterator[tuple[str, int]]:
    """The key of each citation in a text, and the line on which it stands."""
    for match in CITATION.finditer(text):
        if match["code"] is None:
            for one in (match["group"] or f"@{match['bare']}").split(";"):
                yield _parse(one)[0], text.count("\n", 0, match.start()) + 1


def _parse(one: str) -> tuple[str, str]:
    """Key and place, from ``@power2022, Figure 1``. A text that is no citation is its own, unknown, key."""
    match = ONE.fullmatch(one)
    return (match["key"], match["where"] or "") if match else (one.strip(), "")


def check(root: Path, text: str) -> Iterator[tuple[int, Problem]]:
    """The citations of a text that have no entry, with their lines."""
    known = read(root)
    for key, line in cited(text):
        if key not in known:
            yield line, UnknownName("entry", key, known, FILE)


class Citations:
    """The citations of one page, in the order in which they come."""

    def __init__(self, references: dict[str, Reference], first: str = "") -> None:
        self.references, self.first = references, first
        self.times: dict[str, int] = {}

    def resolve(self, markdown: str) -> str:
        """The page with every citation a link to its entry, and the list of entries, with links back, in its place."""
        text = CITATION.sub(self._replace, markdown)
        return text.replace(PLACE, "\n".join(self._listing()))

    def _replace(self, match: re.Match[str]) -> str:
        if match["code"] is not None:
            return match[0]
        if match["bare"]:
            reference = self.references[match["bare"]]
            return self._link(reference, f"{reference.short} ({reference.year})")
        parts = []
        for one in match["group"].split(";"):
            key, where = _parse(one)
            reference = self.references[key]
            parts.append(self._link(reference, f"{reference.short} {reference.year}") + (f", {where}" if where else ""))
        return f"({'; '.join(parts)})"

    def _link(self, reference: Reference, text: str) -> str:
        self.times[reference.key] = time = self.times.get(reference.key, 0) + 1
        return f"[{text}](#ref-{reference.key}){{ #cite-{reference.key}-{time} }}"

    def _listing(self) -> Iterator[str]:
        """The concept's own paper first, the others by name."""
        found = (self.references[key] for key in self.times)
        for it in sorted(found, key=lambda r: (r.key != self.first, r.surnames, r.year)):
            authors = ", ".join(it.authors) + (" and others" if it.more_authors else "")
            venue = f"{it.venue}, {it.year}" if it.venue else it.year
            links = " · ".join(f"[{label}]({address})" for label, address in it.links)
            back = " ".join(
                f'[↑{time}](#cite-{it.key}-{time} "Where it is cited")' for time in range(1, self.times[it.key] + 1)
            )
            seen = f" <small>{SEEN[it.verified]}</small>" if SEEN[it.verified] else ""
            yield f'- <span id="ref-{it.key}"></span>{authors}: *{it.title}*. {venue}. {links}.{seen} <span {EXCLUDED}>{back}</span>'


def never_cited(root: Path, texts: Iterable[str]) -> list[str]:
    """The keys of entries that no text cites."""
    used = {key for text in texts for key, _ in cited(text)}
    return [key for key in read(root) if key not in used]
