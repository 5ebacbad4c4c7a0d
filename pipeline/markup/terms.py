"""The first use of each term on a page leads to the glossary, with the definition as its tooltip.

A page says its terms as reference definitions, one for each form: ``[weight decays]: ../glossary.md#weight-decay "A pull …"``.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from markdown.treeprocessors import Treeprocessor
from markdown.util import AtomicString

GLOSSARY = "glossary.md#"
NOT_IN = {"a", "abbr", "button", "code", "figcaption", "kbd", "math", "pre", "summary", "th"}
NOT_IN |= {"h1", "h2", "h3", "h4", "h5", "h6"}
NOT_IN_CLASS = {"status", "grid"}


class FirstUses(Treeprocessor):
    def run(self, root: Element) -> None:
        self.terms = {form: link for form, link in self.md.references.items() if GLOSSARY in link[0]}
        if self.terms:
            longest_first = sorted(map(re.escape, self.terms), key=len, reverse=True)
            self.form = re.compile(rf"(?<!\w)(?:{'|'.join(longest_first)})(?!\w)", re.IGNORECASE)
            self.seen: set[str] = set()
            self._walk(root)

    def _walk(self, element: Element) -> None:
        """Down the page in the order in which it is read."""
        if element.tag in NOT_IN or NOT_IN_CLASS & set(element.get("class", "").split()):
            return
        children = list(element)
        element.text, links = self._link(element.text)
        element[:0] = links
        for child in children:
            self._walk(child)
            child.tail, links = self._link(child.tail)
            after = list(element).index(child) + 1
            element[after:after] = links

    def _link(self, text: str | None) -> tuple[str | None, list[Element]]:
        """The text before the first term that is new, and a link for each new one with the text that follows it."""
        links: list[Element] = []
        if not text or isinstance(text, AtomicString):
            return text, links
        pieces, start = list[str](), 0
        for match in self.form.finditer(text):
            address, definition = self.terms[match[0].lower()]
            if address not in self.seen:
                self.seen.add(address)
                pieces.append(text[start : match.start()])
                start = match.end()
                links.append(Element("a", {"class": "term", "href": address, "title": definition or ""}))
                links[-1].text = AtomicString(match[0])
        before, *between = *pieces, text[start:]
        for link, tail in zip(links, between, strict=True):
            link.tail = tail
        return before, links
