"""The command line: `python -m pipeline`."""

from __future__ import annotations

import pytest

from tests.project import SNIPPET, Project


def test_it_selects_explains_and_forces(project: Project) -> None:
    assert "fresh, ran in" in project.command("pipeline", "run", "toy").stdout
    project.replace(SNIPPET, "Twice x.", "Two times x.")
    explained = project.command("pipeline", "run", "--explain")
    assert explained.stdout == "29/toy: would run: snippet changed\n"
    assert project.command("pipeline", "run", "--explain").stdout == explained.stdout  # it ran nothing
    assert "ran 29/toy" in project.command("pipeline", "run", SNIPPET, "--jobs", "1").stderr
    assert "ran 29/toy" in project.command("pipeline", "run", "29/toy", "--force").stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["run", "tpy"], "Did you mean '29/toy'?"),
        (["run", "--jobs", "0"], "at least 1, not 0"),
        (["run", "--time-limit", "-1"], "above 0, not -1"),
        (["run", "--time-limit", "nan"], "above 0, not nan"),
        ([], "COMMAND"),
        (["rum"], "'run'"),
    ],
)
def test_it_refuses_what_makes_no_sense(good_project: Project, arguments: list[str], said: str) -> None:
    done = good_project.command("pipeline", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
