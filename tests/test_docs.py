"""What people are told to type, and the template that they are told to copy."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests import codeblocks, guards
from tests.project import ROOT, Project

DOCUMENTS = [ROOT / "README.md", *sorted(p for p in (ROOT / "docs").rglob("*.md") if "generated" not in p.parts)]


def _commands() -> list[str]:
    """Every line of every block of commands for a terminal, comments apart."""
    blocks = (block for path in DOCUMENTS for block in codeblocks.read(path.read_text(encoding="utf-8")).code)
    lines = (line for language, code in blocks if language in ("sh", "shell") for line in code.splitlines())
    commands = {line.partition("#")[0].strip() for line in lines} - {""}
    return sorted(c for c in commands if not c.startswith(("cp ", "sed ")))  # these are followed below


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


def test_adding_a_concept_as_told_builds_and_passes_the_guards(project: Project) -> None:
    """The section of contributing.md, followed to the letter: its commands, and its line of navigation."""
    text = (ROOT / "docs/contributing.md").read_text(encoding="utf-8")
    section = re.split(r"^## ", text, flags=re.MULTILINE)
    (told,) = (part for part in section if part.startswith("Add a concept"))
    assert len(told.strip().splitlines()) <= 30, "this was to be read in under thirty lines"
    blocks = codeblocks.read(told).code
    (commands,) = (code for language, code in blocks if language == "shell")
    (line,) = (code for language, code in blocks if language == "yaml")
    shutil.copytree(ROOT / "tests" / "toy", project.folder / "tests" / "toy")
    for command in commands.splitlines():
        subprocess.run(command, shell=True, cwd=project.folder, check=True)
    nav = f"nav:\n  - Home: index.md\n  - Part 29:\n      - 29/index.md\n{line}\n"
    project.write(
        "mkdocs.yml",
        project.read("mkdocs.yml")
        + nav
        + "      - Toy: 29/toy.md\n  - glossary.md\n  - parts.md\n  - tags.md\n  - how-it-works.md\n",
    )
    done = project.make("site")
    assert done.returncode == 0, done.stderr
    site = project.folder / "site"
    assert [wrong for guard in guards.ALL for wrong in guard(site)] == []
    home, part = ((site / page).read_text(encoding="utf-8") for page in ("index.html", "29/index.html"))
    assert "My concept" in home  # in the navigation
    assert part.index('href="my-concept/"') < part.index('href="toy/"')  # in its order
    assert "29/my-concept/" in (site / "feed.xml").read_text(encoding="utf-8")


def test_every_experiment_has_its_page() -> None:
    pages = {Path(p).relative_to(ROOT / "docs").with_suffix("").as_posix() for p in (ROOT / "docs").glob("*/*.md")}
    snippets = {p.relative_to(ROOT / "snippets").with_suffix("").as_posix() for p in (ROOT / "snippets").glob("*/*.py")}
    assert {name.replace("_", "-") for name in snippets} <= pages
