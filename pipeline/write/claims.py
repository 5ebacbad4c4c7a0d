"""Claims: what a page states in its front matter, and in what form. ``verdicts`` judges them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import yaml

from pipeline.problem import Problem, UnknownName
from pipeline.write.front_matter import LOADER, FrontMatter, entries, line_of

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

    says: str
    measured: str
    holds: str
    paper: str
    evidence: tuple[str, ...]
    control: str = (
        ""  # the same quantity where the effect should be absent: put for ``measured``, it makes ``holds`` false
    )
    comparison: str = ""  # instead of a control: what else the measured number is compared with, in words,
    against: str = ""  # and the result that is
    also: Mapping[str, Also] = field(default_factory=dict)
    changed: str = ""  # of a causal claim: the one thing in which measured and control differ
    chosen: str = ""  # what was chosen by looking at the outcome, and how the control was chosen in the same way
    format: str = ""
    line: int = 0
    anchor: str = ""  # its address within the page

    @property
    def shown(self) -> tuple[str, ...]:
        """The results that stand in its row."""
        return tuple(filter(None, (self.measured, self.control, self.against, *self.also)))


KEYS = tuple(entry.name for entry in fields(Claim) if entry.name not in ("line", "anchor"))
REQUIRED = KEYS[:5]


def read(front: FrontMatter) -> list[Claim]:
    """The claims in a page's front matter. Raises ``Problem`` where one is incomplete."""
    for name, entry in front.items():
        if name != "claims" and name.lower() == "claims":
            raise Problem(f"`{name}` is not read.", line=entry.line, todo="Write `claims:`.")
    if "claims" not in front:
        return []
    node = front["claims"].node
    if not isinstance(node, yaml.SequenceNode):
        raise Problem("`claims` is not a list.", line=line_of(node), todo="Write each claim as '- says: …'.")
    times: Counter[str] = Counter()
    found = []
    for claim in map(_claim, node.value):
        times[claim.measured] += 1  # two claims may be about one result
        again = f"-{times[claim.measured]}" if times[claim.measured] > 1 else ""
        found.append(replace(claim, anchor=f"claim-{claim.measured.replace('_', '-')}{again}"))
    return found


def _claim(node: yaml.Node) -> Claim:
    if not isinstance(node, yaml.MappingNode):
        what = "A claim is a list of 'name: value' pairs."
        raise Problem(what, line=line_of(node), todo=f"It has: {', '.join(KEYS)}.")
    given = entries(node, "A claim")
    stated: dict[str, Any] = {}
    for name, (line, value) in given.items():
        if name not in KEYS:
            raise UnknownName("entry", name, KEYS, "A claim").at(line=line)
        if name == "also":
            stated[name] = _also(value)
        elif isinstance(value, yaml.ScalarNode):
            stated[name] = value.value.strip()
        else:
            raise Problem(f"`{name}` of a claim is one line of text.", line=line, todo="Put it in quotes.")
    for name in REQUIRED:
        if not stated.get(name):
            todo = f"A claim needs {', '.join(REQUIRED)}."
            raise Problem(f"A claim has no `{name}`.", line=line_of(node), todo=todo)
    stated["evidence"] = _evidence(stated["evidence"], given["evidence"].line)
    claim = Claim(**stated, line=line_of(node))
    _check_compared(claim)
    return claim


def _check_compared(claim: Claim) -> None:
    """Raise ``Problem`` unless it is said what the measured number is compared with, and what makes the two differ."""
    for wrong, what, todo in (
        (
            bool(claim.control) == bool(claim.comparison),
            "A claim has either a `control` or a `comparison`.",
            "Name in `control` the same quantity where the effect should be absent. Where the measured number is "
            "compared with another quantity, say in `comparison` which, and name it in `against`.",
        ),
        (
            claim.against and not claim.comparison,
            "A claim has `against` and no `comparison`.",
            "Say in `comparison` which comparison that is.",
        ),
        (
            bool(claim.changed) != ("causal" in claim.evidence),
            "A causal claim says what was `changed`, and only a causal one does.",
            "Name the one thing in which the measured arm and its control differ, such as 'weight decay: 1 → 0'.",
        ),
        (
            claim.chosen and not claim.control,
            "What was `chosen` by looking needs a `control` that was chosen in the same way.",
            "Measure that control.",
        ),
    ):
        if wrong:
            raise Problem(what, line=claim.line, todo=todo)


def _also(node: yaml.Node) -> dict[str, Also]:
    """``{chance: blind guessing}``, or with a format of its own: ``{chance: {says: blind guessing, format: .1%}}``."""
    try:
        given = LOADER("").construct_document(node)
        return {
            str(name): Also(says) if isinstance(says, str) else Also(**{key: str(text) for key, text in says.items()})
            for name, says in given.items()
        }
    except (AttributeError, TypeError, ValueError, yaml.YAMLError):  # of another shape, or with other names
        what, todo = "`also` names further results, each with a few words.", "Write also: {chance: blind guessing}."
        raise Problem(what, line=line_of(node), todo=todo) from None


def _evidence(grades: str, line: int) -> tuple[str, ...]:
    """The grades in their fixed order, one of each group."""
    given = {grade.strip() for grade in grades.split(",")}
    chosen = tuple(grade for group in EVIDENCE.values() for grade in group if grade in given)
    one_of_each = all(len(given & group.keys()) == 1 for group in EVIDENCE.values())
    if not one_of_each or len(grades.split(",")) != len(chosen):
        choices = "; ".join(" or ".join(group) for group in EVIDENCE.values())
        raise Problem(f"`evidence: {grades}` is not one word of each group.", line=line, todo=f"Choose {choices}.")
    return chosen
