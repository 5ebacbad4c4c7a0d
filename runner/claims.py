"""Claims: read from a page's front matter, judged on the numbers of the run."""

from __future__ import annotations

import contextlib
import re
import statistics
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from runner.problem import Problem, UnknownName
from runner.series import one_seed, show

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the same, ten times faster where libyaml is there
KEYS = ("says", "measured", "holds", "paper", "control", "format", "evidence")
REQUIRED = ("says", "measured", "holds", "paper", "evidence")
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
FUNCTIONS = {"min": min, "max": max, "median": statistics.median, "mean": statistics.fmean, "abs": abs, "len": len}


@dataclass(frozen=True)
class Claim:
    """One claim. ``measured`` and ``control`` name results; ``holds`` is an expression over results."""

    file: str
    line: int
    says: str
    measured: str
    holds: str
    paper: str
    evidence: tuple[str, ...]
    control: str = ""
    format: str = ""


@dataclass(frozen=True)
class Verdict:
    claim: Claim
    holds: bool
    measured: str
    control: str
    failing_seeds: tuple[int, ...]

    def problem(self, results: Mapping[str, Any]) -> Problem:
        """What to tell when it does not hold."""
        claim = self.claim
        values = [f"{claim.measured} = {results[claim.measured]}"]
        if claim.control:
            values.append(f"{claim.control} = {results[claim.control]} (control)")
        failing = ", ".join(map(str, self.failing_seeds)) or "none alone, only all together"
        values.append(f"seeds = {results['seeds']}; it fails on: {failing}")
        return Problem(
            f"The claim does not hold: {claim.says!r}: {claim.holds} is false.",
            claim.file,
            claim.line,
            "Find out why. Then mend the experiment, or state the claim that the numbers support.",
            "\n".join(values),
        )


def read(file: str, front_matter: str) -> list[Claim]:
    """The claims in a page's front matter. Raises ``Problem`` where one is incomplete."""
    try:
        node = yaml.compose(front_matter, Loader=LOADER)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        raise Problem(
            f"The front matter is not YAML: {error.problem}.", file, line, "Put text with ': ' in quotes."
        ) from None
    if not isinstance(node, yaml.MappingNode):
        return []
    for key, _ in node.value:
        if key.value != "claims" and str(key.value).lower() == "claims":
            raise Problem(f"`{key.value}` is not read.", file, _line(key), "Write `claims:`.")
    claims = next((value for key, value in node.value if key.value == "claims"), None)
    if claims is None:
        return []
    if not isinstance(claims, yaml.SequenceNode):
        raise Problem("`claims` is not a list.", file, _line(claims), "Write each claim as '- says: …'.")
    return [_claim(file, item) for item in claims.value]


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
        if not isinstance(value, str):
            raise Problem(f"`{key}` of a claim is one line of text.", file, at, "Put it in quotes.")
    for key in REQUIRED:
        if not given.get(key, ("", 0))[0].strip():
            raise Problem(f"A claim has no `{key}`.", file, line, f"A claim needs {', '.join(REQUIRED)}.")
    stated = {key: value for key, (value, _) in given.items()}
    grades, at = given["evidence"]
    return Claim(file, line, **stated | {"evidence": _evidence(grades, file, at)})


def _evidence(grades: str, file: str, line: int) -> tuple[str, ...]:
    """The grades in their fixed order, one of each group."""
    given = [grade.strip() for grade in grades.split(",")]
    chosen = tuple(grade for group in EVIDENCE.values() for grade in group if grade in given)
    one_of_each = all(sum(grade in given for grade in group) == 1 for group in EVIDENCE.values())
    if not one_of_each or len(given) != len(chosen):
        choices = "; ".join(" or ".join(group) for group in EVIDENCE.values())
        raise Problem(f"`evidence: {grades}` is not one word of each group.", file, line, f"Choose {choices}.")
    return chosen


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 2  # the front matter begins at line 2, and YAML counts from 0


def anchors(stated: Sequence[Claim]) -> list[str]:
    """The address of each claim of a page within it. Two claims may be about one result."""
    seen: Counter[str] = Counter()
    found = []
    for claim in stated:
        seen[claim.measured] += 1
        again = f"-{seen[claim.measured]}" if seen[claim.measured] > 1 else ""
        found.append(f"claim-{claim.measured.replace('_', '-')}{again}")
    return found


def judge(claim: Claim, results: Mapping[str, Any], concept: str) -> Verdict:
    """Whether a claim holds. Raises ``Problem`` if it names what does not exist, or is no expression."""
    for name in filter(None, (claim.measured, claim.control)):
        if name not in results:
            raise UnknownName("result", name, results, concept).at(claim.file, claim.line)
        if isinstance(results[name], list) and len(results[name]) != len(results["seeds"]):
            what = f"{name} has {len(results[name])} values, and there are {len(results['seeds'])} seeds."
            raise Problem(what, claim.file, claim.line, "A claim is about one number, or one number per seed.")
    holds = _evaluate(claim, results, concept)
    failing = () if holds else tuple(_failing_seeds(claim, results, concept))
    try:
        measured = show(results[claim.measured], claim.format)
        control = show(results[claim.control], claim.format) if claim.control else ""
    except ValueError as error:
        raise Problem(
            f"`format: {claim.format}` is not a format: {error}.", claim.file, claim.line, "Try .3g or .1%."
        ) from None
    return Verdict(claim, holds, measured, control, failing)


def _failing_seeds(claim: Claim, results: Mapping[str, Any], concept: str) -> Iterator[int]:
    for position, seed in enumerate(results["seeds"]):
        # An expression that speaks of several seeds cannot be told for one.
        with contextlib.suppress(Problem):
            if not _evaluate(claim, one_seed(results, position), concept):
                yield seed


def _evaluate(claim: Claim, results: Mapping[str, Any], concept: str) -> bool:
    import simpleeval

    try:
        value = simpleeval.EvalWithCompoundTypes(names=dict(results), functions=dict(FUNCTIONS)).eval(claim.holds)
    except simpleeval.NameNotDefined as error:
        raise UnknownName("result", error.name, results, concept).at(claim.file, claim.line) from None
    except Exception as error:  # whatever an expression can raise, its author is told where it stands
        reason = f"{type(error).__name__}: {error}".partition("\n")[0]
        raise Problem(
            f"`holds: {claim.holds}` cannot be evaluated: {reason}",
            claim.file,
            claim.line,
            f"Write a comparison of results, such as min({claim.measured}) >= 1. "
            f"It may use {', '.join(FUNCTIONS)}, and, or, not.",
        ) from None
    if not any(re.search(rf"\b{name}\b", claim.holds) for name in results):
        what = f"`holds: {claim.holds}` speaks of no result."
        raise Problem(
            what, claim.file, claim.line, f"Write a comparison of results, such as min({claim.measured}) >= 1."
        )
    if not isinstance(value, bool):
        raise Problem(
            f"`holds: {claim.holds}` gives {value!r}, neither true nor false.",
            claim.file,
            claim.line,
            f"Write a comparison, such as min({claim.measured}) >= 1.",
        )
    return value
