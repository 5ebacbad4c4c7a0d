"""The executed notebook: valid, with what was printed and drawn, and leading to where its files are."""

from __future__ import annotations

import re

import nbformat
from nbformat import NotebookNode

from tests.project import SNIPPET, Project

GENERATED = "docs/generated/29/toy"


def notebook(project: Project, name: str) -> NotebookNode:
    found: NotebookNode = nbformat.read(project.folder / GENERATED / name, as_version=4)
    return found


def test_both_notebooks_are_valid_and_have_run(good_project: Project) -> None:
    for name in ("toy.ipynb", "run.ipynb"):
        there = notebook(good_project, name)
        nbformat.validate(there)
        code = [cell for cell in there.cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == [1, 2, 3, 4, 5]
        assert len({cell.id for cell in there.cells}) == len(there.cells)
    assert good_project.read(f"{GENERATED}/toy.py") == good_project.read(SNIPPET)


def test_the_downloaded_notebook_holds_its_figures(good_project: Project) -> None:
    by_name = {cell.metadata.get("title"): cell for cell in notebook(good_project, "toy.ipynb").cells}
    for name in ("line", "in-motion"):
        (output,) = by_name[name].outputs
        assert output.data["image/svg+xml"] == good_project.read(f"{GENERATED}/{name}.light.svg")
    assert by_name["results"].outputs[0].text == "[20.5, 21, 22.25, 19, 25]\n"


def test_the_addresses_on_the_page_are_those_of_files(good_project: Project) -> None:
    page = nbformat.writes(notebook(good_project, "run.ipynb")).replace('\\"', '"')
    found = {*re.findall(r"\]\(([^)]+)\)", page), *re.findall(r'(?:src|href)="([^"]+)"', page)}
    pictures = {f"{name}.{s}.svg#only-{s}" for name in ("line", "in-motion.still") for s in ("light", "dark")}
    assert found == {"../../../29/toy.md", "toy.py", "toy.ipynb", "in-motion.light.svg", *pictures}
    for address in found:
        assert (good_project.folder / GENERATED / address.partition("#")[0]).is_file(), address
