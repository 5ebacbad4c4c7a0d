from __future__ import annotations

import pytest

from tests.finish import guards, notices
from tests.project import Project


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("29/toy/#claim-delay", "29/toy/#claim-deley"),
        ("<p>One toy", "<p>¶ One toy"),
        ('"location":"29/"', '"location":"29/toy/"'),
        ("glossary/#weight-decay", "glossary/"),
        ('"location":"29/#abstract"', '"location":"generated/29/toy/run/"'),
    ],
)
def test_the_guard_notices(old: str, new: str, published_copy: Project) -> None:
    notices(guards.searches, published_copy, "search/search_index.json", old, new)
