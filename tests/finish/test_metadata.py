from __future__ import annotations

import json
from typing import Any

import pytest
from bs4 import BeautifulSoup

from tests.finish import ARTICLE, HOME, PART, guards, notices
from tests.project import Project


def data(project: Project, page: str) -> dict[str, Any]:
    block = BeautifulSoup(project.read(f"site/{page}"), "html.parser").find("script", type="application/ld+json")
    assert block
    read: dict[str, Any] = json.loads(block.get_text())
    return read


@pytest.mark.parametrize(
    ("page", "old", "new"),
    [
        (ARTICLE, '"headline"', '"headlein"'),
        (ARTICLE, '"dateModified":"2', '"dateModified":"1'),
        (ARTICLE, 'toy/results.json"}', 'toy/result.json"}'),
        (ARTICLE, '"url":"https://example.org/ml/29/"', '"url":"../"'),
        (ARTICLE, '"citation":[{', '"citation":[],"cites":[{'),
        (PART, '"hasPart"', '"parts"'),
        (HOME, '"@type":"WebSite"', '"@type":"Website"'),
        (HOME, '{"@context"', '{,"@context"'),
    ],
)
def test_the_guard_notices(page: str, old: str, new: str, published_copy: Project) -> None:
    notices(guards.facts, published_copy, page, old, new)


def test_text_that_would_end_the_script_stays_within_it(odd: Project) -> None:
    assert data(odd, "29/toy.html")["description"] == "A </script></b> & 'quoted' \"one\" ></p>"


def test_an_article_cites_what_it_cites(published: Project) -> None:
    assert data(published, ARTICLE)["citation"] == [{"@id": "https://arxiv.org/abs/2201.02177"}]
