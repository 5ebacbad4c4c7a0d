from __future__ import annotations

from pathlib import Path

import pytest

from tests.finish import ADDRESS
from tests.project import PAGE, SNIPPET, Project


@pytest.fixture(scope="session")
def published(good_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The toy, built to stand at an address of its own. Not to be changed."""
    project = good_project.copy(tmp_path_factory.mktemp("published") / "project")
    done = project.build(SITE_URL=ADDRESS)
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture(scope="session")
def odd(good_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The toy with all that is unusual and allowed: pages that are files, an accent and a blank in their names, marks of
    HTML in what they say, signs that no font has. Not to be changed."""
    project = good_project.copy(tmp_path_factory.mktemp("odd") / "project")
    project.replace("mkdocs.yml", "docs_dir: docs", "docs_dir: docs\nuse_directory_urls: false")
    project.replace(PAGE, "title: Toy  #", "title: \"Toy 🎉 'n' 玩具\"  #")
    project.replace(
        PAGE,
        "description: Twice the seed, measured over five of them.",
        'description: "A </script></b> & \'quoted\' \\"one\\" ></p>"',
    )
    project.replace(PAGE, "alt: A straight line.", 'alt: "It comes {{ toy.delay.median }} times later."')
    project.replace(
        SNIPPET,
        "# # Toy\n",
        "# # Toy\n# See [the article](../../../29/toy.md#does-it-hold) and [home](/index.md).\n#\n",
    )
    project.write(
        "docs/29/größe nötig.md", "---\ndescription: Another.\n---\n# Größe\n\n[Toy](toy.md), [home](../index.md)\n"
    )
    project.write("docs/index.md", project.read("docs/index.md") + "\n[Größe](<29/größe nötig.md>)\n")
    done = project.build(SITE_URL=ADDRESS)
    assert done.returncode == 0, done.stderr
    return project


@pytest.fixture
def published_copy(published: Project, tmp_path: Path) -> Project:
    """The published toy, to break."""
    return published.copy(tmp_path / "project")
