"""What the search does not find: what is on buttons and in tables of claims, large formulas, and code, or half of what is
found would be imports; but it finds the first block of *Take it home*.

The mark is that of the theme's search, which takes it out of the page again; elsewhere it does nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from markdown.treeprocessors import Treeprocessor
from markdown.util import HTML_PLACEHOLDER_RE

CLASSES = {"status", "take", "claims", "back", "unsearched"}
TAKE_HOME = "take-it-home"  # the id of its heading
MARK = "data-search-exclude"


class Marks(Treeprocessor):
    def run(self, root: Element) -> None:
        wanted = False
        for item in self._in_order(root):
            if isinstance(item, Element):
                wanted = wanted or item.get("id") == TAKE_HOME
                if CLASSES & set(item.get("class", "").split()) or (item.tag == "math" and item.get("display")):
                    item.set(MARK, "x")
            elif wanted:
                wanted = False
            else:
                code = str(self.md.htmlStash.rawHtmlBlocks[item])
                self.md.htmlStash.rawHtmlBlocks[item] = code.replace("<pre", f'<pre {MARK}="x"')

    def _in_order(self, root: Element) -> Iterator[Element | int]:
        """The elements of a page, and the places at which Python-Markdown keeps its blocks of code."""
        for element in root.iter():
            yield element
            for place in map(int, HTML_PLACEHOLDER_RE.findall(f"{element.text or ''}{element.tail or ''}")):
                kept = self.md.htmlStash.rawHtmlBlocks[place]
                if isinstance(kept, str) and "<pre" in kept:
                    yield place
