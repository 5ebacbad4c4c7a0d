"""Claims, from front matter to verdict."""

from __future__ import annotations

import pytest

from runner import claims
from runner.problem import Problem

RESULTS = {"seeds": [3, 4, 5], "delay": [20.0, 9.5, 30.0], "control": [1.0, 1.0, 2.0], "p": 43}


def claim(holds: str, **more: str) -> claims.Claim:
    return claims.Claim("page.md", 7, "It is late", "delay", holds, "later", ("causal",), **more)


@pytest.mark.parametrize(
    ("holds", "verdict", "failing"),
    [
        ("min(delay) >= 8", True, ()),
        ("min(delay) >= 10", False, (4,)),
        ("median(delay) > 15 and max(control) < 1.5", False, (4, 5)),
        ("min(delay) > 3 * max(control)", True, ()),
        ("1 < min(delay) < 10", True, ()),
        ("len(delay) == 3 and p == 43", True, ()),
        ("max(delay) - min(delay) < 1", False, ()),
    ],
)
def test_a_verdict_and_the_seeds_that_fail(holds: str, verdict: bool, failing: tuple[int, ...]) -> None:
    judged = claims.judge(claim(holds), RESULTS, "29/x")
    assert (judged.holds, judged.failing_seeds) == (verdict, failing)


def test_what_is_shown_is_the_median_and_range_of_the_run() -> None:
    judged = claims.judge(claim("min(delay) >= 8", control="control", format=".1f"), RESULTS, "29/x")
    assert (judged.measured, judged.control) == ("20.0 (9.5–30.0)", "1.0 (1.0–2.0)")


@pytest.mark.parametrize(
    "holds", ["", "delay >", "().__class__", "exec('1')", "min(delay).real.__class__", "9**9**9 > 1"]
)
def test_an_expression_can_do_nothing_but_compare(holds: str) -> None:
    with pytest.raises(Problem):
        claims.judge(claim(holds), RESULTS, "29/x")


def test_claims_are_read_with_their_lines() -> None:
    front = "title: x\nclaims:\n  - says: one\n    measured: a\n    holds: a > 1\n    paper: two\n    evidence: exact, toy, one data set\n  - says: b\n    measured: a\n    holds: a > 2\n    paper: p\n    evidence: one data set, causal,toy\n    format: .1%\n"
    first, second = claims.read("page.md", front)
    assert (first.line, first.says, first.format) == (4, "one", "")
    assert first.evidence == ("exact", "toy", "one data set")
    assert (second.line, second.format, second.evidence) == (9, ".1%", ("causal", "toy", "one data set"))


@pytest.mark.parametrize("front", ["", "title: x\n", "claims: []\n"])
def test_a_page_may_claim_nothing(front: str) -> None:
    assert claims.read("page.md", front) == []


@pytest.mark.parametrize("front", ["claims: later\n", "claims:\n  - later\n", "claims:\n  - says: [a, b]\n"])
def test_claims_of_another_shape_are_refused(front: str) -> None:
    with pytest.raises(Problem) as caught:
        claims.read("page.md", front)
    assert caught.value.line in (2, 3)
