"""Citations: pages cite as Pandoc does, ``[@power2022, Figure 1]`` or ``@power2022``, and list all that they cite."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from pipeline.write.bibliography import SEEN, Reference
from pipeline.write.prose import CODE, outside_code

PLACE = "<!-- references -->"  # where `{{ references() }}` stands until all that a page cites is known
KEY = r"[a-z]+\d{4}[a-z]?"
# `[@a2020; @b2021, Figure 1]`, or a bare `@a2020` in a sentence.
CITATION = re.compile(rf"\[(?P<group>@{KEY}[^\]]*)\]|(?<![\w@.])@(?P<bare>{KEY})\b")
ONE = re.compile(rf"\s*@(?P<key>{KEY})\b(?:,\s*(?P<where>.*))?\s*", re.DOTALL)


def cited(text: str) -> Iterator[tuple[str, int]]:
    """The key of each citation in a text, and the line on which it stands."""
    blank = CODE.sub(lambda code: re.sub(r"[^\n]", " ", code[0]), text)
    for match in CITATION.finditer(blank):
        for one in (match["group"] or f"@{match['bare']}").split(";"):
            yield _parse(one)[0], blank.count("\n", 0, match.start()) + 1


def never_cited(known: Iterable[str], texts: Iterable[str]) -> list[str]:
    """The keys of entries that no text cites."""
    used = {key for text in texts for key, _ in cited(text)}
    return [key for key in known if key not in used]


def _parse(one: str) -> tuple[str, str]:
    """Key and place, from ``@power2022, Figure 1``. A text that is no citation is its own, unknown, key."""
    match = ONE.fullmatch(one)
    return (match["key"], match["where"] or "") if match else (one.strip(), "")


class Citations:
    """The citations of one page, in the order in which they come. ``first`` is the entry that its list begins with."""

    def __init__(self, bibliography: Mapping[str, Reference], first: str = "") -> None:
        self.bibliography, self.first = bibliography, first
        self.times: dict[str, int] = {}

    def resolve(self, markdown: str) -> str:
        """The page with every citation a link to its entry, and the list of entries, with links back, in its place.

        What has no entry stays as it is: ``cited`` tells where it stands.
        """
        text = outside_code(lambda prose: CITATION.sub(self._replace, prose), markdown)
        return text.replace(PLACE, "\n".join(self._listing()))

    def _replace(self, match: re.Match[str]) -> str:
        if match["bare"]:
            reference = self.bibliography.get(match["bare"])
            return self._link(reference, f"{reference.short} ({reference.year})") if reference else match[0]
        parts = []
        for one in match["group"].split(";"):
            key, where = _parse(one)
            if key not in self.bibliography:
                return match[0]
            reference = self.bibliography[key]
            parts.append(self._link(reference, f"{reference.short} {reference.year}") + (f", {where}" if where else ""))
        return f"({'; '.join(parts)})"

    def _link(self, reference: Reference, text: str) -> str:
        self.times[reference.key] = time = self.times.get(reference.key, 0) + 1
        return f"[{text}](#ref-{reference.key}){{ #cite-{reference.key}-{time} }}"

    def _listing(self) -> Iterator[str]:
        """The concept's own paper first, the others by name."""
        found = (self.bibliography[key] for key in self.times)
        for it in sorted(found, key=lambda r: (r.key != self.first, r.surnames, r.year)):
            authors = ", ".join(it.authors) + (" and others" if it.more_authors else "")
            venue = f"{it.venue}, {it.year}" if it.venue else it.year
            links = " · ".join(f"[{label}]({address})" for label, address in it.links)
            back = " ".join(
                f'[↑{time}](#cite-{it.key}-{time} "Where it is cited"){{ .back }}'
                for time in range(1, self.times[it.key] + 1)
            )
            seen = f" <small>{SEEN[it.verified]}</small>" if SEEN.get(it.verified) else ""
            yield f'- <span id="ref-{it.key}"></span>{authors}: *{it.title}*. {venue}. {links}.{seen} {back}'
