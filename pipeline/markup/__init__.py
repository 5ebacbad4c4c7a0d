"""Markdown -> HTML, as far as it is ours: one extension of Python-Markdown, ``pipeline.markup``, for any engine that runs such.

It needs no configuration, and knows no engine. ``code`` draws blocks of Python, ``formulas`` TeX, ``terms`` links
their first use to the glossary, ``layout`` marks what the stylesheet lays out, ``unsearched`` what the search does not find.
"""

from __future__ import annotations

from pathlib import Path

from markdown import Markdown
from markdown.extensions import Extension

from pipeline.markup import code, formulas, layout, terms, unsearched


class Markup(Extension):
    def __init__(self, **given: object) -> None:
        self.config = {"kept": ["", "a folder in which highlighted code is kept from one build to the next"]}
        super().__init__(**given)

    def extendMarkdown(self, md: Markdown) -> None:
        kept = self.getConfig("kept")
        md.registerExtensions(
            ["pymdownx.highlight", "pymdownx.superfences"], code.settings(Path(kept) if kept else None)
        )
        formulas.register(md)
        # After attributes (8) and smart quotes (6), by whose classes and words these go, and after headings got their
        # ids (5); before the engine resolves links (0).
        md.treeprocessors.register(terms.FirstUses(md), "terms", 4)
        md.treeprocessors.register(layout.Layout(md), "layout", 3)
        md.treeprocessors.register(unsearched.Marks(md), "unsearched", 2)


def makeExtension(**given: object) -> Markup:
    """As Python-Markdown asks for it."""
    return Markup(**given)
