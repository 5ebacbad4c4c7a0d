"""How a run is refused, as the person at the keyboard sees it."""

from __future__ import annotations

from tests.project import Project, lines_of

FIRST = "import os\n\nimport matplotlib"  # of the toy's setup cell, at line 6
LABELS = 'ax.set(xlabel="seed", ylabel="twice the seed")\nplt.show()'  # at the end of the toy's cell `line`


def refused(project: Project, *parts: str) -> str:
    """Run, and see that it fails, that one line says all these parts, and that what was there before stays."""
    before = project.digest("docs/generated")
    done = project.command("pipeline", "run")
    assert done.returncode == 1, done.stdout + done.stderr
    assert list(lines_of(done.stderr, *parts)), f"no line says {parts}:\n{done.stderr}"
    ours = [line for line in done.stderr.split("\n") if not line.startswith("    | ")]  # a snippet's own traceback
    assert "Traceback" not in "\n".join(ours), done.stderr
    assert project.digest("docs/generated") == before
    assert not project.processes()
    return done.stderr
