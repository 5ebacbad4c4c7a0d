"""One page on its way from its source to plain Markdown."""

from __future__ import annotations

import difflib
import posixpath
import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property, partial, update_wrapper
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

import yaml

from pipeline.problem import Problem, UnknownName
from pipeline.write import bibliography, citations, claims, formulas, glossary, macros, parts, prose, verdicts
from pipeline.write.sources import FrontMatter, Source
from pipeline.write.template import Template

if TYPE_CHECKING:
    from pipeline.write.book import Book

# A fence of Python that has a cell in it, and a line that includes a file. Both keep their number of lines.
FENCED = re.compile(
    r'^(?P<fence>[ \t]*`{3,}python)[ \t]*\n(?=[ \t]*-+8<-+ +"(?P<path>[^"\n]+/cells/[^"\n]+\.py)"[ \t]*$)', re.MULTILINE
)
INCLUDE = re.compile(r"""^(?P<indent>[ \t]*)-+8<-+(?: +(["'])(?P<path>.+?)\2)?[ \t]*(?P<rest>.*)$""", re.MULTILINE)
FROM_ROOT = re.compile(
    r"""(?P<before>\]\(|^[ ]*\[[^\]\n]+\]: |(?:href|src)=")/(?!/)(?P<path>[^)\s#?">]*)""", re.MULTILINE
)
FIGURE = re.compile(r'(?<=id=")(figure-[^"]+)(?=")')


class Page:
    """What a page says of itself is read at once; ``markdown`` writes the rest. All that is wrong stands in ``problems``.

    ``failing`` are the claims that do not hold. A page that is ``made_of_others`` can fail for what is wrong with those.
    """

    def __init__(self, book: Book, source: Source) -> None:
        self.book, self.source = book, source
        self.problems: list[Problem] = []
        self.meta: dict[str, Any] = {}
        self.verdicts: list[verdicts.Verdict] = []
        self.made_of_others = False
        self.outputs = book.outputs_of(source.concept)
        self.judged = True  # whether its claims could be read
        self.is_concept = self.is_part = False  # and says of itself all that others say of it
        try:
            front_matter, self.body, self.first = source.split
            self.front = FrontMatter(source.file, front_matter)
        except Problem as problem:
            self.note(problem)
        else:
            self._read()
        self.sound = not self.problems  # in what it says of itself

    def note(self, problem: Problem) -> None:
        """Remember what is wrong, once."""
        if str(problem) not in map(str, self.problems):
            self.problems.append(problem)

    @property
    def failing(self) -> list[Problem]:
        return [verdict.problem(self.outputs.results) for verdict in self.verdicts if not verdict.holds]

    # -- what it says of itself ----------------------------------------------------------------------------------

    def _read(self) -> None:
        numbers = self.book.numbers(self.source.part)

        def render(text: str, line: int) -> str:
            if "{{" not in text and "{%" not in text:
                return text
            # The lines of a folded text are not those of the file: what is wrong is looked for below its entry.
            return Template(self.book.environment, text, self.source.file, line).render(numbers, self._below(line))

        for entry, node in self.front.nodes.items():
            try:
                self.meta[entry] = self.front.value(node) if entry == "claims" else self.front.value(node, render)
            except Problem as error:
                self.note(error)
        self._judge()
        known = self.book.bibliography
        for key, line in citations.cited(self.source.text):
            if key not in known:
                self.note(UnknownName("entry", key, known, bibliography.FILE).at(self.source.file, line))
        if self.outputs.record:
            wrong = list(parts.check(self.front, self.meta, self.outputs, known))
            self.is_concept = not wrong
        else:
            is_part = bool(re.fullmatch(r"\d+/index\.\w+", self.source.uri))
            wrong = list(parts.check_part(self.front, self.meta)) if is_part else []
            self.is_part = is_part and not wrong
        for problem in wrong:
            self.note(problem)

    def _below(self, line: int) -> Any:
        def note(problem: Problem) -> None:
            name = getattr(problem, "name", "")
            lines = self.source.text.split("\n")
            at = next((n for n in range(line, len(lines) + 1) if name in lines[n - 1]), line) if name else line
            problem.line = at
            self.note(problem)

        return note

    def _judge(self) -> None:
        try:
            stated = claims.read(self.front)
        except Problem as problem:
            self.note(problem)
            self.judged = False
            return
        if stated and not self.outputs.record:
            what = f"A claim needs a run, and snippets/{self.outputs.concept}.py has none."
            self.note(Problem(what, self.source.file, stated[0].line, "Write that snippet."))
            return
        for claim in stated:
            try:
                self.verdicts.append(verdicts.judge(claim, self.outputs.results, self.outputs.concept))
            except Problem as problem:
                self.note(problem)

    # -- the rest ------------------------------------------------------------------------------------------------

    @cached_property
    def markdown(self) -> str:
        """The page as plain Markdown: front matter, text, and the terms that it uses; empty if that cannot be read."""
        if not hasattr(self, "front"):
            return ""
        names: dict[str, Any] = {m.__name__: update_wrapper(partial(m, self), m) for m in macros.MACROS}
        names |= {"page": self, **self.book.numbers(self.source.part)}
        text = FENCED.sub(r'\g<fence>{{ _ran("\g<path>") }}' + "\n", self.body)
        text = INCLUDE.sub(self._include, text)
        text = Template(self.book.environment, text, self.source.file, self.first).render(
            names, self._note_unless_waiting
        )
        text = citations.Citations(self.book.bibliography, str(self.meta.get("reference", ""))).resolve(text)
        text = self._with_lengths(text)
        for _, problem in formulas.check(text):
            self._note_formula(problem)
        seen: Counter[str] = Counter()
        text = prose.outside_code(lambda part: self._with_ids(FROM_ROOT.sub(self._relative, part), seen), text)
        return self._front_matter() + text.rstrip("\n") + "\n" + "".join(self._terms(text))

    def _note_unless_waiting(self, problem: Problem) -> None:
        """Do not tell of a page what comes of another's fault."""
        if not (self.made_of_others and self.book.incomplete):
            self.note(problem)

    def _include(self, line: re.Match[str]) -> str:
        if line["path"] and not line["rest"] and '"' not in line["path"]:
            return f'{line["indent"]}{{{{ _code("{line["path"]}") }}}}'
        at = self.first + line.string.count("\n", 0, line.start())
        self.note(Problem("This include cannot be checked.", self.source.file, at, 'Write one line: --8<-- "path".'))
        return ""

    def _with_lengths(self, text: str) -> str:
        length = prose.measure(text)
        for name, place in macros.LENGTHS.items():
            text = text.replace(place, f"{getattr(length, name):,}")
        return text

    def _note_formula(self, problem: Problem) -> None:
        """The line of a formula is looked for in the source: with its macros resolved it may stand there otherwise."""
        lines = self.source.text.split("\n")
        first = problem.detail.partition("\n")[0]
        line = next((line for line in lines if first in line), None)
        nearest = line or difflib.get_close_matches(first, lines, n=1, cutoff=0)[0]
        self.note(problem.at(self.source.file, lines.index(nearest) + 1))

    def _relative(self, link: re.Match[str]) -> str:
        """A link from the root of the documents, as seen from this page: so it leads there in every engine."""
        path = unquote(link["path"])
        seen = posixpath.relpath(path or ".", self.source.part)
        return link["before"] + quote(seen if not path.endswith("/") else f"{seen}/")

    @staticmethod
    def _with_ids(text: str, seen: Counter[str]) -> str:
        def once(match: re.Match[str]) -> str:
            seen[match[1]] += 1
            return match[1] if seen[match[1]] == 1 else f"{match[1]}-{seen[match[1]]}"

        return FIGURE.sub(once, text)

    def _front_matter(self) -> str:
        """As YAML, with its macros resolved. Without any, an empty line keeps MkDocs from reading the first ones as such."""
        if not self.meta:
            return "\n"
        return f"---\n{yaml.dump(self.meta, Dumper=DUMPER, sort_keys=False, allow_unicode=True, width=10**6)}---\n"

    def _terms(self, text: str) -> Iterator[str]:
        if self.source.uri != glossary.URI:
            address = posixpath.relpath(glossary.URI, self.source.part)
            found = list(self.book.glossary.definitions(text, address))
            yield from (f"{definition}\n" for definition in ("", *found) if found)


DUMPER = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
