"""Whole pages: every guard finds nothing, on the site and on toys that stand at several addresses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.finish.page import finish
from pipeline.finish.site import Site
from tests import guards
from tests.finish import ADDRESS, ARTICLE, Guard
from tests.finish import guards as programs
from tests.project import ROOT, Project

BOTH = [*programs.ALL, *guards.ALL]


@pytest.mark.built
@pytest.mark.parametrize("guard", programs.ALL, ids=lambda guard: guard.__name__)
def test_the_site_passes(guard: Guard, site: Path) -> None:
    assert guard(site) == []


@pytest.mark.parametrize("guard", programs.ALL, ids=lambda guard: guard.__name__)
def test_the_toy_passes(guard: Guard, good_project: Project) -> None:
    assert guard(good_project.folder / "site") == []


@pytest.mark.parametrize("guard", BOTH, ids=lambda guard: guard.__name__)
def test_the_toy_passes_at_an_address_of_its_own(guard: Guard, published: Project) -> None:
    assert guard(published.folder / "site") == []


@pytest.mark.parametrize("guard", BOTH, ids=lambda guard: guard.__name__)
def test_the_odd_toy_passes(guard: Guard, odd: Project) -> None:
    assert guard(odd.folder / "site") == []


def test_without_an_address_nothing_is_said_that_needs_one(good_project: Project) -> None:
    site = good_project.folder / "site"
    assert "canonical" not in (site / ARTICLE).read_text()
    assert "Sitemap" not in (site / "robots.txt").read_text()
    for file in [*site.rglob("*.html"), site / "feed.xml", site / "llms.txt"]:
        assert not re.search(r"https?://(127\.0\.0\.1|localhost|None)", file.read_text()), file


def test_an_address_without_its_slash_is_meant_with_it(published: Project, published_copy: Project) -> None:
    assert published_copy.build(SITE_URL=ADDRESS.rstrip("/")).returncode == 0
    assert published_copy.digest() == published.digest()


def test_an_address_that_is_none_ends_in_one_line(project: Project) -> None:
    before = project.digest()
    done = project.build(SITE_URL="example.org")
    assert done.returncode != 0
    assert "site_url" in done.stderr
    assert "Traceback" not in done.stderr
    assert project.digest() == before


def test_the_workflow_says_where_the_site_will_stand() -> None:
    workflow = (ROOT / ".github/workflows/site.yml").read_text()
    assert "SITE_URL: ${{ steps.pages.outputs.base_url }}" in workflow


def test_a_page_that_is_served_has_no_policy_and_all_else(tmp_path: Path) -> None:
    site = Site("Site", "A site.", tmp_path, tmp_path, {})
    html = '<!doctype html><meta charset="utf-8"><a href="x.py">x</a>'
    assert "Content-Security-Policy" in finish(html, site)
    served = finish(html, site, served=True)
    assert "Content-Security-Policy" not in served
    assert '<a href="x.py" download="">' in served
