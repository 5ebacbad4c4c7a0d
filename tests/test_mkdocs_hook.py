"""What is checked is what is built: the pages are those that MkDocs hands over, in every way that it finds pages."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tests.project import PAGE, Project, lines_of

FALSE = "---\nclaims:\n  - says: It is late\n    measured: delay\n    holds: min(delay) >= 1000\n    paper: x\n    control: delay_control\n    evidence: correlational, toy, one data set\n---\n# Late\n"  # fmt: skip


def refused(project: Project, *parts: str) -> None:
    before = project.digest()
    done = project.build()
    told = done.stdout + done.stderr
    assert done.returncode == 1, told
    assert list(lines_of(told, *parts)), told
    assert "Traceback" not in told
    assert project.digest() == before


@pytest.mark.parametrize("hidden", ["docs/29/.#toy.md", "docs/.obsidian/page.md", "docs/29/.toy.md.swp"])
def test_what_editors_leave_is_no_page(hidden: str, project: Project) -> None:
    path = project.folder / hidden
    path.parent.mkdir(exist_ok=True)
    if "#" in hidden:
        path.symlink_to("someone@somewhere.1234:5678")  # an editor's lock leads nowhere
    else:
        path.write_text("{{ nosuch }}", encoding="utf-8")
    done = project.build()
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("ending", ["markdown", "mdown", "mkdn", "mkd"])
def test_a_false_claim_is_found_whatever_a_page_ends_with(ending: str, project: Project) -> None:
    (project.folder / PAGE).rename(project.folder / f"docs/29/toy.{ending}")
    for page in ("docs/index.md", "docs/29/index.md"):
        project.write(page, project.read(page).replace("toy.md", f"toy.{ending}"))
    project.replace(f"docs/29/toy.{ending}", "min(delay) >= 8", "min(delay) >= 1000")
    refused(project, f"docs/29/toy.{ending}:3:", "does not hold")


def test_a_false_claim_is_found_behind_a_link_to_a_folder_or_a_page(project: Project, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "toy.md").write_text(FALSE, encoding="utf-8")
    (project.folder / PAGE).unlink()
    (project.folder / PAGE).symlink_to(elsewhere / "toy.md")
    refused(project, f"{PAGE}:3:", "does not hold")


def test_a_false_claim_is_found_on_a_page_that_another_hook_makes(project: Project) -> None:
    project.write(
        "more.py",
        "from mkdocs.structure.files import File\n\n\ndef on_files(files, config):\n"
        f"    files.remove(files.get_file_from_path('29/toy.md'))\n"
        f"    files.append(File.generated(config, '29/toy.md', content={FALSE!r}))\n",
    )
    project.replace("mkdocs.yml", "hooks: [", "hooks: [more.py, ")
    refused(project, f"{PAGE}:3:", "does not hold")


@pytest.mark.parametrize("name", ["x.md", "x.png"])
def test_a_link_that_leads_nowhere_is_told(name: str, project: Project) -> None:
    (project.folder / "docs" / name).symlink_to("nowhere")
    refused(project, f"docs/{name}: This file cannot be read")


def test_a_raw_notebook_in_the_navigation_is_told(project: Project) -> None:
    project.write("docs/raw.ipynb", '{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    project.write("mkdocs.yml", project.read("mkdocs.yml") + "nav: [index.md, raw.ipynb]\n")
    refused(project, "docs/raw.ipynb is no page")


def test_a_port_that_is_in_use_is_told_before_anything_is_built(project: Project) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        done = project.command("mkdocs", "serve", "--strict", "--dev-addr", address, NO_MKDOCS_2_WARNING="1")
    assert done.returncode == 1
    assert list(lines_of(done.stderr, f"port {address.partition(':')[2]}", "ddress already in use"))
    assert "Traceback" not in done.stderr
    assert "Documentation built" not in done.stderr


@pytest.mark.parametrize("urls", ["true", "false"])
def test_odd_names_of_pages_have_addresses_that_work(urls: str, project: Project) -> None:
    from tests import guards

    os.rename(project.folder / PAGE, project.folder / "docs/29/größe und maß.md")
    os.rename(project.folder / "snippets/29/toy.py", project.folder / "snippets/29/größe und maß.py")
    for page in ("docs/index.md", "docs/29/größe und maß.md"):
        text = project.read(page).replace("29/toy.md", "29/größe%20und%20maß.md").replace("29/toy", "29/größe und maß")
        project.write(page, text.replace("toy.", "here."))
    project.write("mkdocs.yml", project.read("mkdocs.yml") + f"use_directory_urls: {urls}\n")
    done = project.build()
    if done.returncode:
        assert list(lines_of(done.stdout + done.stderr, "größe und maß"))  # refused, in a sentence
        assert "Traceback" not in done.stdout + done.stderr
    else:
        assert guards.broken_links(project.folder / "site") == []


def test_no_syntax_of_a_page_eats_or_mangles_what_it_says(project: Project) -> None:
    figure = '{{ figure("29/toy", "line", alt="A line.", caption="Again.") }}'
    project.replace(PAGE, "  - says: It comes much later", "  - says: It comes $|w|$ later")
    project.replace(
        PAGE,
        "## Does it hold?",
        "### Odd {#id}\n\nIt costs $5-$10 an hour #} and stays.\n\n"
        f"!!! note\n\n    {figure}\n\n- a list\n\n    {figure}\n\n## Does it hold?",
    )
    done = project.build()
    assert done.returncode == 0, done.stderr
    page = BeautifulSoup(project.read("site/29/toy/index.html"), "html.parser")
    assert page.select_one("h3#id")
    assert "It costs $5-$10 an hour #} and stays." in page.get_text()
    for place in (".admonition", "article li:not(.md-nav__item)"):
        assert page.select(f"{place} figure img"), place
    assert [figure["id"] for figure in page.select('figure[id^="figure-line"]')] == [
        f"figure-line{again}" for again in ("", "-2", "-3")
    ]
    claim = page.select_one(".claims tbody td math")
    assert claim
    assert "‖" not in claim.get_text()
    assert claim.get_text().count("|") == 2


@pytest.mark.parametrize("folder", ["snippets", ".", "docs/site", "theme"])
def test_a_site_in_the_place_of_its_sources_is_refused(folder: str, project: Project) -> None:
    project.write("mkdocs.yml", f"{project.read('mkdocs.yml')}site_dir: {folder}\n")
    before = project.digest("snippets") | project.digest("docs") | project.digest("pipeline")
    done = project.build()
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert project.digest("snippets") | project.digest("docs") | project.digest("pipeline") == before


def test_a_dirty_build_is_refused_and_deletes_nothing(project: Project) -> None:
    project.write("site/keep.txt", "mine")
    done = project.command("mkdocs", "build", "--dirty", NO_MKDOCS_2_WARNING="1")
    assert done.returncode == 1
    assert list(lines_of(done.stdout + done.stderr, "no dirty build"))
    assert "Traceback" not in done.stderr
    assert project.read("site/keep.txt") == "mine"


def test_a_page_of_another_ending_is_linked_from_its_full_run(project: Project) -> None:
    (project.folder / PAGE).rename(project.folder / "docs/29/toy.markdown")
    for page in ("docs/index.md",):
        project.write(page, project.read(page).replace("toy.md", "toy.markdown"))
    done = project.build()
    assert done.returncode == 0, done.stderr
    assert 'href="../../../../29/toy/"' in project.read("site/generated/29/toy/run/index.html")
