"""Verdicts: whether a claim holds on the numbers of the run, and whether the same words would hold of its control.

A claim that is true whatever was measured says nothing. So three things are asked of each: that it is judged by what its
row shows, that it holds, and that with the control's values in the place of the measured ones (*the swap*) it does not.
"""

from __future__ import annotations

import ast
import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from simpleeval import EvalWithCompoundTypes

from pipeline.problem import Problem, UnknownName
from pipeline.write.claims import Claim
from pipeline.write.numbers import STATISTICS, one_seed, show


class NotHappened(Exception):
    """A number was asked of an event that did not happen on every seed."""


def _of_all(function: Callable[..., Any]) -> Callable[..., Any]:
    """``function``, which is never asked about an event that did not happen: nothing stands for its number by default."""

    def asked(*values: Any) -> Any:
        listed = values[0] if len(values) == 1 and isinstance(values[0], list | tuple) else values
        if not listed or None in listed:
            raise NotHappened
        return function(*values)

    return asked


FUNCTIONS: dict[str, Callable[..., Any]] = {
    **{name: _of_all(statistic) for name, statistic in STATISTICS.items()},
    "abs": _of_all(abs),
    "all": all,
    "zip": zip,
    "len": len,
    "count": lambda values: sum(value is not None for value in values),
    "happened": lambda values: [value for value in values if value is not None],
}
EXAMPLE = "Write a comparison of results, such as min({}) >= 1."


@dataclass(frozen=True)
class Verdict:
    """What stands in a claim's row: each number as it reads, and whether the claim holds."""

    claim: Claim
    holds: bool
    measured: str
    control: str  # or what it is compared with instead
    also: Mapping[str, str]  # further results, by their words
    failing_seeds: tuple[int, ...]

    def problem(self, results: Mapping[str, Any]) -> Problem:
        """What to tell when it does not hold."""
        claim = self.claim
        values = [f"{claim.measured} = {results[claim.measured]}"]
        if beside := claim.control or claim.against:
            values.append(f"{beside} = {results[beside]} ({'control' if claim.control else claim.comparison})")
        values += [f"{name} = {results[name]} ({also.says})" for name, also in claim.also.items()]
        failing = ", ".join(map(str, self.failing_seeds)) or "none alone, only all together"
        values.append(f"seeds = {results['seeds']}; it fails on: {failing}")
        return Problem(
            f"The claim does not hold: {claim.says!r}: {claim.holds} is false.",
            line=claim.line,
            todo="Find out why. Then mend the experiment, or state the claim that the numbers support.",
            detail="\n".join(values),
        )


def judge(claim: Claim, results: Mapping[str, Any], concept: str) -> Verdict:
    """Whether a claim holds. Raises ``Problem`` if it names what does not exist, is no expression, or could not fail."""
    for name in claim.shown:
        if name not in results:
            raise UnknownName("result", name, results, concept)
        if isinstance(results[name], list) and len(results[name]) != len(results["seeds"]):
            what = f"{name} has {len(results[name])} values, and there are {len(results['seeds'])} seeds."
            raise Problem(what, todo="A claim is about one number, or one number per seed.")
    _check_judged_is_shown(claim, results, concept)
    try:
        holds = _evaluate(claim, results)
    except NotHappened:
        raise _not_happened(claim, results) from None
    if holds and claim.control:
        _check_swap(claim, results)
    beside = claim.control or claim.against
    return Verdict(
        claim,
        holds,
        _shown(results[claim.measured], claim.format),
        _shown(results[beside], claim.format) if beside else "",
        {also.says: _shown(results[name], also.format or claim.format) for name, also in claim.also.items()},
        () if holds else tuple(_failing_seeds(claim, results)),
    )


def _shown(value: Any, spec: str) -> str:
    try:
        return show(value, spec)
    except ValueError as error:
        raise Problem(f"`format: {spec}` is not a format: {error}.", todo="Try .3g or .1%.") from None


def _check_judged_is_shown(claim: Claim, results: Mapping[str, Any], concept: str) -> None:
    """Raise ``Problem`` if the expression names what its row does not show, or does not name what was measured."""
    try:
        tree = ast.parse(claim.holds.strip(), mode="eval")
    except SyntaxError as error:
        raise _no_expression(claim, error) from None
    names = [node for node in ast.walk(tree) if isinstance(node, ast.Name)]
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    bound = {node.id for node in names if isinstance(node.ctx, ast.Store)}  # in a comprehension
    named = [node.id for node in names if id(node) not in called and node.id not in bound]
    for name in named:
        if name not in results:
            raise UnknownName("result", name, results, concept)
        if name not in claim.shown:
            what = f"`holds: {claim.holds}` judges {name}, which its row does not show."
            raise Problem(what, todo=f"Add also: {{{name}: what it is}}.")
    if claim.measured not in named:
        what = f"`holds: {claim.holds}` does not judge what was measured, {claim.measured}."
        raise Problem(what, todo=EXAMPLE.format(claim.measured))


def _check_swap(claim: Claim, results: Mapping[str, Any]) -> None:
    """Raise ``Problem`` if the claim would hold of its control as well. What did not happen is neither early nor late."""
    with contextlib.suppress(NotHappened):
        if _evaluate(claim, {**results, claim.measured: results[claim.control]}):
            raise Problem(
                f"The claim holds of its control as well: {claim.says!r}.",
                todo="Demand what the control does not meet, or find a control in which the effect is absent. Where "
                f"{claim.control} is another quantity, say in `comparison` which, and name it in `against`.",
                detail=f"{claim.holds} is true with {claim.control} = {results[claim.control]} "
                f"in the place of {claim.measured}",
            )


def _failing_seeds(claim: Claim, results: Mapping[str, Any]) -> Iterator[int]:
    for position, seed in enumerate(results["seeds"]):
        # An expression that speaks of several seeds cannot be told for one.
        with contextlib.suppress(Problem, NotHappened):
            if not _evaluate(claim, one_seed(results, position)):
                yield seed


def _evaluate(claim: Claim, results: Mapping[str, Any]) -> bool:
    try:
        value = EvalWithCompoundTypes(names=dict(results), functions=FUNCTIONS.copy()).eval(claim.holds)
    except NotHappened:
        raise
    except Exception as error:  # whatever an expression can raise, its author is told where it stands
        raise _no_expression(claim, error) from None
    if not isinstance(value, bool):
        todo = f"Write a comparison, such as min({claim.measured}) >= 1."
        raise Problem(f"`holds: {claim.holds}` gives {value!r}, neither true nor false.", todo=todo)
    return value


def _not_happened(claim: Claim, results: Mapping[str, Any]) -> Problem:
    listed = {name: results[name] for name in claim.shown if isinstance(results[name], list)}
    never = {
        name: ", ".join(str(seed) for seed, value in zip(results["seeds"], values, strict=True) if value is None)
        for name, values in listed.items()
    }
    told = "; ".join(f"{name} on seeds {seeds}" for name, seeds in never.items() if seeds) or "an empty list"
    count = f"count({claim.measured}) >= 3 and min(happened({claim.measured})) >= 1"
    return Problem(
        f"`holds: {claim.holds}` asks for the number of what did not happen: {told}.",
        todo=f"Say on how many seeds it does: {count}.",
    )


def _no_expression(claim: Claim, error: Exception) -> Problem:
    reason = f"{type(error).__name__}: {error}".partition("\n")[0]
    todo = f"{EXAMPLE.format(claim.measured)} It may use {', '.join(FUNCTIONS)}, and, or, not."
    return Problem(f"`holds: {claim.holds}` cannot be evaluated: {reason}", todo=todo)
