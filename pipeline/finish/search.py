"""What the search finds beyond headings: every claim by itself."""

from __future__ import annotations

from html import escape
from typing import Any

from pipeline.finish.html import parse
from pipeline.write.parts import Concept


def to_be_found(content: str) -> str:
    """The HTML of a page without the code and the formulas that the search steps over: it would read each of their tags."""
    tree = parse(content)
    for element in tree.css("pre[data-search-exclude], math[data-search-exclude]"):
        element.decompose()
    return (tree.body and tree.body.inner_html) or ""


def entries(concept: Concept, address: str, content: str) -> list[dict[str, Any]]:
    """Each claim of an article, as an entry of the search's index that leads to its line of the table.

    ``content`` is the article's HTML: a claim is worded as there, where its formulas are drawn.
    """
    tree, found = parse(content), []
    for verdict in concept.verdicts:
        anchor = verdict.claim.anchor
        beside = verdict.claim.comparison or "control"
        control = f"; {beside}: {verdict.control}" if verdict.control else ""
        if shown := tree.css_first(f'[id="{anchor}"]'):
            found.append(
                {
                    "location": f"{address}#{anchor}",
                    "title": escape(shown.text(), quote=False),
                    "text": f"<p>Measured here: {verdict.measured}{control}.</p>",
                    "tags": list(concept.meta.get("tags", ())),
                }
            )
    return found
