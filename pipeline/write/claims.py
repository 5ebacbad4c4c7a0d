"""Claims: what a page states in its front matter, and in what form. ``verdicts`` judges them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from pipeline.problem import Problem, UnknownName
from pipeline.write.sources import FrontMatter
from pipeline.write.sources import line_of as _line

REQUIRED = ("says", "measured", "holds", "paper", "evidence")
KEYS = (*REQUIRED, "control", "comparison", "against", "also", "changed", "chosen", "format")
# How strong the evidence of a claim is: one word of each group. The page *How it works* shows this table.
EVIDENCE = {
    "How the measured thing and the claim are linked": {
        "exact": "A closed form says what must come out, and the run agrees with it.",
        "causal": "One thing was changed on purpose, all else was kept, and the claim is about what that did.",
        "correlational": "It was observed; nothing was changed to test what brought it about.",
    },
    "The size of what was measured": {
        "toy": "Made-up data, or images and networks so small that all of it runs in seconds.",
        "realistic": "Data and networks of a size at which people use them.",
    },
    "On how many sets of data": {
        "one data set": "One set of data, drawn or split anew for each seed.",
        "several data sets": "Two or more that have nothing to do with each other.",
    },
}


@dataclass(frozen=True)
class Also:
    """A further result that a claim is judged by: in words, and how its number reads."""

    says: str
    format: str = ""


@dataclass(frozen=True)
class Claim:
    """One claim. ``measured``, ``control``, ``against`` and the names of ``also`` are results; ``holds`` is an expression over them."""

    file: str
    line: int
    says: str
    measured: str
    holds: str
    paper: str
    evidence: tuple[str, ...]
    control: str = (
        ""  # the same quantity where the effect should be absent: in the place of ``measured`` it makes ``holds`` false
    )
    comparison: str = ""  # instead of a control: what else the measured number is compared with, in words,
    against: str = ""  # and the result that is
    also: Mapping[str, Also] = field(default_factory=dict)
    changed: str = ""  # of a causal claim: the one thing in which measured and control differ
    chosen: str = ""  # what was chosen by looking at the outcome, and how the control was chosen in the same way
    format: str = ""

    @property
    def shown(self) -> tuple[str, ...]:
        """The results that stand in its row."""
        return tuple(filter(None, (self.measured, self.control, self.against, *self.also)))


def read(front: FrontMatter) -> list[Claim]:
    """The claims in a page's front matter. Raises ``Problem`` where one is incomplete."""
    for entry in front.nodes:
        if entry != "claims" and str(entry).lower() == "claims":
            raise Problem(f"`{entry}` is not read.", front.file, front.line(entry), "Write `claims:`.")
    claims = front.nodes.get("claims")
    if claims is None:
        return []
    if not isinstance(claims, yaml.SequenceNode):
        raise Problem("`claims` is not a list.", front.file, _line(claims), "Write each claim as '- says: …'.")
    return [_claim(front.file, item) for item in claims.value]


def _claim(file: str, node: yaml.Node) -> Claim:
    line = _line(node)
    if not isinstance(node, yaml.MappingNode):
        raise Problem("A claim is a list of 'name: value' pairs.", file, line, f"It has: {', '.join(KEYS)}.")
    given: dict[str, tuple[Any, int]] = {}
    for key, value in node.value:
        if key.value in given:
            raise Problem(f"A claim has `{key.value}` twice.", file, _line(key), "Keep one of them.")
        given[key.value] = (value.value, _line(key))
    for key, (value, at) in given.items():
        if key not in KEYS:
            raise UnknownName("entry", key, KEYS, "A claim").at(file, at)
        if key != "also" and not isinstance(value, str):
            raise Problem(f"`{key}` of a claim is one line of text.", file, at, "Put it in quotes.")
    for key in REQUIRED:
        if not given.get(key, ("", 0))[0].strip():
            raise Problem(f"A claim has no `{key}`.", file, line, f"A claim needs {', '.join(REQUIRED)}.")
    stated: dict[str, Any] = {key: value.strip() for key, (value, _) in given.items() if isinstance(value, str)}
    stated["evidence"] = _evidence(stated["evidence"], file, given["evidence"][1])
    if also := {name.value: value for name, value in node.value}.get("also"):
        stated["also"] = _also(also, file)
    claim = Claim(file, line, **stated)
    _check_compared(claim)
    return claim


def _check_compared(claim: Claim) -> None:
    """Raise ``Problem`` unless it is said what the measured number is compared with, and what makes the two differ."""

    def wrong(what: str, todo: str) -> Problem:
        return Problem(what, claim.file, claim.line, todo)

    if bool(claim.control) == bool(claim.comparison):
        raise wrong(
            "A claim has either a `control` or a `comparison`.",
            "Name in `control` the same quantity where the effect should be absent. Where the measured number is "
            "compared with another quantity, say in `comparison` which, and name it in `against`.",
        )
    if claim.against and not claim.comparison:
        raise wrong("A claim has `against` and no `comparison`.", "Say in `comparison` which comparison that is.")
    if bool(claim.changed) != ("causal" in claim.evidence):
        raise wrong(
            "A causal claim says what was `changed`, and only a causal one does.",
            "Name the one thing in which the measured arm and its control differ, such as 'weight decay: 1 → 0'.",
        )
    if claim.chosen and not claim.control:
        raise wrong(
            "What was `chosen` by looking needs a `control` that was chosen in the same way.", "Measure that control."
        )


def _also(node: yaml.Node, file: str) -> dict[str, Also]:
    """``{chance: blind guessing}``, or with a format of its own: ``{chance: {says: blind guessing, format: .1%}}``."""
    given = yaml.safe_load(yaml.serialize(node))
    if isinstance(given, dict):
        found = {name: {"says": value} if isinstance(value, str) else value for name, value in given.items()}
        if all(
            isinstance(value, dict) and "says" in value and value.keys() <= {"says", "format"}
            for value in found.values()
        ):
            return {str(name): Also(**{key: str(text) for key, text in value.items()}) for name, value in found.items()}
    raise Problem(
        "`also` names further results, each with a few words.",
        file,
        _line(node),
        "Write also: {chance: blind guessing}.",
    )


def _evidence(grades: str, file: str, line: int) -> tuple[str, ...]:
    """The grades in their fixed order, one of each group."""
    given = [grade.strip() for grade in grades.split(",")]
    chosen = tuple(grade for group in EVIDENCE.values() for grade in group if grade in given)
    one_of_each = all(sum(grade in given for grade in group) == 1 for group in EVIDENCE.values())
    if not one_of_each or len(given) != len(chosen):
        choices = "; ".join(" or ".join(group) for group in EVIDENCE.values())
        raise Problem(f"`evidence: {grades}` is not one word of each group.", file, line, f"Choose {choices}.")
    return chosen


def anchors(stated: Sequence[Claim]) -> list[str]:
    """The address of each claim of a page within it. Two claims may be about one result."""
    seen: Counter[str] = Counter()
    found = []
    for claim in stated:
        seen[claim.measured] += 1
        again = f"-{seen[claim.measured]}" if seen[claim.measured] > 1 else ""
        found.append(f"claim-{claim.measured.replace('_', '-')}{again}")
    return found
