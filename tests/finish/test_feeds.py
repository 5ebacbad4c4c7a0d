from __future__ import annotations

import pytest

from tests.finish import guards, notices
from tests.project import Project


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("</item>", ""),
        ("<pubDate>", "<pubDate>someday, "),
        ("<description>One", "<description></description><nothing>One"),
        ('length="', 'length="1'),
        ("29/preview.png&#34;", "29/review.png&#34;"),
        ("<guid>", "<!--<guid>-->"),
    ],
)
def test_the_guard_of_the_feed_notices(old: str, new: str, published_copy: Project) -> None:
    notices(guards.feed, published_copy, "feed.xml", old, new)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("llms.txt", "29/toy/index.md", "29/toi/index.md"),
        ("llms.txt", "> ", ""),
        ("llms.txt", ": Twice the seed, measured over five of them.", ""),
        ("robots.txt", "Sitemap", "Sidemap"),
        ("sitemap.xml", "29/toy/</loc>", "29/toi/</loc>"),
    ],
)
def test_the_guard_of_the_lists_notices(file: str, old: str, new: str, published_copy: Project) -> None:
    notices(guards.listings, published_copy, file, old, new)
