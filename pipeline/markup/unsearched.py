"""What the search does not find: what is on buttons and in tables of claims, large formulas, and code, or half of what is
found would be imports; but it finds the first block of *Take it home*.

The mark is that of the theme's search, which takes it out of the page again; elsewhere it does nothing.
"""

from __future__ import annotations

from xml.etree.ElementTree import Element

from markdown.treeprocessors import Treeprocessor
from markdown.util import HTML_PLACEHOLDER_RE

CLASSES = {"status", "take", "claims", "back", "unsearched"}
TAKE_HOME = "take-it-home"  # the id of its heading
MARK = "data-search-exclude"


class Marks(Treeprocessor):
    def run(self, root: Element) -> None:
        blocks, wanted = self.md.htmlStash.rawHtmlBlocks, False
        for element in root.iter():
            wanted = wanted or element.get("id") == TAKE_HOME
            if CLASSES & set(element.get("class", "").split()) or (element.tag == "math" and element.get("display")):
                element.set(MARK, "x")
            # Where Python-Markdown keeps its blocks of code.
            for place in map(int, HTML_PLACEHOLDER_RE.findall(f"{element.text or ''}{element.tail or ''}")):
                code = blocks[place]
                if isinstance(code, str) and "<pre" in code:
                    blocks[place] = code if wanted else code.replace("<pre", f'<pre {MARK}="x"')
                    wanted = False
