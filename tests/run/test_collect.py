"""What a run leaves behind, and what is kept of it."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import pytest

from tests.project import SNIPPET, Project
from tests.run.refused import refused

GENERATED = "docs/generated/29/toy"


def test_every_output_of_the_contract_is_there(good_project: Project) -> None:
    files = {name.removeprefix(GENERATED + "/") for name in good_project.digest(GENERATED)}
    assert files == {
        *(f"cells/{cell}.py" for cell in ("setup", "take-home", "line", "in-motion", "results")),
        "cells/results.txt",
        "line.light.svg",
        "line.dark.svg",
        *(f"in-motion{kind}.{scheme}.svg" for kind in ("", ".still") for scheme in ("light", "dark")),
        "results.json",
        "run.json",
        "run.ipynb",
        "toy.ipynb",
        "toy.py",
    }


def test_the_record_says_what_a_reader_needs_to_trust_it(good_project: Project) -> None:
    record = json.loads(good_project.read(f"{GENERATED}/run.json"))
    assert set(record["seconds_by_cell"]) == {"setup", "take-home", "line", "in-motion", "results"}
    assert sum(record["seconds_by_cell"].values()) <= record["seconds"]
    assert record["peak_memory_mb"] > 10
    assert record["cpu"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", record["when"])
    versions = {"python", "torch", "numpy", "scikit-learn", "matplotlib", "pipeline"}
    assert set(record["key"]) == {"snippet", "style", "SEED"} | versions


def test_two_runs_of_one_key_give_the_same_bytes(project: Project) -> None:
    before = project.digest(GENERATED)
    times = {path: path.stat().st_mtime_ns for path in (project.folder / GENERATED).rglob("*") if path.is_file()}
    assert project.command("pipeline", "run", "--force").returncode == 0
    after = project.digest(GENERATED)
    record = f"{GENERATED}/run.json"  # which holds the time
    assert {**before, record: ""} == {**after, record: ""}
    untouched = {path for path, time in times.items() if path.stat().st_mtime_ns == time}
    assert untouched == set(times) - {project.folder / record}


def test_what_a_snippet_no_longer_gives_is_removed(project: Project) -> None:
    project.replace(SNIPPET, "# %% line", "# %% slope")
    assert project.command("pipeline", "run").returncode == 0
    assert not list((project.folder / GENERATED).rglob("line.*"))
    assert (project.folder / GENERATED / "slope.light.svg").is_file()


def test_a_last_value_is_not_shown(project: Project) -> None:
    """It is not what the code printed, and the address in it is another in every run."""
    project.replace(SNIPPET, "plt.show()\n\n# %% in-motion", "ax.get_lines()\n\n# %% in-motion")
    assert project.command("pipeline", "run").returncode == 0
    assert " at 0x" not in project.read(f"{GENERATED}/toy.ipynb")


@pytest.mark.parametrize(
    ("value", "said"),
    [("10**5000", "4300 digits"), ("seeds_of_seeds", "Circular"), ("{(1, 2): 3}", "keys must be str")],
)
def test_results_that_cannot_be_kept(project: Project, value: str, said: str) -> None:
    project.replace(SNIPPET, 'print(results["delay"])', "")
    project.replace(SNIPPET, "[20.5, 21, 22.25, 19, 25]", value)
    project.replace(
        SNIPPET, "# %% results\n", "# %% results\nseeds_of_seeds = []\nseeds_of_seeds.append(seeds_of_seeds)\n"
    )
    line = project.read(SNIPPET).split("\n").index("# %% results") + 1
    refused(project, f"{SNIPPET}:{line}:", "'results' leaves no dict `results` behind", said)


def in_the_way(path: Path) -> None:
    """Nothing can be written at a path: not even by root, whom no permission stops."""
    path.parent.mkdir(exist_ok=True)
    path.write_text("a file, where a folder should be")


def test_outputs_that_cannot_be_written(project: Project) -> None:
    os.rename(project.folder / "docs/generated", project.folder / "docs/was-generated")
    in_the_way(project.folder / "docs/generated")
    done = project.command("pipeline", "run")
    assert done.returncode == 1
    assert "docs/generated cannot be written" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("read_only", "told"), [(".", ".cache"), ("docs/generated/29/toy", "docs/generated")])
def test_a_read_only_checkout(project: Project, read_only: str, told: str) -> None:
    if read_only == ".":
        shutil.rmtree(project.folder / ".cache")
    (project.folder / read_only).chmod(0o555)
    try:
        if os.access(project.folder / read_only, os.W_OK):
            pytest.skip("root may write everywhere")
        done = project.command("pipeline", "run", "--force")
    finally:
        (project.folder / read_only).chmod(0o755)
    assert done.returncode in (1, 2)
    assert f"The folder {told} cannot be written: Permission denied" in done.stderr
    assert "Traceback" not in done.stderr
