"""Citations: pages cite as Pandoc does, ``[@power2022, Figure 1]`` or ``@power2022``, and list all that they cite."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

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


def _parse(one: str) -> tuple[str, str]:
    """Key and place, from ``@power2022, Figure 1``. A text that is no citation is its own, unknown, key."""
    match = ONE.fullmatch(one)
    return (match["key"], match["where"] or "") if match else (one.strip(), "")


def resolve(markdown: str, bibliography: Mapping[str, Reference], first: object = None) -> str:
    """The page with every citation a link to its entry, and the list of entries, with links back, in its place.

    The list begins with the entry ``first``. What has no entry stays as it is: ``cited`` tells where it stands.
    """
    times: Counter[str] = Counter()  # how often each is cited

    def link(key: str, form: str) -> str:
        times[key] += 1
        it = bibliography[key]
        return f"[{form.format(it.short, it.year)}](#ref-{key}){{ #cite-{key}-{times[key]} }}"

    def replace(match: re.Match[str]) -> str:
        if match["bare"]:
            return link(match["bare"], "{} ({})") if match["bare"] in bibliography else match[0]
        parts = [_parse(one) for one in match["group"].split(";")]
        if any(key not in bibliography for key, _ in parts):
            return match[0]
        return f"({'; '.join(link(key, '{} {}') + (where and f', {where}') for key, where in parts)})"

    text = outside_code(lambda prose: CITATION.sub(replace, prose), markdown)
    # The concept's own paper first, the others by name.
    listed = sorted((bibliography[key] for key in times), key=lambda it: (it.key != first, it.surnames, it.year))
    return text.replace(PLACE, "\n".join(_entry(it, times[it.key]) for it in listed))


def _entry(it: Reference, times: int) -> str:
    authors = ", ".join(it.authors) + (" and others" if it.more_authors else "")
    venue = f"{it.venue}, {it.year}" if it.venue else it.year
    links = " · ".join(f"[{label}]({address})" for label, address in it.links)
    seen = f" <small>{SEEN[it.verified]}</small>" if SEEN.get(it.verified) else ""
    cited = (f'[↑{n}](#cite-{it.key}-{n} "Where it is cited"){{ .back }}' for n in range(1, times + 1))
    return f'- <span id="ref-{it.key}"></span>{authors}: *{it.title}*. {venue}. {links}.{seen} {" ".join(cited)}'
