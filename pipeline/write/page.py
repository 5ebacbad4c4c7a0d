"""What a page says of itself in its front matter, and what is wrong with the page."""

from __future__ import annotations

import re
from typing import Any

from pipeline.problem import Problem, UnknownName
from pipeline.write import bibliography, citations, claims, parts, verdicts
from pipeline.write.shared import Shared
from pipeline.write.sources import FrontMatter, Source
from pipeline.write.template import Template


class Page:
    """One page of a build. All that is wrong with it stands in ``problems``; ``failing`` are the claims that do not hold.

    A page that is ``made_of_others`` can fail for what is wrong with those.
    """

    def __init__(self, shared: Shared, source: Source) -> None:
        self.shared, self.source = shared, source
        self.problems: list[Problem] = []
        self.meta: dict[str, Any] = {}
        self.verdicts: list[verdicts.Verdict] = []
        self.made_of_others = False
        self.outputs = shared.outputs_of(source.concept)
        self.judged = True  # whether its claims could be read
        self.is_concept = self.is_part = False  # and says of itself all that others say of it
        self.front: FrontMatter | None = None
        try:
            self.front = FrontMatter(source.file, source.split[0])
        except Problem as problem:
            self.note(problem)
        else:
            self._read(self.front)
        self.sound = not self.problems  # in what it says of itself

    def note(self, problem: Problem) -> None:
        """Remember what is wrong, once; but of a page that is made of others not what comes of their faults."""
        if not (self.made_of_others and self.shared.incomplete) and str(problem) not in map(str, self.problems):
            self.problems.append(problem)

    @property
    def failing(self) -> list[Problem]:
        return [verdict.problem(self.outputs.results) for verdict in self.verdicts if not verdict.holds]

    def _read(self, front: FrontMatter) -> None:
        numbers = self.shared.numbers(self.source.part)

        def render(text: str, line: int) -> str:
            if "{{" not in text and "{%" not in text:
                return text
            # The lines of a folded text are not those of the file: what is wrong is looked for below its entry.
            return Template(self.shared.environment, text, self.source.file, line).render(numbers, self._below(line))

        for entry, node in front.nodes.items():
            try:
                self.meta[entry] = front.value(node) if entry == "claims" else front.value(node, render)
            except Problem as error:
                self.note(error)
        self._judge(front)
        known = self.shared.bibliography
        for key, line in citations.cited(self.source.text):
            if key not in known:
                self.note(UnknownName("entry", key, known, bibliography.FILE).at(self.source.file, line))
        if self.outputs.record:
            wrong = list(parts.check(front, self.meta, self.outputs, known))
            self.is_concept = not wrong
        else:
            is_part = bool(re.fullmatch(r"\d+/index\.\w+", self.source.uri))
            wrong = list(parts.check_part(front, self.meta)) if is_part else []
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

    def _judge(self, front: FrontMatter) -> None:
        try:
            stated = claims.read(front)
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
