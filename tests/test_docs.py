"""What people are told to type, and the template that they are told to copy."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from tests import codeblocks, guards
from tests.project import ROOT, SNIPPET, Project

DOCUMENTS = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").rglob("*.md") if "generated" not in p.parts)]


def _commands() -> list[str]:
    """Every line of every block of commands for a terminal, comments apart."""
    blocks = (block for path in DOCUMENTS for block in codeblocks.read(path.read_text(encoding="utf-8")).code)
    lines = (line for language, code in blocks if language in ("sh", "shell") for line in code.splitlines())
    return sorted({line.partition("#")[0].strip() for line in lines} - {""})


@pytest.mark.parametrize("command", _commands())
def test_a_command_in_the_documents_exists(command: str) -> None:
    program, *arguments = command.split()
    if program == "make":
        done = subprocess.run(["make", "--dry-run", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    elif (program, *arguments[:1]) in ((".venv/bin/python", "-m"), ("python3", "-m")):
        module, *options = arguments[1:]
        done = subprocess.run(
            [ROOT / ".venv/bin/python", "-m", module, "--help"], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0
        for name in (option for option in options if option.endswith((".txt", ".lock"))):
            assert (ROOT / name).is_file()
    else:
        assert re.fullmatch(r"\.venv/bin/(pip|uv) .+", command), (
            f"{command!r} is checked by nothing: add how to check it"
        )


def test_the_template_of_a_page_builds_and_passes_the_guards(project: Project) -> None:
    """The page in contributing.md, copied as it stands, with the toy in the place of the concept."""
    text = (ROOT / "docs/contributing.md").read_text(encoding="utf-8")
    (template,) = (code for language, code in codeblocks.read(text).code if "# My concept" in code)
    template = re.sub(r"\{% (end)?raw %\}", "", template).replace(";--8<--", "--8<--")
    snippet = project.read(SNIPPET).replace("# %% line", "# %% curves")
    snippet = snippet.replace('"delay_control"', '"share": 0.5, "delay_control"')
    project.write("snippets/29/my_concept.py", snippet)
    project.write("docs/29/my-concept.md", template)
    done = project.make("site")
    assert done.returncode == 0, done.stderr
    found = [wrong for guard in guards.ALL for wrong in guard(project.folder / "site") if "my" in wrong]
    assert found == []


def test_the_thirty_seconds_are_no_longer_than_promised() -> None:
    for path in (ROOT / "docs").glob("*/*.md"):
        section = re.search(r"^## In 30 seconds\n(.*?)^## ", path.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
        if section:
            assert _count(section[1]) <= 110, path


def _count(text: str) -> int:
    return len(re.sub(r"\{\{.*?\}\}|\\\(.*?\\\)", "x", text).split())


def test_every_experiment_has_its_page() -> None:
    pages = {Path(p).relative_to(ROOT / "docs").with_suffix("").as_posix() for p in (ROOT / "docs").glob("*/*.md")}
    snippets = {p.relative_to(ROOT / "snippets").with_suffix("").as_posix() for p in (ROOT / "snippets").glob("*/*.py")}
    assert {name.replace("_", "-") for name in snippets} <= pages
