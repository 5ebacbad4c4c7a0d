"""What a page wears so that it can be laid out: marks that its words do not need, and the stylesheet does."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement

from markdown.treeprocessors import Treeprocessor
from markdown.util import HTML_PLACEHOLDER_RE

RANGE = re.compile(r"\([^()a-zA-Z]+(?:–| to )[^()a-zA-Z]+\)$")


class Layout(Treeprocessor):
    """*In 30 seconds*, heading and paragraphs, is one block; each table stands in a box that it can be scrolled in (the
    theme's script makes such a box of what has no class, and what stands below has to move); no range in a table is broken
    after its dash; what is aligned has a class, since the policy of a page forbids attributes of style."""

    def run(self, root: Element) -> None:
        for parent in list(root.iter()):
            for child in list(parent):
                if child.tag == "h2" and child.get("id") == "in-30-seconds":
                    _in_one_block(parent, list(parent).index(child))
                elif child.tag == "table" and not child.attrib:
                    _in_a_box(parent, list(parent).index(child))


def _in_one_block(parent: Element, place: int) -> None:
    block = Element("section", {"class": "short"})
    block.tail = "\n"
    block.append(parent[place])
    for child in parent[place + 1 :]:
        if child.tag != "p" or child.attrib or HTML_PLACEHOLDER_RE.fullmatch(child.text or ""):
            break
        block.append(child)
    parent[place : place + len(block)] = [block]


def _in_a_box(parent: Element, place: int) -> None:
    table = parent[place]
    parent[place] = box = Element("div", {"class": "table"})
    box.append(table)
    box.tail, table.tail = table.tail, None
    table.set("class", "data")
    for cell in table.iter():
        if style := cell.attrib.pop("style", None):
            cell.set("class", style.removeprefix("text-align: ").rstrip(";"))
        if cell.tag in ("td", "strong"):
            _keep_whole(cell)


def _keep_whole(cell: Element) -> None:
    """A range at its end becomes an element."""
    before = cell[-1] if len(cell) else None
    text = (cell.text if before is None else before.tail) or ""
    if found := RANGE.search(text):
        SubElement(cell, "span", {"class": "range"}).text = found[0]
        if before is None:
            cell.text = text[: found.start()]
        else:
            before.tail = text[: found.start()]
