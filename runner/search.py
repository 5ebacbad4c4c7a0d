"""What the search finds: prose, terms, the function to take home, and every claim by itself; not what is on buttons."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING, Any

from runner import claims

if TYPE_CHECKING:
    from runner.parts import Concept

EXCLUDED = 'data-search-exclude="x"'  # as the theme's search has it; it takes the mark out of the page again
# Code is left out, or half of what is found would be imports; all but the first block of this section.
TAKE_HOME = re.compile(r'(<h2 id="take-it-home">.*?<pre>)', re.DOTALL)


def without_noise(html: str) -> str:
    """A page's content with marks on what is not to be found."""
    parts = TAKE_HOME.split(html)
    parts[::2] = [part.replace("<pre", f"<pre {EXCLUDED}") for part in parts[::2]]
    return "".join(parts).replace('<math display="block"', f'<math {EXCLUDED} display="block"')


def entries(concept: Concept, url: str) -> list[dict[str, Any]]:
    """Each claim of an article as a find of its own, which leads to its line of the table."""
    anchors = claims.anchors([verdict.claim for verdict in concept.verdicts])
    return [
        {
            "location": f"{url}#{anchor}",
            "title": escape(_plain(verdict.claim.says), quote=False),
            "text": f"<p>Measured here: {verdict.measured}"
            + (f"; control: {verdict.control}" if verdict.control else "")
            + ".</p>",
            "tags": list(concept.meta.get("tags", ())),
        }
        for anchor, verdict in zip(anchors, concept.verdicts, strict=True)
    ]


def _plain(markdown: str) -> str:
    """A line without its marks of emphasis, code and formula."""
    return re.sub(r"[*`]|\\[()]", "", markdown)
