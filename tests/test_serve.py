"""`mkdocs serve`, as an author uses it: edit, save, look at the page."""

from __future__ import annotations

import html
import os
import re
import socket
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest

from tests.project import PAGE, SNIPPET, Project, lines_of

RECORD = "docs/generated/29/toy/run.json"


class Server:
    def __init__(self, project: Project) -> None:
        self.project = project
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.process = subprocess.Popen(
            [".venv/bin/python", "-u", "-m", "mkdocs", "serve", "--dev-addr", self.address],
            cwd=project.folder,
            env=project.environment(),
            stderr=subprocess.PIPE,
            text=True,
        )
        self.told: list[str] = []
        self.told_until("Serving on")

    def told_until(self, words: str) -> str:
        """Read what the terminal shows until these words come."""
        assert self.process.stderr is not None
        start = len(self.told)
        for line in self.process.stderr:
            self.told.append(line)
            if words in line:
                return "".join(self.told[start:])
        raise AssertionError(f"the server ended before it said {words!r}:\n" + "".join(self.told))

    def get(self, path: str) -> str:
        with urllib.request.urlopen(f"http://{self.address}{path}", timeout=120) as answer:
            text: str = answer.read().decode()
            return text

    def page(self) -> str:
        return self.get("/29/toy/")

    def stop(self) -> None:
        self.process.terminate()
        self.process.communicate(timeout=30)


@pytest.fixture
def server(project: Project) -> Iterator[Server]:
    server = Server(project)
    yield server
    server.stop()


def test_editing_prose_runs_nothing(server: Server) -> None:
    record = server.project.read(RECORD)
    server.project.replace(PAGE, "It comes {{", "In the end it comes {{")
    told = server.told_until("Reloading browsers")
    assert "ran 29/toy" not in told
    assert server.project.read(RECORD) == record
    assert "In the end it comes 21.0" in server.page()
    assert ".jp-" in server.get("/assets/notebook.css")  # which pages that are as they were need, too


def test_editing_a_snippet_runs_it_and_the_page_follows(server: Server) -> None:
    server.project.replace(SNIPPET, "20.5, 21, 22.25", "20.5, 28, 29.5")
    told = server.told_until("Reloading browsers")
    assert "ran 29/toy" in told
    assert "It comes 25.0 (19.0–29.5) times later" in server.page()


def test_a_failing_snippet_leaves_the_server_alive_and_says_so_on_the_page(server: Server) -> None:
    good = server.project.read(SNIPPET)
    line = server.project.replace(SNIPPET, "    return 2 * x", "    return 2 / x")
    told = server.told_until("Reloading browsers")
    assert f"{SNIPPET}:{line}: Cell 'line' raised ZeroDivisionError" in told
    page = html.unescape(server.page())
    assert f"{SNIPPET}:{line}: Cell 'line' raised ZeroDivisionError" in page
    assert "It comes 21.0 (19.0–25.0) times later" in page  # with the numbers of the last good run

    server.project.replace(PAGE, "It comes {{", "In the end it comes {{")
    told = server.told_until("Reloading browsers")
    assert "29/toy: snippet changed" not in told  # what failed is not run again until it is changed

    server.project.write(SNIPPET, good)
    server.told_until("Reloading browsers")
    assert "ZeroDivisionError" not in server.page()


def test_a_repair_saved_while_the_broken_version_runs_is_run(server: Server) -> None:
    project = server.project
    good = project.read(SNIPPET)
    pipe = project.folder / "started"
    os.mkfifo(pipe)
    project.replace(SNIPPET, "    return 2 * x", f"    open({str(pipe)!r}).read()\n    return 2 / 0")
    with pipe.open("w"):  # opens when the snippet opens its end
        project.write(SNIPPET, good)
    server.told_until("Reloading browsers")
    server.told_until("Reloading browsers")
    assert "ZeroDivisionError" not in server.page()


def test_every_problem_is_told(server: Server) -> None:
    server.project.write("docs/other.md", "# Other\n\n{{ nosuch }}\n")
    server.project.replace(SNIPPET, "    return 2 * x", "    return 2 / 0")
    told = server.told_until("Reloading browsers")
    assert "nosuch" in told
    assert "ZeroDivisionError" in told


def test_a_macro_that_fails_leaves_the_server_alive(server: Server) -> None:
    line = server.project.replace(PAGE, "{{ toy.delay }}", "{{ 1 / 0 }}")
    told = server.told_until("Reloading browsers")
    assert f"{PAGE}:{line}: `{{{{ 1 / 0 }}}}` cannot be computed: ZeroDivisionError" in told
    assert "cannot be computed" in server.page()
    server.project.replace(PAGE, "{{ 1 / 0 }}", "{{ toy.delay }}")
    server.told_until("Reloading browsers")
    assert "It comes 21.0" in server.page()


def test_a_link_to_nowhere_in_a_snippet_is_told_and_leaves_the_server_alive(server: Server) -> None:
    server.project.replace(SNIPPET, "# # Toy\n", "# # Toy\n# See [the article](../../../29/toi.md).\n#\n")
    told = server.told_until("Reloading browsers")
    assert f"{SNIPPET}:3: The notebook links to '../../../29/toi.md'" in told
    assert "It comes 21.0" in server.page()
    server.project.replace(PAGE, "It comes {{", "In the end it comes {{")
    assert "The notebook links to '../../../29/toi.md'" in server.told_until("Reloading browsers")


def test_a_snippet_that_has_never_run_and_fails_shows_the_error_alone(project: Project) -> None:
    project.make("clean")
    good = project.read(SNIPPET)
    project.replace(SNIPPET, "seeds = [SEED", 'raise ValueError(f"{{braces}}")\nseeds = [SEED')
    server = Server(project)
    try:
        page = server.page()
        assert page.count("raised ValueError") == 1
        assert "It comes" not in page
        assert "Read about the" in server.get("/")
        project.write(SNIPPET, good)
        server.told_until("Reloading browsers")
        assert "It comes 21.0" in server.page()
    finally:
        server.stop()


def test_a_claim_that_fails_is_shown_as_failing(server: Server) -> None:
    server.project.replace(PAGE, "min(delay) >= 8", "min(delay) >= 20")
    told = server.told_until("Reloading browsers")
    assert "The claim does not hold" in told
    page = server.page()
    assert "✗ does not hold" in page
    assert re.search(r"claims that hold: 0 of 1", page)


def test_an_unknown_name_leaves_the_server_alive(server: Server) -> None:
    server.project.replace(PAGE, "{{ toy.delay }}", "{{ toy.delai }}")
    told = server.told_until("Reloading browsers")
    assert "no result named 'delai'" in told
    assert "Did you mean" in server.page()
    server.project.replace(PAGE, "{{ toy.delai }}", "{{ toy.delay }}")
    server.told_until("Reloading browsers")
    assert "It comes 21.0" in server.page()


def test_no_fault_of_a_page_ends_the_server(server: Server) -> None:
    good = server.project.read(PAGE)
    for old, new, said in (
        ("title: Toy", "day: 2026-13-45\ntitle: Toy", "month must be in 1..12"),
        ("title: Toy", "day: a\x07b\ntitle: Toy", "U+0007"),
        ("title: Toy", "title: [", "not YAML"),
        ("{{ toy.delay }}", "{{ toy.delay / 2 }}", "cannot be computed"),
        ("{{ toy.delay }}", "{% if %}", "cannot be read"),
        ("$y = 2 x$", r"$\left( x$", "cannot be read"),
        ("$y = 2 x$", r"$\frac{1}$", "cannot be read"),
        ('"29/toy", "line"', '"29/toy", "in-motion"', "moves"),
    ):
        server.project.replace(PAGE, old, new)
        told = server.told_until("Reloading browsers")
        assert list(lines_of(told, f"{PAGE}:", said)), told
        assert "Traceback" not in told
        assert "This page waits to be mended" in server.page()
        server.project.write(PAGE, good)
        server.told_until("Reloading browsers")
    assert "It comes 21.0" in server.page()


def test_what_stands_on_every_page_follows(server: Server) -> None:
    assert 'title="Permanent link">¶</a>' in server.page()
    server.project.replace("mkdocs.yml", "toc: {permalink: true}", 'toc: {permalink: "§"}')
    server.told_until("Reloading browsers")
    assert 'title="Permanent link">§</a>' in server.page()

    server.project.replace("theme/main.html", "{% block extrahead %}", "{% block extrahead %}<!-- tried -->")
    server.told_until("Reloading browsers")
    assert "<!-- tried -->" in server.page()


def test_what_pages_show_of_each_other_follows(server: Server) -> None:
    topics = server.get("/tags/").count('href="#tag:doubling"')
    server.project.write("docs/other.md", "# Another\n\nIt is a page.\n")
    server.told_until("Reloading browsers")
    assert "Another" in server.page()  # in the navigation

    server.project.replace("docs/other.md", "# Another", "# Renamed")
    server.told_until("Reloading browsers")
    assert "Renamed" in server.page()
    assert "Another" not in server.page()
    assert server.get("/tags/").count('href="#tag:doubling"') == topics  # laid out anew, from what was rendered before

    server.project.replace(PAGE, "tags: [counting, doubling]", "tags: [doubling, mine]")
    server.told_until("Reloading browsers")
    assert server.get("/tags/").count('href="#tag:mine"') == topics
    assert "tag:counting" not in server.get("/tags/")

    (server.project.folder / "docs/other.md").unlink()
    server.told_until("Reloading browsers")
    assert "Renamed" not in server.page()


def test_a_link_to_a_page_that_was_deleted_is_told_and_leaves_the_server_alive(server: Server) -> None:
    server.project.write("docs/extra.md", "# Extra\n")
    server.told_until("Reloading browsers")
    server.project.write("docs/index.md", server.project.read("docs/index.md") + "\n[Extra](extra.md)\n")
    server.told_until("Reloading browsers")
    (server.project.folder / "docs/extra.md").unlink()
    told = server.told_until("Reloading browsers")
    assert list(lines_of(told, "index.md", "extra.md", "not found"))
    assert "Read about the" in server.get("/")
