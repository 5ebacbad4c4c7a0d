from __future__ import annotations

import re

import pytest

from pipeline.finish import csp
from pipeline.finish.html import parse, serialise
from tests.finish import ARTICLE, guards, notices
from tests.project import ROOT, Project


def test_the_policy_names_what_runs_and_not_what_is_data_or_a_file() -> None:
    html = (
        '<script>a()</script><script src="b.js"></script><script type="application/json">{}</script><script>a()</script>'
        '<script async>c()</script><script type="module">d()</script><template><script src="e.js"></script></template>'
    )
    assert len(re.findall(r"'sha256-[^']+'", csp.policy(parse(html)))) == 3


@pytest.mark.parametrize("head", ['<title>x</title><meta charset="utf-8"><script>a()</script>', "<script>a()</script>"])
def test_the_policy_comes_before_what_it_is_about(head: str) -> None:
    csp.protect(tree := parse(f"<!doctype html><head>{head}</head>"))
    html = serialise(tree)
    assert 0 < html.index("Content-Security-Policy") < html.index("<script")


@pytest.mark.parametrize(
    ("page", "old", "new"),
    [
        (ARTICLE, "'sha256-", "'sha256-0"),
        (ARTICLE, "</article>", "<script>alert(1)</script></article>"),
        (ARTICLE, "</article>", '<p style="color: red">x</p></article>'),
        (ARTICLE, "</article>", '<p onclick="alert(1)">x</p></article>'),
        (ARTICLE, "</article>", '<a href="javascript:alert(1)">x</a></article>'),
        (ARTICLE, "script-src 'self'", "script-src 'self' 'unsafe-eval'"),
        (ARTICLE, "default-src 'self'", "default-src *"),
        (ARTICLE, '<meta charset="utf-8">', '<meta charset="utf-8"><script></script>'),
        ("404.html", "Content-Security-Policy", "Content-Policy"),
    ],
)
def test_the_guard_notices(page: str, old: str, new: str, published_copy: Project) -> None:
    notices(guards.policies, published_copy, page, old, new)


def test_every_host_is_told_the_same_headers() -> None:
    headers = re.findall(r"^  ([\w-]+): (.+)$", (ROOT / "docs/_headers").read_text(), re.MULTILINE)
    told = (ROOT / "docs/contributing.md").read_text()
    assert len(headers) == 3
    for name, value in headers:
        assert f'add_header {name} "{value}" always;' in told
        assert f'Header always set {name} "{value}"' in told
    assert told.count("add_header ") == told.count("Header always ") == len(headers)
