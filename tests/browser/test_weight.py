"""What a first visit costs, and what a page's policy keeps from running."""

from __future__ import annotations

import gzip
import random
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser

from tests.browser.visit import Scheme, Visit, serve, visiting
from tests.project import ROOT, Project

LIMIT = 600_000  # bytes on the wire
PACKED = (".woff2", ".png")  # already: hosts send them as they are, and all else compressed
ARTICLES = sorted(f"{path.parent.name}/{path.stem}/" for path in (ROOT / "docs").glob("[0-9]*/[!i]*.md"))
ARTICLE = "29/toy/index.html"


def first_load(visited: Visit, address: str, site: Path) -> list[Path]:
    """The files that a page asks for by itself."""
    loaded: list[str] = []
    visited.page.on("response", lambda response: loaded.append(response.url))
    visited.page.goto(visited.base + address, wait_until="networkidle")
    paths = {site / unquote(urlsplit(url).path).lstrip("/") for url in loaded}
    return [path / "index.html" if path.is_dir() else path for path in sorted(paths)]


def weight(files: list[Path]) -> int:
    return sum(len(b if f.suffix in PACKED else gzip.compress(b)) for f in files for b in [f.read_bytes()])


def of_the_other_scheme(files: list[Path], scheme: Scheme) -> list[str]:
    other = "light" if scheme == "dark" else "dark"
    return [file.name for file in files if file.name.endswith(f".{other}.svg")]


@pytest.mark.built
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("article", ARTICLES)
def test_a_first_visit_is_light_and_loads_one_scheme(
    article: str, scheme: Scheme, browser: Browser, address: str, site: Path
) -> None:
    with visiting(browser, address, scheme) as visited:
        files = first_load(visited, article, site)
        assert weight(files) <= LIMIT, {file.name: file.stat().st_size for file in files}
        assert of_the_other_scheme(files, scheme) == []


def test_what_weighs_too_much_or_is_of_the_other_scheme_is_noticed(browser: Browser, project: Project) -> None:
    html = project.read(f"site/{ARTICLE}")
    assert 'loading="lazy"' in html
    noise = random.Random(0).randbytes(LIMIT).hex()
    project.write(f"site/{ARTICLE}", html.replace('loading="lazy"', "") + f"<!--{noise}-->")
    site = project.folder / "site"
    with serve(site) as address, visiting(browser, address, "dark") as visited:
        files = first_load(visited, "29/toy/", site)
        assert weight(files) > LIMIT
        assert "line.light.svg" in of_the_other_scheme(files, "dark")


def test_a_script_that_the_policy_does_not_name_does_not_run(browser: Browser, project: Project) -> None:
    injected = (
        '<script>document.title = "it ran"</script><p id="x" onclick="document.title = \'it ran\'">press</p></article>'
    )
    project.write(f"site/{ARTICLE}", project.read(f"site/{ARTICLE}").replace("</article>", injected))
    with serve(project.folder / "site") as address, visiting(browser, address) as visited:
        page = visited.open("29/toy/")
        page.click("#x")
        assert page.title().startswith("Toy")
        assert len([heard for heard in visited.heard if "Content Security Policy" in heard]) == 2
