"""What the runner promises to those who call it: keys, files, the command line."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import nbformat
import pytest

from pipeline.run.outputs import Outputs, dark_colours
from pipeline.run.snippet import Snippet, find
from tests.colours import contrast
from tests.project import PAGE, ROOT, SNIPPET, Project

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
    assert {"snippet", "style", "SEED", "python", "torch", "numpy", "scikit-learn", "matplotlib", "pipeline"} == set(
        record["key"]
    )


def test_the_script_is_the_snippet_and_the_notebook_has_run(good_project: Project) -> None:
    assert good_project.read(f"{GENERATED}/toy.py") == good_project.read(SNIPPET)
    for name in ("toy.ipynb", "run.ipynb"):
        notebook = nbformat.read(good_project.folder / GENERATED / name, as_version=4)
        nbformat.validate(notebook)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == [1, 2, 3, 4, 5]


def test_the_two_schemes_differ_in_their_colours_alone(good_project: Project) -> None:
    light, dark = (good_project.read(f"{GENERATED}/line.{scheme}.svg") for scheme in ("light", "dark"))
    for ink, other in dark_colours(good_project.folder).items():
        light = light.replace(ink, other)
    assert light == dark
    assert "#dde4ea" in dark


def test_every_colour_of_the_style_has_a_legible_partner_for_dark_pages() -> None:
    pairs = dark_colours(ROOT)
    style = (ROOT / "snippets/matplotlibrc").read_text()
    settings = "\n".join(line for line in style.splitlines() if not line.startswith("#"))
    assert set(re.findall(r"#[0-9a-f]{6}", settings)) == set(pairs)
    for light, dark in pairs.items():
        assert contrast(light, "#ffffff") >= 4.5, light  # a notebook's ground, where it was downloaded to
        assert contrast(dark, "#1e2129") >= 4.5, dark  # the grounds of this site's pages: test_look.py


@pytest.mark.parametrize("name", ["snippet", "style", "SEED", "pipeline"])
def test_each_input_of_the_key_makes_a_run_stale(project: Project, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    snippet = Snippet(project.folder, "29/toy")
    generated = Outputs(project.folder, "29/toy")
    assert generated.stale(snippet.key()) == ""
    match name:
        case "snippet":
            project.replace(SNIPPET, "Twice x.", "Two times x.")
        case "style":
            project.replace("snippets/matplotlibrc", "font.size:            10", "font.size:            11")
        case "SEED":
            monkeypatch.setenv("SEED", "5")
        case "pipeline":
            monkeypatch.setattr("pipeline.run.snippet.SCHEMA", -1)
    assert name in generated.stale(snippet.key())


@pytest.mark.parametrize("library", ["torch", "numpy", "scikit-learn", "matplotlib", "python"])
def test_another_version_makes_a_run_stale(project: Project, library: str) -> None:
    key = Snippet(project.folder, "29/toy").key() | {library: "0.1"}
    assert f"{library} " in Outputs(project.folder, "29/toy").stale(key)


def test_prose_and_time_do_not_make_a_run_stale(project: Project) -> None:
    project.replace(PAGE, "It comes {{", "In the end it comes {{")
    (project.folder / SNIPPET).touch()
    assert project.command("pipeline", "run", "--explain").stdout == "29/toy: fresh\n"


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


def test_a_snippet_runs_in_an_empty_folder_of_its_own_with_one_thread(project: Project) -> None:
    project.replace(
        SNIPPET,
        'print(results["delay"])',
        "results['files'] = len(os.listdir())\nresults['threads'] = int(os.environ['OMP_NUM_THREADS'])",
    )
    assert project.command("pipeline", "run").returncode == 0
    results = json.loads(project.read(f"{GENERATED}/results.json"))
    assert (results["files"], results["threads"]) == (0, 1)


def test_the_command_line_selects_explains_and_forces(project: Project) -> None:
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
        (["tpy"], "Did you mean '29/toy'?"),
        (["--jobs", "0"], "at least 1, not 0"),
        (["--time-limit", "-1"], "above 0, not -1"),
    ],
)
def test_the_command_line_refuses_what_makes_no_sense(project: Project, arguments: list[str], said: str) -> None:
    done = project.command("pipeline", "run", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_slow_is_imported_when_nothing_runs(good_project: Project) -> None:
    program = (
        "import sys; from pathlib import Path; from pipeline.finish.site import Build; b = Build();"
        "assert b.prepare(Path('.')) == ''; b.close();"
        "print([m for m in ('torch', 'nbclient', 'jupytext', 'rich', 'matplotlib', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run(
        [".venv/bin/python", "-c", program], cwd=good_project.folder, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_traceback_in_a_function_names_the_line_of_the_file(project: Project) -> None:
    line = project.replace(SNIPPET, "    return 2 * x", "    # a comment first\n    return 2 / x")
    done = project.command("pipeline", "run")
    assert f"{SNIPPET}:{line + 1}:" in done.stderr


def test_snippets_are_found_in_order() -> None:
    found = find(ROOT)
    assert [s.concept for s in found] == sorted(s.concept for s in found)
    assert all(Path(ROOT, s.file).is_file() for s in found)
