"""What happens inside the process of a snippet, where only its own process can tell."""

from __future__ import annotations

import subprocess
import sys

from tests.project import ROOT, SNIPPET, Project

GENERATED = "docs/generated/29/toy"


def test_the_peak_of_memory_is_not_that_of_who_started_the_process() -> None:
    ask = "from pipeline.run.inside.session import peak_memory; print(peak_memory())"
    start = f"import subprocess, sys; big = b'x' * 400_000_000; subprocess.run([sys.executable, '-c', {ask!r}])"
    done = subprocess.run([sys.executable, "-c", start], cwd=ROOT, capture_output=True, text=True, check=True)
    assert 0 < int(done.stdout) < 200


def test_a_future_import_counts_for_the_cells_that_follow(project: Project) -> None:
    text = project.read(SNIPPET)
    project.write(SNIPPET, text.replace("import os\n", "from __future__ import annotations\n\nimport os\n", 1))
    project.replace(SNIPPET, "def double(x: float)", "def double(x: a_type_that_is_never_made)")
    done = project.command("pipeline", "run")
    assert done.returncode == 0, done.stderr


def test_it_is_a_script(project: Project) -> None:
    """What a module, a class and a process that is forked look for in `__main__` is there."""
    code = (
        "from dataclasses import dataclass\nfrom multiprocessing import get_context\nimport pickle, sys\n\n"
        "@dataclass\nclass Point:\n    x: int\n\n"
        "def twice(x):\n    return 2 * x\n\n"
        "assert __name__ == '__main__' and pickle.loads(pickle.dumps(Point(3))) == Point(3)\n"
        "assert get_context('fork').Pool(1).map(twice, [4]) == [8]\n"
        "assert 'IPython' not in sys.modules and len(sys.argv) == 1 and sys.stdin.read() == ''\n"
    )
    project.replace(SNIPPET, "# %% take-home\n", f"# %% script\n{code}\n# %% take-home\n")
    done = project.command("pipeline", "run")
    assert done.returncode == 0, done.stderr
