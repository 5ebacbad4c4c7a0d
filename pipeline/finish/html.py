"""Finished HTML, read and written by a parser, and what the theme leaves out of it."""

from __future__ import annotations

from collections.abc import Callable

from selectolax.lexbor import LexborHTMLParser, LexborNode

Change = Callable[[LexborNode], None]


def parse(html: str) -> LexborHTMLParser:
    """A whole page as a tree."""
    return LexborHTMLParser(html)


def serialise(tree: LexborHTMLParser) -> str:
    """A whole page as text, which a browser reads as the same tree."""
    for element in tree.css("pre, textarea"):
        first = element.first_child
        if first and first.is_text_node and (first.text_content or "").startswith("\n"):
            first.insert_before("\n")  # for one at the beginning of these is not read
    return tree.html or ""


def element(tree: LexborHTMLParser, tag: str, text: str = "", /, **attributes: str) -> LexborNode:
    """A new element, to be put into this tree: ``http_equiv`` gives the attribute ``http-equiv``."""
    made = tree.create_node(tag)
    _change(**attributes)(made)
    if text:
        made.insert_child(text)
    return made


def _change(*without: str, **values: str) -> Change:
    """Take these attributes from an element, and give it those."""

    def change(node: LexborNode) -> None:
        for name in without:
            del node.attrs[name]
        for name, value in values.items():
            node.attrs[name.replace("_", "-")] = value

    return change


# A fault, and what mends it; for people who have no mouse or see no screen, and for validators of HTML. Each was seen
# with the version named; a test fails when the theme no longer has it.
MENDS: dict[str, Change] = {
    # mkdocs-material 9.8.1: a dialog without a name.
    '.md-search[role="dialog"]:not([aria-label])': _change(aria_label="Search"),
    # mkdocs-material 9.8.1: `autocomplete` is not for a box to be ticked.
    "input.md-toggle[autocomplete]": _change("autocomplete"),
    # mkdocs-material 9.8.1: in a section of the navigation `tabindex` has no value.
    'label.md-nav__link[tabindex=""]': _change("tabindex"),
    # mkdocs-material 9.8.1: the label of contents is for a box that pages outside the navigation do not have.
    'body:not(:has(#__toc)) label[for="__toc"]': _change("for"),
    # mkdocs-jupyter 0.26.3: every cell can be focused; what can be scrolled docs/assets/access.js finds.
    'div[class^="jp-"][tabindex]': _change("tabindex"),
    # mkdocs-jupyter 0.26.3: a button that is called none, with an attribute named by a comma.
    "clipboard-copy:not([role])": _change(",", role="button", tabindex="0"),
    # mkdocs-material 9.8.1: the colours of its palettes; site.css has all of both schemes.
    'link[href*="/palette."]': LexborNode.decompose,
}


def mend(tree: LexborHTMLParser) -> None:
    """What the theme leaves out; what pages say to the search alone; and that a file offered to be kept is kept, whatever
    type its host gives it."""
    keep = {
        f'a[href$=".{ending}"]:not([href*=":"], [download])': _change(download="") for ending in ("py", "ipynb", "bib")
    }
    for found, change in (MENDS | keep | {"[data-search-exclude]": _change("data-search-exclude")}).items():
        for node in tree.css(found):
            change(node)
