"""What the search finds: prose, terms, the function to take home, and every claim by itself; not what is on buttons."""

from __future__ import annotations

import re
from html import escape, unescape
from typing import TYPE_CHECKING, Any

from pipeline.write import claims

if TYPE_CHECKING:
    from pipeline.write.parts import Concept

EXCLUDED = 'data-search-exclude="x"'  # as the theme's search has it; it takes the mark out of the page again


def entries(concept: Concept, url: str, html: str) -> list[dict[str, Any]]:
    """Each claim of an article as a find of its own, worded as on the page, which leads to its line of the table."""
    found = []
    for anchor, verdict in zip(claims.anchors([v.claim for v in concept.verdicts]), concept.verdicts, strict=True):
        beside = verdict.claim.comparison or "control"
        control = f"; {beside}: {verdict.control}" if verdict.control else ""
        if shown := re.search(rf'<span id="{anchor}">(.*?)</span>', html, re.DOTALL):
            found.append(
                {
                    "location": f"{url}#{anchor}",
                    "title": escape(unescape(re.sub(r"<[^>]+>", "", shown[1])), quote=False),
                    "text": f"<p>Measured here: {verdict.measured}{control}.</p>",
                    "tags": list(concept.meta.get("tags", ())),
                }
            )
    return found
