"""What a page says of itself in its front matter, and what is wrong with the page."""

from __future__ import annotations

import re
from functools import partial
from typing import Any

from pipeline.problem import Problem, UnknownName
from pipeline.write import bibliography, citations, claims, parts, verdicts
from pipeline.write.front_matter import FrontMatter, value
from pipeline.write.shared import Shared
from pipeline.write.sources import Source
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
        self.made_of_others = self.readable = False
        self.outputs = shared.outputs_of(source.concept)
        self.is_concept = self.is_part = False  # and says of itself all that others say of it
        try:
            self._read(FrontMatter(source.split[0]))
            self.readable = True
        except Problem as problem:
            self.note(problem)
        self.sound = not self.problems  # in what it says of itself

    def note(self, problem: Problem) -> None:
        """Remember what is wrong, once, and not what comes of the faults of others: of pages that this one is made of, or
        of a bibliography that cannot be read."""
        of_others = self.made_of_others and self.shared.incomplete
        of_bibliography = self.shared.unreadable and bibliography.FILE in problem.what
        problem = problem.at(self.source.file)
        if not of_others and not of_bibliography and str(problem) not in map(str, self.problems):
            self.problems.append(problem)

    @property
    def failing(self) -> list[Problem]:
        wrong = [verdict.problem(self.outputs.results) for verdict in self.verdicts if not verdict.holds]
        return [problem.at(self.source.file) for problem in wrong]

    def _read(self, front: FrontMatter) -> None:
        for name, entry in front.items():
            try:
                self.meta[name] = value(entry.node) if name == "claims" else value(entry.node, self._rendered)
            except Problem as problem:
                self.note(problem)
        try:
            self._judge(claims.read(front))
        except Problem as problem:
            self.note(problem)
        known = self.shared.bibliography
        for key, line in citations.cited(self.source.text):
            if key not in known:
                self.note(UnknownName("entry", key, known, bibliography.FILE).at(line=line))
        is_part = not self.outputs.record and bool(re.fullmatch(r"\d+/index\.\w+", self.source.uri))
        faults = list(parts.check(front, self.meta, self.outputs, known, is_part))
        for fault in faults:
            self.note(fault)
        self.is_part = is_part and not faults
        self.is_concept = bool(self.outputs.record) and not faults

    def _rendered(self, text: str, line: int) -> str:
        if "{{" not in text and "{%" not in text:
            return text
        # The lines of a folded text are not those of the file: what is wrong is looked for below its entry.
        template = Template(self.shared.environment, text, self.source.file, line)
        return template.render(self.shared.numbers(self.source.part), partial(self._note_below, line))

    def _note_below(self, line: int, problem: Problem) -> None:
        name = getattr(problem, "name", "")
        problem.line = self.source.line_with(name, line)
        self.note(problem)

    def _judge(self, stated: list[claims.Claim]) -> None:
        if stated and not self.outputs.record:
            what = f"A claim needs a run, and snippets/{self.outputs.concept}.py has none."
            raise Problem(what, line=stated[0].line, todo="Write that snippet.")
        for claim in stated:
            try:
                self.verdicts.append(verdicts.judge(claim, self.outputs.results, self.outputs.concept))
            except Problem as problem:
                self.note(problem.at(line=claim.line))
