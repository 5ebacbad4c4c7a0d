from __future__ import annotations

import pytest
from bs4 import BeautifulSoup

from tests.finish import ADDRESS, ARTICLE, guards, notices
from tests.project import Project


def told(project: Project, page: str) -> dict[str, str]:
    soup = BeautifulSoup(project.read(f"site/{page}"), "html.parser")
    assert soup.head
    return {str(m.get("property") or m.get("name")): str(m["content"]) for m in soup.head.select("meta[content]")}


@pytest.mark.parametrize(
    ("guard", "old", "new"),
    [
        (guards.previews, 'property="og:image"', 'property="og:picture"'),
        (guards.previews, "29/toy/preview.png", "29/toy/review.png"),
        (guards.previews, f"{ADDRESS}29/toy/preview.png", "preview.png"),
        (guards.previews, 'content="1200"', 'content="1000"'),
        (guards.previews, 'content="A straight line."', 'content=""'),
        (guards.previews, 'content="A straight line."', 'content="{{ toy.delay }}"'),
        (guards.previews, 'name="description"', 'name="descriptor"'),
        (guards.feed, "application/rss+xml", "application/xml"),
        (guards.listings, 'href="index.md"', 'href="index.html"'),
        (guards.listings, 'toy/results.json"', 'toy/run.json"'),
        (
            guards.listings,
            'rel="canonical" href="https://example.org/ml/29/toy/"',
            'rel="canonical" href="https://example.org/toy/"',
        ),
    ],
)
def test_the_guard_notices(guard: guards.Guard, old: str, new: str, published_copy: Project) -> None:
    notices(guard, published_copy, ARTICLE, old, new)


def test_a_description_with_marks_of_html_is_text(odd: Project) -> None:
    head = told(odd, "29/toy.html")
    assert head["description"] == head["og:description"] == "A </script></b> & 'quoted' \"one\" ></p>"
    page = BeautifulSoup(odd.read("site/29/toy.html"), "html.parser")
    assert page.select('head link[rel="stylesheet"]'), "the theme's own ended the head"


def test_the_headline_s_macros_are_resolved(odd: Project) -> None:
    assert told(odd, "29/toy.html")["og:image:alt"] == "It comes 21 times later."


def test_a_run_says_what_it_is_a_run_of(published: Project) -> None:
    head = told(published, "generated/29/toy/run/index.html")
    assert head["description"] == "Every cell of the experiment on Toy, with what it gave."
    assert head["og:url"] == f"{ADDRESS}generated/29/toy/run/"
