"""What differs between two built sites, and which differences are allowed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from fnmatch import fnmatch
from itertools import zip_longest

from tests.engines.content import Site

NOTHING = "(nothing)"
NOTEBOOK = "generated/*/run/"  # the page of a full run


@dataclass(frozen=True)
class Difference:
    page: str
    kind: str
    here: str  # what the default engine says
    there: str  # what the other one says

    def __str__(self) -> str:
        return f"/{self.page}, {self.kind}:\n    MkDocs: {_shown(self.here)}\n    there:  {_shown(self.there)}"


@dataclass(frozen=True)
class Allowed:
    """A difference that is meant. ``fits`` says of the two values whether they are an example of it."""

    why: str
    kind: str
    pages: str = "*"
    fits: Callable[[str, str], bool] = lambda here, there: True

    def covers(self, found: Difference) -> bool:
        return found.kind == self.kind and fnmatch(found.page, self.pages) and self.fits(found.here, found.there)


def _plain_quotes(text: str) -> str:
    return text.translate(str.maketrans("“”‘’", "\"\"''"))


ALLOWED: dict[str, tuple[Allowed, ...]] = {
    "properdocs": (),
    "zensical": (
        Allowed(
            "The front page goes by its name in the navigation, not by that of the site.",
            "search",
            "",
            lambda here, there: (here, there) == (": Five ML Concepts", ": Home"),
        ),
        Allowed(
            "Material 9.8.1 takes the end of an inner div for the end of a block that is not for the search.",
            "search",
            fits=lambda here, there: here == f"{there} What a verdict means, and how strong the evidence is",
        ),
        Allowed(
            "mkdocs-jupyter leaves quotation marks as they are typed.",
            "words",
            NOTEBOOK,
            lambda here, there: here == _plain_quotes(there),
        ),
    ),
}


def compare(here: Site, there: Site) -> Iterator[Difference]:
    """Every difference, page by page: pages, what they hold of each kind, and links that lead nowhere."""
    for page in sorted(here.pages.keys() | there.pages.keys()):
        if page in here.pages and page in there.pages:
            for kind, values in here.content[page].items():
                for one, other in _unequal(values, there.content[page][kind], by_run=kind == "words"):
                    yield Difference(page, kind, one, other)
            for address in there.broken(page):
                yield Difference(page, "links that work", NOTHING, f"{address} is not there")
        else:
            yield Difference(page, "pages", *("a page" if page in site.pages else NOTHING for site in (here, there)))


def judge(found: Sequence[Difference], allowed: Sequence[Allowed]) -> list[str]:
    """What is wrong, as text: the differences that nothing allows, and the allowances that nothing needs."""
    wrong = [str(difference) for difference in found if not any(a.covers(difference) for a in allowed)]
    unneeded = [a for a in allowed if not any(a.covers(difference) for difference in found)]
    return wrong + [f"No difference in {a.kind} needs this allowance any more, so it can go: {a.why}" for a in unneeded]


def _unequal(here: list[str], there: list[str], by_run: bool) -> Iterator[tuple[str, str]]:
    """The values that are not in both, side by side. ``by_run`` keeps what stands together together."""
    for what, a, b, c, d in SequenceMatcher(None, here, there, autojunk=False).get_opcodes():
        if what == "equal":
            continue
        if by_run:
            yield " ".join(here[a:b]) or NOTHING, " ".join(there[c:d]) or NOTHING
        else:
            yield from zip_longest(here[a:b], there[c:d], fillvalue=NOTHING)


def _shown(value: str) -> str:
    return value if len(value) <= 300 else f"{value[:300]} … ({len(value):,} characters)"
