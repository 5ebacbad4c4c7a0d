"""Addresses: where each page, and what belongs to it, can be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.finish.site import Page, Site, relative
from pipeline.problem import Problem
from tests.project import Project


@pytest.mark.parametrize(
    ("address", "seen_from", "link"),
    [
        ("29/grokking/", "29/sam/", "../grokking/"),
        ("29/grokking.html", "29/sam.html", "grokking.html"),
        ("29/", "29/", "./"),
        ("", "29/sam/", "../.."),
        ("", "", "."),
        ("index.html", "29/sam.html", "../index.html"),
        ("feed.xml", "generated/29/sam/run/", "../../../../feed.xml"),
        ("29/gr%C3%B6%C3%9Fe%20x/", "29/", "gr%C3%B6%C3%9Fe%20x/"),
    ],
)
def test_an_address_as_a_link(address: str, seen_from: str, link: str) -> None:
    assert relative(address, seen_from) == link


@pytest.mark.parametrize(
    ("address", "markdown", "preview", "file"),
    [
        ("", "index.md", "preview.png", "index.html"),
        ("29/sam/", "29/sam/index.md", "29/sam/preview.png", "29/sam/index.html"),
        ("29/sam.html", "29/sam.md", "29/sam.preview.png", "29/sam.html"),
        ("29/index.html", "29/index.md", "29/index.preview.png", "29/index.html"),
        ("gr%C3%B6%C3%9Fe%20x/", "gr%C3%B6%C3%9Fe%20x/index.md", "gr%C3%B6%C3%9Fe%20x/preview.png", "größe x/index.html"),
    ],
)  # fmt: skip
def test_what_stands_beside_a_page(address: str, markdown: str, preview: str, file: str) -> None:
    page, output = Page("x.md", "X"), Path("/site")
    site = Site("Site", "", Path("/"), output, {"x.md": address})
    assert (site.markdown(page), site.preview(page), site.file(address)) == (markdown, preview, output / file)


def test_a_source_that_is_not_published_is_told() -> None:
    site = Site("Site", "", Path("/"), Path("/site"), {"29/sam.md": "29/sam/"})
    with pytest.raises(Problem, match="no part of the site"):
        site.address("29/sma.md")


def test_pages_that_are_files_have_their_own_beside_them(odd: Project) -> None:
    for name in ("29/toy.html", "29/toy.md", "29/toy.preview.png", "29/größe nötig.preview.png", "29/index.md"):
        assert (odd.folder / "site" / name).is_file(), name
    assert "/29/gr%C3%B6%C3%9Fe%20n%C3%B6tig.md)" in odd.read("site/llms.txt")
