"""*Try it yourself*: each row of each article is done, and does what the table says."""

from __future__ import annotations

import re

import pytest

from pipeline.run.snippet import Snippet
from tests.bench.seeds import refuted, stated
from tests.experiments import CONCEPTS, as_built, cells, recorded, rows, source
from tests.experiments.test_one_difference import arms
from tests.project import ROOT


def changed(script: str, row: str) -> tuple[str, int]:
    """The script as the row has it, and the SEED."""
    if seed := re.match(r"`SEED=(\d+) ", row):
        return script, int(seed[1])
    old, new, cell = re.findall(r"`([^`]+)`", row)
    code = cells(script)[cell]
    assert row == f"`{old}` to `{new}` in `{cell}`", "write `old` to `new` in `cell`"
    assert code.count(old) == 1, f"{old!r} stands {code.count(old)} times in {cell!r}"
    return script.replace(code, code.replace(old, new)), 0


@pytest.mark.parametrize("concept", CONCEPTS)
def test_there_is_something_to_try(concept: str) -> None:
    assert len(rows(concept)) >= 3
    assert set(arms(concept).TRIED) <= set(rows(concept))


@pytest.mark.long
@pytest.mark.built
@pytest.mark.parametrize(("concept", "row"), [(concept, row) for concept in CONCEPTS for row in rows(concept)])
def test_a_row_does_what_it_says(concept: str, row: str) -> None:
    script, seed = changed(source(concept), row)
    now = recorded(script, seed)["results"]
    if does := arms(concept).TRIED.get(row):
        assert does(now, as_built(concept)) is True
    else:
        assert seed, "say in tests/arms what this row should do"
        assert [why for claim in stated(Snippet(ROOT, concept)) if (why := refuted(claim, now, concept))] == []


def test_a_row_that_no_longer_fits_the_script_is_found() -> None:
    script = "# %% setup\nN = 1000\n# %% results\nresults = {}\n"
    assert changed(script, "`N = 1000` to `N = 300` in `setup`")[0].count("N = 300") == 1
    with pytest.raises(AssertionError, match="0 times"):
        changed(script, "`N = 500` to `N = 300` in `setup`")
    with pytest.raises(AssertionError, match="write"):
        changed(script, "change `N = 1000` to `N = 300` in `setup`")
