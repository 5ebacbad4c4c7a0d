"""Claims, from front matter to verdict: each rule is broken once."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline.problem import Problem
from pipeline.write import claims, verdicts
from pipeline.write.claims import Also, Claim
from pipeline.write.front_matter import FrontMatter

RESULTS = {
    "seeds": [3, 4, 5],
    "delay": [20.0, 9.5, 30.0],
    "control": [1.0, 1.0, 2.0],
    "step": [40, None, 60],
    "never": [None, None, None],
    "p": 43,
}


def claim(holds: str, **more: Any) -> Claim:
    given = {"measured": "delay", "control": "control", "evidence": ("correlational",)} | more
    return Claim("It is late", holds=holds, paper="later", **given)


@pytest.mark.parametrize(
    ("holds", "verdict", "failing"),
    [
        ("min(delay) >= 8", True, ()),
        ("min(delay) >= 10", False, (4,)),
        ("median(delay) > 15 and max(control) < 1.5", False, (4, 5)),
        ("min(delay) > 3 * max(control)", True, ()),
        ("5 < min(delay) < 10", True, ()),
        ("len(delay) == 3 and min(delay) > 5", True, ()),
        ("max(delay) - min(delay) < 1", False, ()),
        ("all([a > 4 * b for a, b in zip(delay, control)])", True, ()),
    ],
)
def test_a_verdict_and_the_seeds_that_fail(holds: str, verdict: bool, failing: tuple[int, ...]) -> None:
    judged = verdicts.judge(claim(holds), RESULTS, "29/x")
    assert (judged.holds, judged.failing_seeds) == (verdict, failing)


def test_what_is_shown_is_the_median_and_range_of_the_run() -> None:
    also = {"p": Also("numbers on the clock", ".0f")}
    judged = verdicts.judge(claim("min(delay) >= 8 and p > 40", format=".1f", also=also), RESULTS, "29/x")
    assert (judged.measured, judged.control) == ("20.0 (9.5–30.0)", "1.0 (1.0–2.0)")
    assert judged.also == {"numbers on the clock": "43"}


@pytest.mark.parametrize(
    "holds", ["", "delay >", "().__class__", "exec('1')", "min(delay).real.__class__", "9**9**9 > min(delay)"]
)
def test_an_expression_can_do_nothing_but_compare(holds: str) -> None:
    with pytest.raises(Problem):
        verdicts.judge(claim(holds), RESULTS, "29/x")


@pytest.mark.parametrize(
    "holds", ["min(delay) >= 1", "min(delay) > 0.4 * max(control)", "max(control) < min(delay) + 2"]
)
def test_the_swap_a_claim_that_holds_of_its_control_as_well(holds: str) -> None:
    with pytest.raises(Problem, match="holds of its control as well") as caught:
        verdicts.judge(claim(holds), RESULTS, "29/x")
    assert "[1.0, 1.0, 2.0] in the place of delay" in caught.value.detail


def test_another_quantity_is_compared_without_the_swap() -> None:
    beside = {"control": "", "comparison": "the size of the clock", "against": "p"}
    assert verdicts.judge(claim("max(delay) < p", **beside), RESULTS, "29/x").control == "43"


@pytest.mark.parametrize("holds", ["min(delay) >= 8 and p > 40", "min(control) >= 1"])
def test_what_is_judged_is_shown(holds: str) -> None:
    with pytest.raises(Problem, match=r"judges p, which its row does not show|does not judge what was measured, delay"):
        verdicts.judge(claim(holds), RESULTS, "29/x")


def test_what_did_not_happen_is_counted_and_never_a_number() -> None:
    late = {"measured": "step", "control": "never"}
    judged = verdicts.judge(claim("count(step) >= 2 and min(happened(step)) >= 30", **late), RESULTS, "29/x")
    assert (judged.holds, judged.measured, judged.control) == (
        True,
        "50 (40–60), on 2 of 3 seeds",
        "on none of 3 seeds",
    )
    for holds in ("min(step) >= 30", "median(step) >= 30", "abs(step[1]) >= 30"):
        with pytest.raises(Problem, match="asks for the number of what did not happen: step on seeds 4"):
            verdicts.judge(claim(holds, **late), RESULTS, "29/x")
    # In the place of the measured ones, what never happened makes no claim about its time true.
    assert verdicts.judge(claim("max(delay) <= 30", control="never"), RESULTS, "29/x").holds


CLAIM = {
    "says": "one",
    "measured": "a",
    "holds": "a > 1",
    "paper": "two",
    "control": "b",
    "evidence": "correlational, toy, one data set",
}


def read(**change: str) -> list[Claim]:
    entries = (f"{key}: {value}" for key, value in (CLAIM | change).items() if value)
    return claims.read(FrontMatter("claims:\n  - " + "\n    ".join(entries) + "\n"))


def test_claims_are_read_with_their_lines() -> None:
    front = "title: x\nclaims:\n  - says: one\n    measured: a\n    holds: a > 1\n    paper: two\n    control: b\n    evidence: exact, toy, one data set\n  - says: b\n    measured: a\n    holds: a > 2\n    paper: p\n    comparison: theory\n    changed: decay\n    evidence: one data set, causal,toy\n    format: .1%\n"
    first, second = claims.read(FrontMatter(front))
    assert (first.line, first.says, first.control, first.format) == (4, "one", "b", "")
    assert first.evidence == ("exact", "toy", "one data set")
    assert (second.line, second.comparison, second.format) == (10, "theory", ".1%")
    assert second.evidence == ("causal", "toy", "one data set")


def test_further_results_are_named_in_words() -> None:
    (stated,) = read(also="{p: the clock, chance: {says: blind guessing, format: .1%}}")
    assert stated.also == {"p": Also("the clock"), "chance": Also("blind guessing", ".1%")}
    assert stated.shown == ("a", "b", "p", "chance")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"control": ""}, "either a `control` or a `comparison`"),
        ({"comparison": "theory"}, "either a `control` or a `comparison`"),
        ({"against": "c"}, "`against` and no `comparison`"),
        ({"evidence": "causal, toy, one data set"}, "says what was `changed`"),
        ({"changed": "decay"}, "only a causal one does"),
        ({"control": "", "comparison": "theory", "chosen": "the best head"}, "`chosen` by looking needs a `control`"),
        ({"also": "[p]"}, "`also` names further results"),
        ({"also": "{p: {format: .1%}}"}, "`also` names further results"),
        ({"says": "[a, b]"}, "one line of text"),
    ],
)
def test_a_claim_that_leaves_out_how_it_is_judged(change: dict[str, str], said: str) -> None:
    with pytest.raises(Problem, match=said) as caught:
        read(**change)
    assert caught.value.line
    assert caught.value.line >= 2


@pytest.mark.parametrize("front", ["", "title: x\n", "claims: []\n"])
def test_a_page_may_claim_nothing(front: str) -> None:
    assert claims.read(FrontMatter(front)) == []


@pytest.mark.parametrize("front", ["claims: later\n", "claims:\n  - later\n", "claims:\n  - says: [a, b]\n"])
def test_claims_of_another_shape_are_refused(front: str) -> None:
    with pytest.raises(Problem) as caught:
        claims.read(FrontMatter(front))
    assert caught.value.line in (2, 3)
