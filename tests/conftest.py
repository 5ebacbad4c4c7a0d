from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipeline.run.snippet import Snippet
from tests.project import ROOT, Project, create


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rewrite", action="store_true", help="write tests/golden anew from what the toy's build gives")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture(scope="session")
def good_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose site has been built. Not to be changed: take ``project``."""
    project = create(tmp_path_factory.mktemp("good") / "project")
    done = project.make("site")
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def project(good_project: Project, tmp_path: Path) -> Project:
    """A copy of the built project, to break."""
    return good_project.copy(tmp_path / "project")


@pytest.fixture(scope="session")
def site() -> Path:
    """The real site, as `make site` left it."""
    folder = ROOT / "site"
    assert (folder / "index.html").is_file(), "There is no built site: run 'make site' first, or 'make test' for both."
    return folder


@pytest.fixture(scope="session")
def take_home() -> Callable[[str], dict[str, Any]]:
    """The names that the cell `take-home` of a concept defines, run alone as a reader would."""

    def namespace(concept: str) -> dict[str, Any]:
        (source,) = (cell.code for cell in Snippet(ROOT, concept).read() if cell.name == "take-home")
        names: dict[str, Any] = {"__name__": "take_home"}
        exec(compile(source, f"{concept}: take-home", "exec"), names)
        return names

    return namespace
