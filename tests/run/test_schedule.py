"""What is stale is run, what failed is reported, and nothing is paid for when nothing runs."""

from __future__ import annotations

import subprocess

from tests.project import SNIPPET, Project
from tests.run.refused import refused


def test_nothing_slow_is_imported_when_nothing_runs(good_project: Project) -> None:
    slow = ("torch", "nbformat", "asyncio", "rich", "matplotlib", "numpy")
    program = (
        "import sys; from pathlib import Path; from pipeline.run.lock import acquire;"
        "from pipeline.run.schedule import forget_others, run, why_stale; from pipeline.run.snippet import find;"
        "held = acquire(Path('.')); snippets = find(Path('.')); forget_others(Path('.'), {s.concept for s in snippets});"
        "assert run([s for s in snippets if why_stale(s)]) == []; held.release();"
        f"print([m for m in {slow} if m in sys.modules])"
    )
    done = subprocess.run(
        [".venv/bin/python", "-c", program], cwd=good_project.folder, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_traceback_in_a_function_names_the_line_of_the_file(project: Project) -> None:
    line = project.replace(SNIPPET, "    return 2 * x", "    # a comment first\n    return 2 / x")
    refused(project, f"{SNIPPET}:{line + 1}:", "'line' raised ZeroDivisionError")


def test_all_failures_are_reported_and_what_succeeds_is_kept(project: Project) -> None:
    project.write("snippets/29/bad.py", "# %% results\n1 / 0\n")
    project.write("snippets/29/worse.py", "# %% results\nundefined\n")
    project.write("snippets/29/good.py", "# %% results\nresults = {'seeds': [0]}\nprint(results)\n")
    done = project.command("pipeline", "run", "--jobs", "2")
    assert done.returncode == 1
    assert "snippets/29/bad.py:2: Cell 'results' raised ZeroDivisionError" in done.stderr
    assert "snippets/29/worse.py:2: Cell 'results' raised NameError" in done.stderr
    assert project.read("docs/generated/29/good/cells/results.txt") == "{'seeds': [0]}"
