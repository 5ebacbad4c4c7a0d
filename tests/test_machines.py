"""What programs read: every guard finds nothing, and something once it is broken; with an address of its own and without."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pipeline.finish import csp as policy
from pipeline.finish import minify as lighten
from pipeline.finish import previews
from tests import guards, machines
from tests.project import PAGE, ROOT, Project

Guard = Callable[[Path], list[str]]
ADDRESS = "https://example.org/ml/"
ARTICLE, PART, HOME = "29/toy/index.html", "29/index.html", "index.html"


@pytest.fixture(scope="module")
def published(good_project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The toy, built to stand at an address of its own. Not to be changed."""
    project = good_project.copy(tmp_path_factory.mktemp("published") / "project")
    done = project.build(SITE_URL=ADDRESS)
    assert done.returncode == 0, done.stderr
    return project


@pytest.mark.built
@pytest.mark.parametrize("guard", machines.ALL, ids=lambda guard: guard.__name__)
def test_the_site_passes(guard: Guard, site: Path) -> None:
    assert guard(site) == []


@pytest.mark.parametrize("guard", machines.ALL, ids=lambda guard: guard.__name__)
def test_the_toy_passes(guard: Guard, good_project: Project) -> None:
    assert guard(good_project.folder / "site") == []


@pytest.mark.parametrize("guard", [*machines.ALL, *guards.ALL], ids=lambda guard: guard.__name__)
def test_the_toy_passes_at_an_address_of_its_own(guard: Guard, published: Project) -> None:
    assert guard(published.folder / "site") == []


@pytest.mark.parametrize(
    ("guard", "page", "old", "new"),
    [
        (machines.policies, ARTICLE, "'sha256-", "'sha256-0"),
        (machines.policies, ARTICLE, "</article>", "<script>alert(1)</script></article>"),
        (machines.policies, ARTICLE, "</article>", '<p style="color: red">x</p></article>'),
        (machines.policies, ARTICLE, "</article>", '<p onclick="alert(1)">x</p></article>'),
        (machines.policies, ARTICLE, "</article>", '<a href="javascript:alert(1)">x</a></article>'),
        (machines.policies, ARTICLE, "script-src 'self'", "script-src 'self' 'unsafe-eval'"),
        (machines.policies, ARTICLE, "default-src 'self'", "default-src *"),
        (machines.policies, ARTICLE, '<meta charset="utf-8">', '<meta charset="utf-8"><script></script>'),
        (machines.policies, "404.html", "Content-Security-Policy", "Content-Policy"),
        (machines.previews, ARTICLE, 'property="og:image"', 'property="og:picture"'),
        (machines.previews, ARTICLE, "29/toy/preview.png", "29/toy/review.png"),
        (machines.previews, ARTICLE, f"{ADDRESS}29/toy/preview.png", "preview.png"),
        (machines.previews, ARTICLE, 'content="1200"', 'content="1000"'),
        (machines.previews, ARTICLE, 'content="A straight line."', 'content=""'),
        (machines.previews, ARTICLE, 'content="A straight line."', 'content="{{ toy.delay }}"'),
        (machines.previews, ARTICLE, 'name="description"', 'name="descriptor"'),
        (machines.facts, ARTICLE, '"headline"', '"headlein"'),
        (machines.facts, ARTICLE, '"dateModified":"2', '"dateModified":"1'),
        (machines.facts, ARTICLE, "toy/results.json\"}", "toy/result.json\"}"),
        (machines.facts, ARTICLE, '"url":"https://example.org/ml/29/"', '"url":"../"'),
        (machines.facts, ARTICLE, '"citation":[{', '"citation":[],"cites":[{'),
        (machines.facts, PART, '"hasPart"', '"parts"'),
        (machines.facts, HOME, '"@type":"WebSite"', '"@type":"Website"'),
        (machines.facts, HOME, '{"@context"', '{,"@context"'),
        (machines.feed, "feed.xml", "</item>", ""),
        (machines.feed, "feed.xml", "<pubDate>", "<pubDate>someday, "),
        (machines.feed, "feed.xml", "<description>One", "<description></description><nothing>One"),
        (machines.feed, "feed.xml", 'length="', 'length="1'),
        (machines.feed, "feed.xml", "29/preview.png&#34;", "29/review.png&#34;"),
        (machines.feed, "feed.xml", "<guid>", "<!--<guid>-->"),
        (machines.feed, ARTICLE, "application/rss+xml", "application/xml"),
        (machines.listings, "llms.txt", "29/toy/index.md", "29/toi/index.md"),
        (machines.listings, "llms.txt", "> ", ""),
        (machines.listings, "llms.txt", ": Twice the seed, measured over five of them.", ""),
        (machines.listings, ARTICLE, 'href="index.md"', 'href="index.html"'),
        (machines.listings, ARTICLE, "toy/results.json\"", "toy/run.json\""),
        (machines.listings, ARTICLE, 'rel="canonical" href="https://example.org/ml/29/toy/"', 'rel="canonical" href="https://example.org/toy/"'),
        (machines.listings, "robots.txt", "Sitemap", "Sidemap"),
        (machines.listings, "sitemap.xml", "29/toy/</loc>", "29/toi/</loc>"),
        (machines.searches, "search/search_index.json", "29/toy/#claim-delay", "29/toy/#claim-deley"),
        (machines.searches, "search/search_index.json", "<p>One toy", "<p>¶ One toy"),
        (machines.searches, "search/search_index.json", '"location":"29/"', '"location":"29/toy/"'),
        (machines.searches, "search/search_index.json", "glossary/#weight-decay", "glossary/"),
        (machines.searches, "search/search_index.json", '"location":"29/#abstract"', '"location":"generated/29/toy/run/"'),
    ],
)  # fmt: skip
def test_each_guard_notices_what_it_guards(
    guard: Guard, page: str, old: str, new: str, published: Project, tmp_path: Path
) -> None:
    project = published.copy(tmp_path / "project")
    text = project.read(f"site/{page}")
    assert old in text, f"{old!r} does not stand in {page}: this test breaks nothing"
    project.write(f"site/{page}", text.replace(old, new, 1))
    assert guard(project.folder / "site")


def test_a_damaged_image_is_noticed(published: Project, tmp_path: Path) -> None:
    project = published.copy(tmp_path / "project")
    image = project.folder / "site/29/toy/preview.png"
    image.write_bytes(image.read_bytes()[:-20])
    assert machines.previews(project.folder / "site")


# -- with and without an address -----------------------------------------------------------------------------------


def test_without_an_address_nothing_is_said_that_needs_one(good_project: Project) -> None:
    site = good_project.folder / "site"
    assert "canonical" not in (site / ARTICLE).read_text()
    assert "Sitemap" not in (site / "robots.txt").read_text()
    for file in [*site.rglob("*.html"), site / "feed.xml", site / "llms.txt"]:
        assert not re.search(r"https?://(127\.0\.0\.1|localhost|None)", file.read_text()), file


def test_an_address_without_its_slash_is_meant_with_it(published: Project, tmp_path: Path) -> None:
    project = published.copy(tmp_path / "project")
    assert project.build(SITE_URL=ADDRESS.rstrip("/")).returncode == 0
    assert project.digest() == published.digest()


def test_an_address_that_is_none_ends_in_one_line(project: Project) -> None:
    before = project.digest()
    done = project.build(SITE_URL="example.org")
    assert done.returncode != 0
    assert "site_url" in done.stderr
    assert "Traceback" not in done.stderr
    assert project.digest() == before


# -- previews ------------------------------------------------------------------------------------------------------


def test_two_builds_give_the_same_image_and_draw_it_once(published: Project, tmp_path: Path) -> None:
    project = published.copy(tmp_path / "project")
    image = project.folder / "site/29/toy/preview.png"
    before = image.read_bytes()
    kept = {path: path.stat().st_mtime_ns for path in (project.folder / ".cache/previews").iterdir()}
    assert project.build(SITE_URL=ADDRESS).returncode == 0
    assert {path: path.stat().st_mtime_ns for path in (project.folder / ".cache/previews").iterdir()} == kept
    for path in kept:
        path.unlink()
    assert project.build(SITE_URL=ADDRESS).returncode == 0
    assert image.read_bytes() == before


def test_a_card_holds_any_title_and_any_number_of_figures(tmp_path: Path, good_project: Project) -> None:
    figure = good_project.folder / "docs/generated/29/toy/line.light.svg"
    one = previews.draw(tmp_path, "Site", "A & B <c>", [figure])
    five = previews.draw(
        tmp_path, "Site", "A title so long that it would leave its line if it were set as large as others", [figure] * 5
    )
    assert one != five
    assert one.startswith(b"\x89PNG")


def test_the_headline_s_macros_are_resolved_in_the_preview(project: Project) -> None:
    project.replace(PAGE, "alt: A straight line.", 'alt: "It comes {{ toy.delay.median }} times later."')
    assert project.build().returncode == 0
    assert 'property="og:image:alt" content="It comes 21 times later."' in project.read(f"site/{ARTICLE}")


# -- data ----------------------------------------------------------------------------------------------------------


def test_text_that_would_end_the_script_stays_within_it(project: Project) -> None:
    project.replace(
        PAGE,
        "description: Twice the seed, measured over five of them.",
        'description: "A </script><b> & \'quoted\' \\"one\\""',
    )
    assert project.build().returncode == 0
    html = project.read(f"site/{ARTICLE}")
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', html)
    assert block
    assert json.loads(block[1])["description"] == "A </script><b> & 'quoted' \"one\""
    assert machines.facts(project.folder / "site") == []


def test_an_article_cites_what_it_cites(published: Project) -> None:
    block = re.search(r'<script type="application/ld\+json">(.*?)</script>', published.read(f"site/{ARTICLE}"))
    assert block
    assert json.loads(block[1])["citation"] == [{"@id": "https://arxiv.org/abs/2201.02177"}]


# -- policy --------------------------------------------------------------------------------------------------------


def test_the_policy_names_what_runs_and_not_what_is_data_or_a_file() -> None:
    html = '<script>a()</script><script src="b.js"></script><script type="application/json">{}</script><script>a()</script><script async>c()</script>'
    named = re.findall(r"'sha256-[^']+'", policy.policy(html))
    assert len(named) == 2


def test_a_page_loses_its_empty_lines_and_nothing_else() -> None:
    html = '<p>\n\n  a <b>b</b>\n</p>\n<pre>\n x\n\n   y</pre>\n\n<script>\n a\n\n b</script><td style="text-align: right;">1</td>'
    assert lighten.page(html) == (
        '<p>\na <b>b</b>\n</p>\n<pre>\n x\n\n   y</pre>\n<script>\n a\n\n b</script><td class="right">1</td>'
    )


def test_every_host_is_told_the_same_headers() -> None:
    headers = re.findall(r"^  ([\w-]+): (.+)$", (ROOT / "docs/_headers").read_text(), re.MULTILINE)
    told = (ROOT / "docs/contributing.md").read_text()
    assert len(headers) == 3
    for name, value in headers:
        assert f'add_header {name} "{value}" always;' in told
        assert f'Header always set {name} "{value}"' in told
    assert told.count("add_header ") == told.count("Header always ") == len(headers)


def test_the_workflow_says_where_the_site_will_stand() -> None:
    workflow = (ROOT / ".github/workflows/site.yml").read_text()
    assert "SITE_URL: ${{ steps.pages.outputs.base_url }}" in workflow
