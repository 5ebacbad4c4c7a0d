"""What becomes of rendered pages. Each test module is named after the module of ``pipeline/finish`` that it tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.project import Project

Guard = Callable[[Path], list[str]]
ADDRESS = "https://example.org/ml/"
ARTICLE, PART, HOME = "29/toy/index.html", "29/index.html", "index.html"


def notices(guard: Guard, project: Project, file: str, old: str, new: str) -> None:
    """A guard that finds nothing finds something once this is changed in a file of the site."""
    text = project.read(f"site/{file}")
    assert old in text, f"{old!r} does not stand in {file}: this test breaks nothing"
    project.write(f"site/{file}", text.replace(old, new, 1))
    assert guard(project.folder / "site")
